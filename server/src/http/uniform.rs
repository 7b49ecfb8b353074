//! One shape for every error, whoever answers it.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderValue, header},
    response::Response,
};

use super::ApiError;

/// Bytes of a refusal's text that are kept.
const LONGEST: usize = 1_024;

/// An answer as it is, unless it is a refusal of a library: those are a line of text, or nothing. It becomes
/// `{"detail": …}` like any other.
pub(super) async fn uniform(answer: Response) -> Response {
    let status = answer.status();
    let kind = answer.headers().get(header::CONTENT_TYPE);
    let bare = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !bare || !(status.is_client_error() || status.is_server_error()) {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let text = to_bytes(body, LONGEST).await.ok().and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
    let text = text.filter(|text| !text.trim().is_empty());
    let detail = text.as_deref().or_else(|| status.canonical_reason()).unwrap_or("error");
    let body = ApiError::of(status, detail).body();
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(parts, Body::from(body))
}
