//! The WebSockets: the console's, a listener's, a phone's, and that of somebody who takes over.

pub(crate) mod console;
pub(crate) mod listen;
mod peer;
pub(crate) mod phone;
pub(crate) mod take_over;

use axum::{
    extract::{FromRequestParts, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::request::Parts,
    response::Response,
};
use tokio::sync::OwnedSemaphorePermit;

use self::peer::Peer;
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
    /// The socket, within bounds. A request that can't become one is refused here, before it changes anything.
    fn admit(self, state: &AppState) -> Result<Admitted, ApiError> {
        let upgrade = self.0.map_err(|_| ApiError::upgrade_required())?;
        let permit = state.sockets.clone().try_acquire_owned();
        let permit = permit.map_err(|_| ApiError::unavailable("Too many WebSockets are open."))?;
        let upgrade = upgrade
            .max_message_size(LARGEST)
            .max_frame_size(LARGEST)
            .write_buffer_size(WRITE_BUFFER)
            .max_write_buffer_size(MOST_WAITING);
        Ok(Admitted { upgrade, permit, state: state.clone() })
    }
}

/// A WebSocket that may be opened.
struct Admitted {
    upgrade: WebSocketUpgrade,
    permit: OwnedSemaphorePermit,
    state: AppState,
}

impl Admitted {
    /// Opens it, counted among those of its kind for as long as `serve` runs.
    fn open<F>(self, kind: &'static str, serve: impl FnOnce(Peer) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send,
    {
        let Self { upgrade, permit, state } = self;
        upgrade.on_upgrade(move |socket| async move {
            let _permit = permit;
            let _counted = state.calls.store().metrics().socket(kind);
            serve(Peer::new(socket, &state.limits)).await;
        })
    }
}
