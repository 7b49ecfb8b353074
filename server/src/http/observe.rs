//! What happens around every request: its id, its origin, its time, its count; and what every answer says and looks like.

use std::{any::Any, sync::Arc};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::{ApiError, AppState, origin::is_foreign, protection::protect, uniform::uniform};

/// Names a request in the answer and in the log.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Runs a request: with an id, within its time, and only from pages of our own.
pub(super) async fn observe(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers());
    let method = method(request.method());
    let route: Arc<str> = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).into();
    let span = tracing::info_span!("http", method, route = &*route, id = id.to_str().unwrap_or_default());
    let (foreign, path) = (is_foreign(&request), request.uri().path().to_owned());
    let answer = async {
        if foreign {
            return ApiError::forbidden("Pages of other sites may not use Warmline.").into_response();
        }
        if let Some(name) = state.hosts.stranger(request.headers()) {
            let fix = "If this is a name of yours, set WARMLINE_HOSTS to it.";
            return ApiError::forbidden(format!("Warmline is not known as '{name}'. {fix}")).into_response();
        }
        if waits(request.uri()) {
            return next.run(request).await;
        }
        match timeout(state.limits.answer_time, next.run(request)).await {
            Ok(answer) => answer,
            Err(_) => ApiError::unavailable("This took too long. Try again in a moment.").into_response(),
        }
    };
    let mut answer = uniform(answer.instrument(span.clone()).await).await;
    answer.headers_mut().insert(REQUEST_ID, id);
    protect(&path, answer.headers_mut());
    let status = answer.status().as_u16();
    tracing::debug!(parent: &span, status, "answered");
    state.calls.store().metrics().http(method, route, status, begun.elapsed());
    answer
}

/// The answer to a request whose handler panicked.
#[allow(clippy::needless_pass_by_value, reason = "the panic layer hands it over")]
pub(super) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("?"), "a request's handler panicked");
    ApiError::internal().into_response()
}

/// The id that the client gave, if it is a sane one, else one of ours.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let sane = |id: &&HeaderValue| {
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:".contains(b);
        (1..=128).contains(&id.len()) && id.as_bytes().iter().all(plain)
    };
    headers.get(REQUEST_ID).filter(sane).cloned().unwrap_or_else(|| {
        HeaderValue::from_str(&format!("{:016x}", rand::random::<u64>()))
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    })
}

fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Whether a request may last as long as a call.
fn waits(uri: &Uri) -> bool {
    uri.path() == "/calls/outbound" || uri.path().starts_with("/ws/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_sane_id_is_kept_and_any_other_is_replaced() {
        assert_eq!(request_id(&headers(&[(REQUEST_ID, "abc-1.2_3:4")])), "abc-1.2_3:4");
        for odd in ["", "a b", "a\"b"] {
            let id = request_id(&headers(&[(REQUEST_ID, odd)]));
            assert_eq!(id.len(), 16, "{odd}");
        }
    }
}
