//! REST: one controller a verb, one error type, and the router that is built from state.

mod body;
pub(crate) mod calls;
mod error;
pub(crate) mod health;
mod hosts;
mod observe;
mod operator;
mod query;
mod router;
mod serve;
mod service;

pub use self::{
    calls::outbound::start_with_escalation,
    error::{ApiError, FieldError},
    hosts::Hosts,
    router::{not_found, router, routes, wrap},
    serve::serve,
    service::{CallService, Phone, PhoneError, PhoneEvent},
};
pub(crate) use self::{
    calls::{find, list::filter_of},
    operator::{Operator, tell_browsers_apart},
    query::Params,
};

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use crate::settings::Settings;

/// What every handler has.
#[derive(Clone)]
pub struct AppState {
    /// The calls.
    pub calls: Arc<dyn CallService>,
    /// How much and how long.
    pub limits: Limits,
    /// The names by which the program may be asked for.
    pub hosts: Hosts,
    /// What the program was started with, for the doctor; `None` where there is nothing to look at.
    pub settings: Option<Arc<Settings>>,
    /// A permit for each WebSocket.
    pub(crate) sockets: Arc<Semaphore>,
}

/// How much and how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: usize,
    /// How long a request's headers may take to arrive, the wait for the next request on a connection included.
    pub header_time: Duration,
    /// How long a body may take to arrive.
    pub body_time: Duration,
    /// How long an answer may take; `/calls/outbound`, which waits for a call's end, and WebSockets aside.
    pub answer_time: Duration,
    /// WebSockets open at once.
    pub sockets: usize,
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
            header_time: Duration::from_secs(30),
            body_time: Duration::from_secs(15),
            answer_time: Duration::from_secs(100),
            sockets: 4_096,
            heartbeat: Duration::from_secs(10),
            stall: Duration::from_secs(5),
            silence: Duration::from_secs(45),
            catch_up: 5_000,
            lags: 8,
        }
    }
}

impl AppState {
    /// State with the usual limits.
    pub fn new(calls: impl CallService) -> Self {
        Self::with_limits(calls, Limits::default())
    }

    /// State with other limits.
    pub fn with_limits(calls: impl CallService, limits: Limits) -> Self {
        let sockets = Arc::new(Semaphore::new(limits.sockets));
        Self { calls: Arc::new(calls), limits, hosts: Hosts::default(), settings: None, sockets }
    }

    /// The same, with a doctor who looks at these settings.
    #[must_use]
    pub fn with_settings(self, settings: Settings) -> Self {
        Self { settings: Some(Arc::new(settings)), ..self }
    }

    /// The same, asked for by these names alone.
    #[must_use]
    pub fn known_as(self, hosts: Hosts) -> Self {
        Self { hosts, ..self }
    }
}
