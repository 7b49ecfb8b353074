use axum::{
    extract::{Path, State},
    response::Response,
};

use crate::{
    http::{ApiError, AppState, calls::id, error::ok_json, query::Params},
    openapi::{EventsParams, docs, errors},
};

/// Events in one answer at most.
const MOST: u64 = 10_000;

/// A call's events
///
/// In order and without gaps, from the one after `after` on; at most `limit`, so that the next request goes on after
/// the last one's `seq`.
#[utoipa::path(
    get, path = "/calls/{id}/events", tag = "calls", operation_id = "list_events",
    params(EventsParams),
    responses((status = 200, description = "The events.", body = docs::EventPage), errors::OneCall),
)]
pub(crate) async fn events(
    State(state): State<AppState>,
    Path(call): Path<String>,
    mut params: Params,
) -> Result<Response, ApiError> {
    let after = params.number("after", 0, (1 << 53) - 1).unwrap_or(0);
    let limit = usize::try_from(params.number("limit", 1, MOST).unwrap_or(MOST)).unwrap_or_default();
    params.done()?;
    let bodies = state.calls.store().event_bodies(&id(&call)?, after, limit).await?;
    let bodies = bodies.ok_or_else(|| ApiError::no_such_call(&call))?;
    Ok(ok_json(format!(r#"{{"events":[{}]}}"#, bodies.join(","))))
}
