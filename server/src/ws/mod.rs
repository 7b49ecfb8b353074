//! The WebSockets: the console's, a listener's, a phone's, and that of somebody who takes over.

pub(crate) mod console;
pub(crate) mod listen;
mod peer;
pub(crate) mod phone;
pub(crate) mod take_over;

use axum::extract::{FromRequestParts, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection};
use axum::http::request::Parts;
use tokio::sync::OwnedSemaphorePermit;

use crate::http::{ApiError, AppState};

/// The largest message that a client may send.
const LARGEST: usize = 16 * 1024;

/// Bytes that wait for the network before they are sent at once.
const WRITE_BUFFER: usize = 16 * 1024;

/// Bytes that may wait for a client's network. A snapshot has to fit.
const MOST_WAITING: usize = 64 * 1024 * 1024;

/// A request to open a WebSocket. What is wrong with it is said once everything else was checked.
pub(crate) struct Upgrade(Result<WebSocketUpgrade, WebSocketUpgradeRejection>);

impl FromRequestParts<AppState> for Upgrade {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        Ok(Self(WebSocketUpgrade::from_request_parts(parts, state).await))
    }
}

impl Upgrade {
    /// The upgrade, within bounds, and a permit for as long as the socket is open.
    fn admit(self, state: &AppState) -> Result<(WebSocketUpgrade, OwnedSemaphorePermit), ApiError> {
        let upgrade = self.0.map_err(|_| ApiError::upgrade_required())?;
        let permit = state.sockets.clone().try_acquire_owned();
        let permit = permit.map_err(|_| ApiError::unavailable("Too many WebSockets are open."))?;
        let upgrade = upgrade
            .max_message_size(LARGEST)
            .max_frame_size(LARGEST)
            .write_buffer_size(WRITE_BUFFER)
            .max_write_buffer_size(MOST_WAITING);
        Ok((upgrade, permit))
    }
}
