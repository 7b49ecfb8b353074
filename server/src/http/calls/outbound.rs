//! The two POSTs that start calls.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use warmline_api::{Details, INVALID_PHONE_NUMBER, OutboundRequest, OutboundResponse, PhoneNumber, TranscriptLine};
use warmline_call::{CallId, CallView, EndReason, Private, Side};

use crate::{
    calls::{Order, PlaceError, Placed},
    http::{
        ApiError, AppState, FieldError,
        body::{Checked, checked},
    },
    openapi::{StartParams, errors},
    text::printable,
};

/// Said on an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Which of the two POSTs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Agent alone; the answer comes when the call is over.
    Standard,
    /// With escalation; the answer comes at once.
    WithEscalation,
}

/// An answer that may be given again.
struct Answer {
    status: StatusCode,
    body: String,
    replayed: bool,
}

/// Start a call with escalation
///
/// Starts a call with an AI agent that can hand over, warm, to a human supervisor. Answers as soon as the dial has
/// begun.
#[utoipa::path(
    post, path = "/calls/outbound-with-escalation", tag = "calls", operation_id = "start_call_with_escalation",
    params(StartParams),
    request_body(content = OutboundRequest, content_type = "application/json"),
    responses((status = 200, description = "The dial has begun.", body = OutboundResponse), errors::Start),
)]
pub(crate) async fn with_escalation(
    State(state): State<AppState>,
    headers: HeaderMap,
    Checked(request): Checked<OutboundRequest>,
) -> Result<Response, ApiError> {
    start(state, &headers, request, Kind::WithEscalation).await
}

/// Start a standard call
///
/// Starts a call with an AI agent, without escalation, waits for its end and answers with the transcript. The call
/// goes on should the client go away meanwhile.
#[utoipa::path(
    post, path = "/calls/outbound", tag = "calls", operation_id = "start_call",
    params(StartParams),
    request_body(content = OutboundRequest, content_type = "application/json"),
    responses((status = 200, description = "The call is over.", body = OutboundResponse), errors::Start),
)]
pub(crate) async fn standard(
    State(state): State<AppState>,
    headers: HeaderMap,
    Checked(request): Checked<OutboundRequest>,
) -> Result<Response, ApiError> {
    start(state, &headers, request, Kind::Standard).await
}

/// The same for the form of the page, whose fields are not checked yet.
///
/// # Errors
/// What the REST caller would be told.
pub async fn start_with_escalation(
    state: AppState,
    headers: HeaderMap,
    request: OutboundRequest,
) -> Result<Response, ApiError> {
    checked(&request)?;
    start(state, &headers, request, Kind::WithEscalation).await
}

async fn start(
    state: AppState,
    headers: &HeaderMap,
    request: OutboundRequest,
    kind: Kind,
) -> Result<Response, ApiError> {
    let order = order(&state, headers, request, kind)?;
    // A client that goes away takes nothing with it: the call, and the answer to its key, are nobody's but ours.
    let answer = tokio::spawn(async move { answer(&state, order, kind).await });
    answer.await.map_err(|_| ApiError::internal())?.map(Answer::into_response)
}

/// Checks a request and fills in what it leaves out.
fn order(state: &AppState, headers: &HeaderMap, request: OutboundRequest, kind: Kind) -> Result<Order, ApiError> {
    let key = idempotency_key(headers)?;
    let idempotency = key.map(|key| (key, fingerprint(&request, kind)));
    let phone: PhoneNumber =
        request.phone_number.reveal().parse().map_err(|_| ApiError::bad_request(INVALID_PHONE_NUMBER))?;
    let defaults = state.calls.defaults();
    Ok(Order {
        phone,
        original_input: request.phone_number,
        name: said(request.name.map(|name| Private::from(printable(name.reveal()).trim()))),
        dynamic_instruction: said(request.dynamic_instruction),
        language: request.language.filter(|l| !l.trim().is_empty()).unwrap_or(defaults.language),
        emotion: request.emotion.filter(|e| !e.trim().is_empty()).unwrap_or(defaults.emotion),
        escalation: kind == Kind::WithEscalation,
        idempotency,
    })
}

/// A text that says something.
fn said(text: Option<Private<String>>) -> Option<Private<String>> {
    text.filter(|text| !text.reveal().trim().is_empty())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    match key.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) => {
            Ok(Some(key.to_owned()))
        }
        _ => {
            let msg = "Input should be 1 to 255 visible ASCII characters";
            let input = String::from_utf8_lossy(key.as_bytes()).into_owned();
            Err(ApiError::invalid(vec![FieldError::new("value_error", &["header", "Idempotency-Key"], msg, input)]))
        }
    }
}

/// Two requests with the same fingerprint ask for the same.
fn fingerprint(request: &OutboundRequest, kind: Kind) -> String {
    let mut hash = Sha256::new();
    hash.update([u8::from(kind == Kind::Standard)]);
    hash.update(serde_json::to_vec(request).unwrap_or_default());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn answer(state: &AppState, order: Order, kind: Kind) -> Result<Answer, ApiError> {
    let key = order.idempotency.as_ref().map(|(key, _)| key.clone());
    let asked = order.clone();
    let placed = match state.calls.place(order).await {
        Ok(placed) => placed,
        Err(error @ PlaceError::Failed(_)) => {
            let error = ApiError::from(error);
            return Ok(remember(state, key, error.status(), error.body()));
        }
        Err(error) => return Err(error.into()),
    };
    match placed {
        Placed::New(details) => {
            let body = placed_answer(state, *details, kind).await?;
            Ok(remember(state, key, StatusCode::OK, body))
        }
        Placed::Replay { status, body } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            Ok(Answer { status, body, replayed: true })
        }
        Placed::Running => after_a_crash(state, key, asked, kind).await,
        Placed::KeyReused => {
            let msg = "This Idempotency-Key was used for another request";
            let input = key.map_or(Value::Null, Value::from);
            Err(ApiError::invalid(vec![FieldError::new("value_error", &["header", "Idempotency-Key"], msg, input)]))
        }
    }
}

