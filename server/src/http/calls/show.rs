use axum::{
    extract::{Path, State},
    response::Response,
};

use crate::{
    http::{ApiError, AppState, calls::id, error::ok_json},
    openapi::{CallParams, docs, errors},
};

/// Show a call
///
/// One call: its phase, legs, transfer attempts, transcript, timings and end, with what its request was answered with.
#[utoipa::path(
    get, path = "/calls/{id}", tag = "calls", operation_id = "show_call",
    params(CallParams),
    responses((status = 200, description = "The call.", body = docs::CallInFull), errors::OneCall),
)]
pub(crate) async fn show(State(state): State<AppState>, Path(call): Path<String>) -> Result<Response, ApiError> {
    let found = state.calls.store().call_json(&id(&call)?).await?;
    let found = found.ok_or_else(|| ApiError::no_such_call(&call))?;
    let details = found.details.as_deref().unwrap_or("null");
    let view = found.view.strip_suffix(b"}").ok_or_else(ApiError::internal)?;
    let mut body = Vec::with_capacity(view.len() + details.len() + 32);
    body.extend_from_slice(view);
    body.extend_from_slice(format!(r#","details":{details}}}"#).as_bytes());
    Ok(ok_json(body))
}
