use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    ApiError, AppState, calls,
    door::through_the_door,
    health,
    observe::{observe, panicked},
};
use crate::{openapi, ws};

/// REST, WebSockets, the OpenAPI document and its page, with everything around them. The fallback is free.
pub fn router(state: AppState) -> Router {
    wrap(routes(state.clone()), state)
}

/// The routes alone, for a program that merges its pages in before it calls [`wrap`].
pub fn routes(state: AppState) -> Router {
    let door = from_fn_with_state(state.clone(), through_the_door);
    Router::new()
        .route("/calls", get(calls::list::list).layer(door.clone()))
        .route("/calls/outbound-with-escalation", post(calls::outbound::with_escalation))
        .route("/calls/outbound", post(calls::outbound::standard))
        .route("/calls/export", get(calls::export::export).layer(door.clone()))
        .route("/calls/{id}", get(calls::show::show))
        .route("/calls/{id}/events", get(calls::events::events))
        .route("/calls/{id}/bundle", get(calls::export::bundle).layer(door))
        .route("/calls/{id}/hangup", post(calls::actions::hangup))
        .route("/calls/{id}/escalate", post(calls::actions::escalate))
        .route("/calls/{id}/transfer/accept", post(calls::actions::accept))
        .route("/calls/{id}/transfer/decline", post(calls::actions::decline))
        .route("/calls/{id}/say", post(calls::actions::say))
        .route("/calls/{id}/instruct", post(calls::actions::instruct))
        .route("/calls/{id}/claim", post(calls::actions::claim))
        .route("/calls/{id}/release", post(calls::actions::release))
        .route("/calls/{id}/give-back", post(calls::actions::give_back))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/doctor", get(health::doctor))
        .route("/metrics", get(health::metrics))
        .route("/ws/console", get(ws::console::open))
        .route("/ws/listen/{id}", get(ws::listen::open))
        .route("/ws/take-over/{id}", get(ws::take_over::open))
        .route("/ws/phone", get(ws::phone::open))
        .with_state(state)
        .merge(openapi::routes())
}

/// Puts around every route what every answer needs: request id, origin check, time limit, panic guard, counts.
pub fn wrap(router: Router, state: AppState) -> Router {
    router
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(state.limits.body))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(state, observe))
}

async fn method_not_allowed() -> Response {
    ApiError::method_not_allowed().into_response()
}

/// A fallback for a program without pages of its own: 404 in the shape of every error.
pub async fn not_found() -> Response {
    ApiError::not_found("Not Found").into_response()
}