async fn placed_answer(state: &AppState, details: Details, kind: Kind) -> Result<String, ApiError> {
    let Ok(call) = details.call_id.parse::<CallId>() else { return Err(ApiError::internal()) };
    if let Ok(json) = serde_json::to_string(&details) {
        state.calls.store().note_details(&call, &json);
    }
    match kind {
        Kind::WithEscalation => Ok(started(details)),
        Kind::Standard => {
            let view = state.calls.ended(&call).await.ok_or_else(ApiError::internal)?;
            Ok(over(details, &view))
        }
    }
}

/// The guide's answer, at once.
fn started(details: Details) -> String {
    let message = format!("Outbound call with escalation initiated to {}", whom(&details));
    envelope(message, details, None)
}

/// The guide's answer, after the call.
fn over(details: Details, view: &CallView) -> String {
    let message = match &view.end {
        Some(end) if end.reason != EndReason::Completed => {
            format!("Outbound call to {} ended: {}", whom(&details), end.detail)
        }
        _ => format!("Outbound call to {} completed", whom(&details)),
    };
    let lines = view.transcript.iter().filter(|line| line.r#final && line.side == Side::Call);
    let transcript = lines.map(|line| TranscriptLine {
        speaker: line.speaker.to_string(),
        text: line.text.clone(),
        at: format!("{:.3}", line.started_at),
    });
    envelope(message, details, Some(transcript.collect()))
}

fn whom(details: &Details) -> String {
    match &details.name {
        Some(name) => format!("{} for {}", details.phone_number.reveal(), name.reveal()),
        None => details.phone_number.reveal().clone(),
    }
}

fn envelope(message: String, details: Details, transcript: Option<Vec<TranscriptLine>>) -> String {
    let response = OutboundResponse { status: "success".into(), message, details, transcript };
    serde_json::to_string(&response).unwrap_or_default()
}

/// Keeps the answer for whoever sends the same key again. Nobody waits for the disk: an answer that a crash loses is made again
/// from the log.
fn remember(state: &AppState, key: Option<String>, status: StatusCode, body: String) -> Answer {
    if let Some(key) = key {
        state.calls.store().finish_key(&key, status.as_u16(), &body);
    }
    Answer { status, body, replayed: false }
}

/// The same request has no answer yet: it is being answered right now, or Warmline was stopped before it could be.
/// In the latter case the call's end is known, and the answer is made from it: nobody is dialled twice.
async fn after_a_crash(state: &AppState, key: Option<String>, order: Order, kind: Kind) -> Result<Answer, ApiError> {
    let running = || ApiError::conflict("A request with this Idempotency-Key is still being answered");
    let key = key.ok_or_else(running)?;
    let store = state.calls.store();
    let call = store.call_of_key(&key).await?.ok_or_else(running)?;
    let view = store.call(&call).await?.filter(|view| view.end.is_some()).ok_or_else(running)?;
    let kept = store.call_json(&call).await?.and_then(|call| call.details);
    let details = kept.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_else(|| rebuilt(&view, order));
    let body = match kind {
        Kind::WithEscalation => started(details),
        Kind::Standard => over(details, &view),
    };
    Ok(Answer { replayed: true, ..remember(state, Some(key), StatusCode::OK, body) })
}

/// What is known of a call whose answer was never given. Its participant is not.
fn rebuilt(view: &CallView, order: Order) -> Details {
    Details {
        call_id: view.call.to_string(),
        phone_number: view.phone_number.clone(),
        original_input: order.original_input,
        name: order.name,
        room_name: view.call.to_string(),
        participant_id: String::new(),
        sip_call_id: String::new(),
        has_dynamic_instruction: order.dynamic_instruction.is_some(),
        language: view.language.clone(),
        emotion: view.emotion.clone(),
        escalation_enabled: view.escalation_enabled,
        supervisor_phone: None,
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut response = (self.status, [json], self.body).into_response();
        if self.replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_requests_apart_and_not_their_spelling() {
        let parse = |text: &str| serde_json::from_str::<OutboundRequest>(text).unwrap();
        let one = parse(r#"{"phone_number":"+15550100001","name":"Ada"}"#);
        let same = parse(r#"{ "name": "Ada", "phone_number": "+15550100001", "language": null }"#);
        let other = parse(r#"{"phone_number":"+15550100001","name":"Ben"}"#);
        assert_eq!(fingerprint(&one, Kind::Standard), fingerprint(&same, Kind::Standard));
        assert_ne!(fingerprint(&one, Kind::Standard), fingerprint(&other, Kind::Standard));
        assert_ne!(fingerprint(&one, Kind::Standard), fingerprint(&one, Kind::WithEscalation));
    }
}
