//! Is the process up, can it take calls, and what has it counted?

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use warmline_api::Report;

use super::{ApiError, AppState, error::ok};
use crate::{calls::PlaceError, doctor as engine, openapi::errors};

/// The process is up.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
    /// Warmline's version.
    version: &'static str,
}

/// Calls can be taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ready {
    /// `ready`.
    status: &'static str,
    /// How many calls more the speech of this machine can carry; null where nothing is computed here.
    #[schema(required)]
    more_calls: Option<usize>,
    /// How long a turn would wait for its recognition to begin, milliseconds; null with `more_calls`.
    #[schema(required)]
    speech_wait_ms: Option<u64>,
}

/// Is the process up?
#[utoipa::path(
    get, path = "/healthz", tag = "operations", operation_id = "healthz",
    responses((status = 200, description = "It is.", body = Health), errors::Any),
)]
pub(crate) async fn healthz() -> Response {
    ok(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Can it take calls?
#[utoipa::path(
    get, path = "/readyz", tag = "operations", operation_id = "readyz",
    responses((status = 200, description = "It can.", body = Ready), errors::NotReady),
)]
pub(crate) async fn readyz(State(state): State<AppState>) -> Result<Response, ApiError> {
    let mut missing = state.calls.readiness().err().unwrap_or_default();
    missing.extend(state.calls.store().health().err());
    let more_calls = state.calls.room();
    if more_calls == Some(0) {
        missing.push(PlaceError::overloaded().to_string());
    }
    if !missing.is_empty() {
        return Err(ApiError::unavailable(missing.join(" ")));
    }
    let wait = state.calls.speech().expected_wait.as_millis().try_into().unwrap_or(u64::MAX);
    Ok(ok(Ready { status: "ready", more_calls, speech_wait_ms: more_calls.map(|_| wait) }))
}

/// The doctor's report
///
/// Looks at everything that a call needs: settings, providers, store, music, clock. Takes up to ten seconds; what was found
/// is told again to whoever asks within ten seconds after. Pages of other sites may not ask.
#[utoipa::path(
    get, path = "/doctor", tag = "operations", operation_id = "doctor",
    responses((status = 200, description = "What was found.", body = Report), errors::Any),
)]
pub(crate) async fn doctor(State(state): State<AppState>) -> Result<Response, ApiError> {
    let report = state.examine().await.ok_or_else(ApiError::internal)?;
    let cached = HeaderValue::from_str(&format!("private, max-age={}", engine::FRESH.as_secs()));
    let cached = cached.unwrap_or(HeaderValue::from_static("no-store"));
    Ok(([(header::CACHE_CONTROL, cached)], ok(&report)).into_response())
}

impl AppState {
    /// What the doctor finds, or found a moment ago, and what room there is now; `None` when the look died.
    pub(crate) async fn examine(&self) -> Option<Report> {
        let report = match &self.doctor {
            Some(doctor) => Report::clone(&*doctor.report().await?),
            None => return Some(Report { ok: true, checks: Vec::new() }),
        };
        Some(engine::with_room(report, &self.calls.speech(), self.calls.room()))
    }
}

/// What it has counted
#[utoipa::path(
    get, path = "/metrics", tag = "operations", operation_id = "metrics",
    responses((status = 200, description = "For Prometheus.", body = String, content_type = "application/openmetrics-text"), errors::Any),
)]
pub(crate) async fn metrics(State(state): State<AppState>) -> Response {
    let store = state.calls.store();
    store.metrics().speech(&state.calls.speech(), state.calls.room());
    let text = store.render_metrics();
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
