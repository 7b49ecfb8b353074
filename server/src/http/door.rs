//! The door before what takes a processor for long: searches in what was said, exports, bundles. A few are made at once, the
//! others wait their turn for a moment, and calls never wait for them.

use axum::{
    extract::{Request, State},
    http::Uri,
    middleware::Next,
    response::Response,
};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use super::{ApiError, AppState};

/// When somebody who was turned away may try again.
const AGAIN_S: u32 = 2;

/// Lets a request in when it is its turn.
pub(super) async fn through_the_door(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let lists = request.uri().path() == "/calls";
    let _turn = if lists && !searches(request.uri()) { None } else { Some(state.turn().await?) };
    Ok(next.run(request).await)
}

/// Whether a list is searched for a text; a plain one is read from its index.
pub(crate) fn searches(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    query.split('&').any(|pair| pair.strip_prefix("q=").is_some_and(|text| !text.is_empty()))
}

impl AppState {
    /// The turn of a request that takes a processor for long.
    ///
    /// # Errors
    /// 429: too many others wait, too.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = timeout(self.limits.heavy_time, self.heavy.clone().acquire_owned()).await;
        let busy =
            || ApiError::too_many("Too many searches and exports are being made. Try again in a moment.", AGAIN_S);
        turn.ok().and_then(Result::ok).ok_or_else(busy)
    }
}
