//! What people do to calls.

use axum::{
    extract::{Path, State},
    response::Response,
};
use warmline_api::{EscalateBody, ReasonBody, TextBody};
use warmline_call::{OperatorAction, Person, Private};

use super::{find, id};
use crate::{
    calls::ActError,
    http::{
        ApiError, AppState,
        body::{Checked, CheckedOrNone},
        error::{FieldError, ok},
        operator::Operator,
    },
    openapi::{ActionParams, docs, errors},
};

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
    Operator(by): Operator,
) -> Result<Response, ApiError> {
    act(&state, &call, by, OperatorAction::Hangup).await
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
    Operator(by): Operator,
    CheckedOrNone(body): CheckedOrNone<EscalateBody>,
) -> Result<Response, ApiError> {
    let reason = said(body.reason).unwrap_or_else(|| "An operator asked for it.".into());
    act(&state, &call, by, OperatorAction::Escalate { reason }).await
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
    Operator(by): Operator,
) -> Result<Response, ApiError> {
    act(&state, &call, by, OperatorAction::Accept).await
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
    Operator(by): Operator,
    CheckedOrNone(body): CheckedOrNone<ReasonBody>,
) -> Result<Response, ApiError> {
    act(&state, &call, by, OperatorAction::Decline { reason: said(body.reason) }).await
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
    Operator(by): Operator,
    Checked(body): Checked<TextBody>,
) -> Result<Response, ApiError> {
    if !state.calls.can_say(body.text.reveal()) {
        let msg = "There is nothing in this text that can be spoken.";
        return Err(ApiError::invalid(vec![FieldError::new(
            "value_error",
            &["body", "text"],
            msg,
            body.text.reveal().as_str(),
        )]));
    }
    act(&state, &call, by, OperatorAction::Say { text: body.text }).await
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
    Operator(by): Operator,
    Checked(body): Checked<TextBody>,
) -> Result<Response, ApiError> {
    act(&state, &call, by, OperatorAction::Instruct { text: body.text }).await
}

/// Claim the escalation
///
/// Takes the escalation on: it stops ringing everywhere else. The first wins; everybody else gets 409 with the name.
#[utoipa::path(
    post, path = "/calls/{id}/claim", tag = "actions", operation_id = "claim",
    params(ActionParams),
    responses((status = 200, description = "The call as it is now.", body = docs::Call), errors::Act),
)]
pub(crate) async fn claim(
    State(state): State<AppState>,
    Path(call): Path<String>,
    Operator(by): Operator,
) -> Result<Response, ApiError> {
    act(&state, &call, by, OperatorAction::Claim).await
}

/// Release the escalation
///
/// Leaves a claimed escalation to others again.
#[utoipa::path(
    post, path = "/calls/{id}/release", tag = "actions", operation_id = "release",
    params(ActionParams),
    responses((status = 200, description = "The call as it is now.", body = docs::Call), errors::Act),
)]
pub(crate) async fn release(
    State(state): State<AppState>,
    Path(call): Path<String>,
    Operator(by): Operator,
) -> Result<Response, ApiError> {
    act(&state, &call, by, OperatorAction::Release).await
}

/// Give the customer back
///
/// Ends a take-over: the agent goes on with the customer, knowing what was said.
#[utoipa::path(
    post, path = "/calls/{id}/give-back", tag = "actions", operation_id = "give_back",
    params(ActionParams),
    responses((status = 200, description = "The call as it is now.", body = docs::Call), errors::Act),
)]
pub(crate) async fn give_back(
    State(state): State<AppState>,
    Path(call): Path<String>,
    Operator(by): Operator,
) -> Result<Response, ApiError> {
    act(&state, &call, by, OperatorAction::GiveBack).await
}

fn said(text: Option<Private<String>>) -> Option<Private<String>> {
    text.filter(|text| !text.reveal().trim().is_empty())
}

async fn act(state: &AppState, call: &str, by: Person, action: OperatorAction) -> Result<Response, ApiError> {
    match state.calls.act(&id(call)?, action, by).await {
        Ok(view) => Ok(ok(view)),
        // The runtime knows open calls only; the log knows those that are over.
        Err(ActError::Unknown) => {
            let phase = find(state, call).await?.phase;
            Err(ApiError::conflict(format!("This is not possible any more: the call is in phase {phase}.")))
        }
        Err(error) => Err(error.into()),
    }
}
