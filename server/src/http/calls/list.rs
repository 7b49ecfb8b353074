use axum::{extract::State, response::Response};
use warmline_call::{EndReason, Phase};

use crate::{
    http::{ApiError, AppState, error::ok_json, query::Params},
    openapi::{ListParams, docs, errors},
    store::CallFilter,
};

/// Calls on a page, unless the request says otherwise.
const USUAL: u64 = 50;

/// Calls on a page at most.
const MOST: u64 = 200;

/// Which calls the request is about.
pub(super) fn filter(params: &mut Params) -> CallFilter {
    CallFilter {
        phase: params.word("phase", Phase::ALL),
        reason: params.word("reason", EndReason::ALL),
        since: params.since("since"),
        until: params.until("until"),
        q: params.short_text("q", 200),
        ..CallFilter::default()
    }
}

/// The same from a page's query: what makes no sense is left out.
pub(crate) fn filter_of(pairs: Vec<(String, String)>) -> CallFilter {
    let mut params = Params::of(pairs);
    CallFilter { cursor: params.cursor("cursor"), ..filter(&mut params) }
}

/// List calls
///
/// Calls that fit, newest first, a page at a time.
#[utoipa::path(
    get, path = "/calls", tag = "calls", operation_id = "list_calls",
    params(ListParams),
    responses((status = 200, description = "A page of calls.", body = docs::CallPage), errors::Query),
)]
pub(crate) async fn list(State(state): State<AppState>, mut params: Params) -> Result<Response, ApiError> {
    let mut filter = filter(&mut params);
    filter.cursor = params.cursor("cursor");
    filter.limit = usize::try_from(params.number("limit", 1, MOST).unwrap_or(USUAL)).unwrap_or_default();
    params.done()?;
    let page = state.calls.store().page(&filter).await?;
    let mut body = Vec::with_capacity(64 + page.calls.iter().map(|call| call.len() + 1).sum::<usize>());
    body.extend_from_slice(br#"{"calls":["#);
    for (n, call) in page.calls.iter().enumerate() {
        if n > 0 {
            body.push(b',');
        }
        body.extend_from_slice(call);
    }
    let next = page.next.map_or_else(|| "null".to_owned(), |cursor| format!("\"{cursor}\""));
    body.extend_from_slice(format!(r#"],"next_cursor":{next}}}"#).as_bytes());
    Ok(ok_json(body))
}
