//! REST: one controller a verb, one error type, and the router that is built from state.

mod body;
pub(crate) mod calls;
mod connections;
mod door;
mod error;
pub(crate) mod health;
mod hosts;
mod observe;
mod operator;
mod origin;
mod protection;
mod query;
mod router;
mod serve;
mod service;
mod uniform;

pub(crate) use self::{
    body::form,
    calls::{find, list::filter_of},
    door::searches,
    operator::{Operator, tell_browsers_apart},
    query::Params,
};
pub use self::{
    calls::outbound::start_with_escalation,
    error::{ApiError, FieldError},
    hosts::Hosts,
    protection::page_policy,
    router::{not_found, router, routes, wrap},
    serve::serve,
    service::{CallService, Phone, PhoneError, PhoneEvent},
};

use std::{sync::Arc, time::Duration};

use rustix::process::{Resource, getrlimit};
use tokio::sync::Semaphore;

use crate::{doctor::SharedDoctor, settings::Settings};

/// What every handler has.
#[derive(Clone)]
pub struct AppState {
    /// The calls.
    pub calls: Arc<dyn CallService>,
    /// How much and how long.
    pub limits: Limits,
    /// The names by which the program may be asked for.
    pub hosts: Hosts,
    /// Looks at what the program was started with; `None` where there is nothing to look at.
    pub doctor: Option<SharedDoctor>,
    /// A permit for each WebSocket.
    pub(crate) sockets: Arc<Semaphore>,
    /// A permit for each request that takes a processor for long.
    pub(crate) heavy: Arc<Semaphore>,
}

/// How much and how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: usize,
    /// Connections open at once, besides the WebSockets.
    pub connections: usize,
    /// How long a client may take nothing in of an answer.
    pub write_time: Duration,
    /// How long a request's headers may take to arrive, the wait for the next request on a connection included.
    pub header_time: Duration,
    /// How long a body may take to arrive.
    pub body_time: Duration,
    /// How long an answer may take; `/calls/outbound`, which waits for a call's end, and WebSockets aside.
    pub answer_time: Duration,
    /// WebSockets open at once.
    pub sockets: usize,
    /// Searches, exports and bundles that are made at once.
    pub heavy: usize,
    /// How long one more of them may wait for its turn.
    pub heavy_time: Duration,
    /// How often a console hears from us.
    pub heartbeat: Duration,
    /// How long a WebSocket's client may take to accept what is sent.
    pub stall: Duration,
    /// How long a WebSocket's client may be silent: it answers our pings.
    pub silence: Duration,
    /// Events that a returning console is given one by one; if it missed more, it gets a snapshot.
    pub catch_up: u64,
    /// Times that a console may fall behind before it is closed.
    pub lags: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 * 1024,
            connections: 4_096,
            write_time: Duration::from_secs(30),
            header_time: Duration::from_secs(30),
            body_time: Duration::from_secs(15),
            answer_time: Duration::from_secs(100),
            sockets: 4_096,
            heavy: 2,
            heavy_time: Duration::from_secs(5),
            heartbeat: Duration::from_secs(10),
            stall: Duration::from_secs(5),
            silence: Duration::from_secs(45),
            catch_up: 5_000,
            lags: 8,
        }
    }
}

/// Descriptors that are kept for everything but connections: the store, the log, speech, calls over the network. A quarter
/// of them, and never fewer.
const KEPT: u64 = 64;

impl Limits {
    /// The usual limits for a program that may have so many descriptors open: what is left of them is shared out between
    /// connections and WebSockets. `connections` is what the settings say.
    #[must_use]
    pub fn within(descriptors: Option<u64>, connections: Option<usize>) -> Self {
        let usual = Self::default();
        let free = descriptors.map_or(u64::MAX, |all| all.saturating_sub((all / 4).max(KEPT)));
        let half = usize::try_from(free / 2).unwrap_or(usize::MAX).max(1);
        Self {
            connections: connections.unwrap_or(usual.connections.min(half)),
            sockets: usual.sockets.min(half),
            ..usual
        }
    }

    /// The same for this process.
    #[must_use]
    pub fn of_process(connections: Option<usize>) -> Self {
        Self::within(getrlimit(Resource::Nofile).current, connections)
    }
}

impl AppState {
    /// State with the usual limits.
    pub fn new(calls: impl CallService) -> Self {
        Self::with_limits(calls, Limits::default())
    }

    /// State with other limits.
    pub fn with_limits(calls: impl CallService, limits: Limits) -> Self {
        let (sockets, heavy) = (Arc::new(Semaphore::new(limits.sockets)), Arc::new(Semaphore::new(limits.heavy)));
        Self { calls: Arc::new(calls), limits, hosts: Hosts::default(), doctor: None, sockets, heavy }
    }

    /// The same, with a doctor who looks at these settings.
    #[must_use]
    pub fn with_settings(self, settings: Settings) -> Self {
        self.with_doctor(SharedDoctor::of(Arc::new(settings)))
    }

    /// The same, with that doctor.
    #[must_use]
    pub fn with_doctor(self, doctor: SharedDoctor) -> Self {
        Self { doctor: Some(doctor), ..self }
    }

    /// The same, asked for by these names alone.
    #[must_use]
    pub fn known_as(self, hosts: Hosts) -> Self {
        Self { hosts, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_shared_out_and_some_are_kept() {
        let shared = |descriptors, set| {
            let limits = Limits::within(descriptors, set);
            (limits.connections, limits.sockets)
        };
        assert_eq!(shared(Some(1_024), None), (384, 384));
        assert_eq!(shared(Some(1_048_576), None), (4_096, 4_096));
        assert_eq!(shared(None, None), (4_096, 4_096));
        assert_eq!(shared(Some(16), None), (1, 1));
        assert_eq!(shared(Some(1_024), Some(50)), (50, 384));
    }
}
