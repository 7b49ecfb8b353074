//! `livekit.SIP` as the server's API has it: Twirp, in protobuf or JSON.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use livekit_protocol as proto;
use prost::Message;
use serde_json::json;
use tokio::sync::oneshot;

use super::{Inner, leg};

/// An error as Twirp says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TwirpError {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) meta: BTreeMap<String, String>,
}

impl TwirpError {
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), meta: BTreeMap::new() }
    }

    pub(super) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.meta.insert(key.to_owned(), value.into());
        self
    }
}

impl IntoResponse for TwirpError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({ "code": self.code, "msg": self.message, "meta": self.meta }).to_string();
        (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

pub(super) async fn sip(
    State(inner): State<Arc<Inner>>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let json = is_json(&headers);
    let answer = match method.as_str() {
        _ if !may_call(&inner, &headers) => Err(TwirpError::new(401, "unauthenticated", "permissions denied")),
        "CreateSIPParticipant" => create_participant(&inner, json, &body).await,
        "ListSIPOutboundTrunk" => {
            let items = vec![trunk(&inner)];
            Ok(encode(json, &proto::ListSipOutboundTrunkResponse { items }))
        }
        "ListSIPInboundTrunk" | "ListSIPTrunk" | "ListSIPDispatchRule" => {
            Ok(encode(json, &proto::ListSipInboundTrunkResponse::default()))
        }
        other => Err(TwirpError::new(501, "unimplemented", format!("the simulated carrier has no {other}"))),
    };
    match answer {
        Ok(body) => with_kind(json, body),
        Err(error) => error.into_response(),
    }
}

async fn create_participant(inner: &Arc<Inner>, json: bool, body: &[u8]) -> Result<Vec<u8>, TwirpError> {
    let malformed = || TwirpError::new(400, "malformed", "the request could not be decoded");
    let request: proto::CreateSipParticipantRequest = if json {
        serde_json::from_slice(body).map_err(|_| malformed())?
    } else {
        proto::CreateSipParticipantRequest::decode(body).map_err(|_| malformed())?
    };
    if inner.overloaded.load(std::sync::atomic::Ordering::Relaxed) {
        return Err(TwirpError::new(503, "unavailable", "cpu exhausted"));
    }
    if request.sip_trunk_id != inner.trunk {
        return Err(TwirpError::new(404, "not_found", "requested sip trunk does not exist"));
    }
    inner.count_dial(&request.participant_identity, &request.sip_call_to);
    let wait = request.wait_until_answered;
    let (outcome, decided) = oneshot::channel();
    let info = leg::begin(inner, request, outcome).await?;
    if wait {
        match decided.await {
            Ok(Ok(())) => {}
            Ok(Err(refused)) => return Err(refused.to_twirp()),
            Err(_) => return Err(TwirpError::new(500, "internal", "the call was ended before it was answered")),
        }
    }
    Ok(encode(json, &info))
}

/// A method's answer.
pub(super) fn answer<M: Message + serde::Serialize>(json: bool, message: &M) -> Response {
    with_kind(json, encode(json, message))
}

fn with_kind(json: bool, body: Vec<u8>) -> Response {
    let kind = if json { "application/json" } else { "application/protobuf" };
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

fn trunk(inner: &Inner) -> proto::SipOutboundTrunkInfo {
    proto::SipOutboundTrunkInfo {
        sip_trunk_id: inner.trunk.clone(),
        name: "simulated carrier".to_owned(),
        address: "carrier.invalid".to_owned(),
        numbers: vec![inner.from_number.clone()],
        ..proto::SipOutboundTrunkInfo::default()
    }
}

fn may_call(inner: &Inner, headers: &HeaderMap) -> bool {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let claims = token.and_then(|token| inner.verifier.verify(token.trim_start_matches("Bearer ")).ok());
    claims.is_some_and(|claims| claims.sip.call || claims.sip.admin)
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

fn encode<M: Message + serde::Serialize>(json: bool, message: &M) -> Vec<u8> {
    if json { serde_json::to_vec(message).unwrap_or_default() } else { message.encode_to_vec() }
}
