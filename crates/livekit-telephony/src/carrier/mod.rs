//! A simulated carrier: stands in for LiveKit's SIP service in front of a real livekit-server that has none.
//!
//! Requests to `livekit.SIP` are answered here: whoever is dialled is a phone of a [`warmline_exchange::Exchange`] (a
//! persona, a browser phone), joined to the room as a participant of kind SIP, with the attributes, timings and failures
//! that were measured with the real service. All other requests are passed on to the server. It serves the server's HTTP
//! API only; participants connect to the server itself. Its legs can also be moved from room to room, as LiveKit Cloud can.

mod leg;
mod moves;
mod outcome;
mod proxy;
mod relay;
mod twirp;
mod who;

use std::{
    collections::HashMap,
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use axum::{Router, routing::post};
use livekit_api::access_token::TokenVerifier;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use warmline_exchange::Exchange;
use warmline_livekit::services::{Project, Services};

/// What a [`Carrier`] is made of.
#[derive(Debug)]
pub struct CarrierOptions {
    /// The livekit-server behind it: `ws://…` or `http://…`, its key and secret.
    pub server: Project,
    /// Whose phones ring.
    pub exchange: Exchange,
    /// The id of its one outbound trunk (`ST_…`). Others are not found.
    pub trunk: String,
    /// The number that the trunk calls from (E.164).
    pub from_number: String,
}

/// A simulated carrier that listens. Dropped, it hangs up every leg of its and listens no more.
pub struct Carrier {
    address: SocketAddr,
    inner: Arc<Inner>,
    _serving: AbortOnDropHandle<()>,
}

pub(crate) struct Inner {
    pub(crate) services: Services,
    pub(crate) exchange: Exchange,
    pub(crate) trunk: String,
    pub(crate) from_number: String,
    pub(crate) http: reqwest::Client,
    verifier: TokenVerifier,
    refusals: Mutex<HashMap<String, u16>>,
    /// Whom it has dialled: the leg's identity, and the number.
    dials: Mutex<Vec<(String, String)>>,
    overloaded: AtomicBool,
    moves: moves::Movable,
    can_move: AtomicBool,
    legs: tokio_util::sync::CancellationToken,
}

impl Carrier {
    /// Listens at an address: `127.0.0.1:0` for any free port.
    ///
    /// # Errors
    /// The address can't be listened on.
    pub async fn start(listen: SocketAddr, options: CarrierOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let verifier = TokenVerifier::with_api_key(&options.server.key, options.server.secret.expose());
        let inner = Arc::new(Inner {
            // First: it installs the TLS provider that the HTTP client needs.
            services: Services::new(options.server),
            exchange: options.exchange,
            trunk: options.trunk,
            from_number: options.from_number,
            http: reqwest::Client::new(),
            verifier,
            refusals: Mutex::default(),
            dials: Mutex::default(),
            overloaded: AtomicBool::new(false),
            moves: moves::Movable::default(),
            can_move: AtomicBool::new(true),
            legs: tokio_util::sync::CancellationToken::new(),
        });
        let app = Router::new()
            .route("/twirp/livekit.SIP/{method}", post(twirp::sip))
            .route("/twirp/livekit.RoomService/MoveParticipant", post(moves::move_participant))
            .fallback(proxy::pass_on)
            .with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "the simulated carrier has stopped");
            }
        });
        Ok(Self { address, inner, _serving: AbortOnDropHandle::new(serving) })
    }

    /// Where the server's API is reached through it: the setting `api_url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on the network answers dials of that number with a SIP status (403, 404, 480, 486, 503, 603, …), at once.
    pub fn refuse(&self, number: &str, sip_status: u16) {
        lock(&self.inner.refusals).insert(number.to_owned(), sip_status);
    }

    /// From now on dials are refused as by a SIP service that has no CPU time left; or no longer.
    pub fn set_overloaded(&self, overloaded: bool) {
        self.inner.overloaded.store(overloaded, Relaxed);
    }

    /// Whether its legs can be moved from room to room, as on LiveKit Cloud (they can unless something else is said here), or the
    /// server behind it is asked, which can't.
    pub fn set_can_move(&self, can: bool) {
        self.inner.can_move.store(can, Relaxed);
    }

    /// How often a number has been dialled.
    #[must_use]
    pub fn dials(&self, number: &str) -> usize {
        lock(&self.inner.dials).iter().filter(|(_, dialled)| dialled == number).count()
    }

    /// The identity of each leg that was ever dialled, as often as it was.
    #[must_use]
    pub fn dialled(&self) -> Vec<String> {
        lock(&self.inner.dials).iter().map(|(identity, _)| identity.clone()).collect()
    }

    /// The identities of the legs that are up: dialled, and not over.
    #[must_use]
    pub fn legs(&self) -> Vec<String> {
        self.inner.moves.legs()
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.inner.legs.cancel();
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Inner {
    fn refusal(&self, number: &str) -> Option<u16> {
        lock(&self.refusals).get(number).copied()
    }

    fn count_dial(&self, identity: &str, number: &str) {
        lock(&self.dials).push((identity.to_owned(), number.to_owned()));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
