//! What people do to calls.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use warmline_api::{EscalateBody, ReasonBody, TextBody};
use warmline_call::{OperatorAction, Private};

use super::{find, id};
use crate::{
    calls::ActError,
    http::{
        ApiError, AppState,
        body::{Checked, CheckedOrNone},
        error::ok,
    },
    openapi::{ActionParams, docs, errors},
};

/// Says who acts; `api` unless told.
const OPERATOR: &str = "x-operator";

/// Hang up
///
/// Ends the call for everybody.
#[utoipa::path(
    post, path = "/calls/{id}/hangup", tag = "actions", operation_id = "hang_up",
    params(ActionParams),
    responses((status = 200, description = "The call as it is now.", body = docs::Call), errors::Act),
)]
pub(crate) async fn hangup(
    State(state): State<AppState>,
    Path(call): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    act(&state, &call, &headers, OperatorAction::Hangup).await
}

/// Escalate
///
/// Starts the warm transfer to a supervisor by hand.
#[utoipa::path(
    post, path = "/calls/{id}/escalate", tag = "actions", operation_id = "escalate",
    params(ActionParams),
    request_body(content = Option<EscalateBody>, content_type = "application/json"),
    responses((status = 200, description = "The call as it is now.", body = docs::Call), errors::ActWithBody),
)]
pub(crate) async fn escalate(
    State(state): State<AppState>,
    Path(call): Path<String>,
    headers: HeaderMap,
    CheckedOrNone(body): CheckedOrNone<EscalateBody>,
) -> Result<Response, ApiError> {
    let reason = said(body.reason).unwrap_or_else(|| "An operator asked for it.".into());
    act(&state, &call, &headers, OperatorAction::Escalate { reason }).await
}

/// Accept the transfer
///
/// The supervisor takes the call over.
#[utoipa::path(
    post, path = "/calls/{id}/transfer/accept", tag = "actions", operation_id = "accept_transfer",
    params(ActionParams),
    responses((status = 200, description = "The call as it is now.", body = docs::Call), errors::Act),
)]
pub(crate) async fn accept(
    State(state): State<AppState>,
    Path(call): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    act(&state, &call, &headers, OperatorAction::Accept).await
}

/// Decline the transfer
///
/// The supervisor does not take the call; the agent tells the customer why.
#[utoipa::path(
    post, path = "/calls/{id}/transfer/decline", tag = "actions", operation_id = "decline_transfer",
    params(ActionParams),
    request_body(content = Option<ReasonBody>, content_type = "application/json"),
    responses((status = 200, description = "The call as it is now.", body = docs::Call), errors::ActWithBody),
)]
pub(crate) async fn decline(
    State(state): State<AppState>,
    Path(call): Path<String>,
    headers: HeaderMap,
    CheckedOrNone(body): CheckedOrNone<ReasonBody>,
) -> Result<Response, ApiError> {
    act(&state, &call, &headers, OperatorAction::Decline { reason: said(body.reason) }).await
}

/// Make the agent say something
///
/// The agent says this next, to the customer.
#[utoipa::path(
    post, path = "/calls/{id}/say", tag = "actions", operation_id = "say",
    params(ActionParams),
    request_body(content = TextBody, content_type = "application/json"),
    responses((status = 200, description = "The call as it is now.", body = docs::Call), errors::ActWithBody),
)]
pub(crate) async fn say(
    State(state): State<AppState>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Checked(body): Checked<TextBody>,
) -> Result<Response, ApiError> {
    act(&state, &call, &headers, OperatorAction::Say { text: body.text }).await
}

/// Nudge the agent
///
/// Tells the agent something that nobody on the call hears.
#[utoipa::path(
    post, path = "/calls/{id}/instruct", tag = "actions", operation_id = "instruct",
    params(ActionParams),
    request_body(content = TextBody, content_type = "application/json"),
    responses((status = 200, description = "The call as it is now.", body = docs::Call), errors::ActWithBody),
)]
pub(crate) async fn instruct(
    State(state): State<AppState>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Checked(body): Checked<TextBody>,
) -> Result<Response, ApiError> {
    act(&state, &call, &headers, OperatorAction::Instruct { text: body.text }).await
}

fn said(text: Option<Private<String>>) -> Option<Private<String>> {
    text.filter(|text| !text.reveal().trim().is_empty())
}

async fn act(state: &AppState, call: &str, headers: &HeaderMap, action: OperatorAction) -> Result<Response, ApiError> {
    match state.calls.act(&id(call)?, action, operator(headers)).await {
        Ok(view) => Ok(ok(view)),
        // The runtime knows open calls only; the log knows those that are over.
        Err(ActError::Unknown) => {
            let phase = find(state, call).await?.phase;
            Err(ApiError::conflict(format!("This is not possible any more: the call is in phase {phase}.")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Who acts, as far as the request says.
fn operator(headers: &HeaderMap) -> String {
    let named = headers.get(OPERATOR).and_then(|name| name.to_str().ok()).map(str::trim);
    named.filter(|name| (1..=64).contains(&name.len())).unwrap_or("api").to_owned()
}
