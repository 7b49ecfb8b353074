//! The program put together: store, runtime, telephony and, where asked for, its server on a port of its own.

use std::{net::SocketAddr, sync::Arc};

use anyhow::bail;
use async_trait::async_trait;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{broadcast, mpsc},
};
use warmline::{
    calls::{Calls, Order, Parts, Placed, Policy},
    http::{AppState, router, serve},
    store::{Store, StoreOptions},
};
use warmline_call::{CallId, Left, LeftCause, LegFact, LegRef, Private, Timers, VoicemailPolicy};
use warmline_exchange::{Exchange, ExchangeOptions};
use warmline_telephony::{
    Clock, Dial, DialError, Dialled, Frame, HoldMusic, Line, MergeError, OpenError, Room, Telephony,
};
use warmline_voice::Speech;

/// More calls than any bench opens.
const MAX_CALLS: usize = 1_000_000;

/// Who takes calls over.
pub(crate) const SUPERVISOR: &str = "+15550100002";

/// A Warmline of a bench's own. Its store goes with it.
pub(crate) struct Stand {
    pub(crate) calls: Calls,
    pub(crate) exchange: Arc<Exchange>,
    _dir: TempDir,
}

impl Stand {
    /// With the embedded exchange, and events on disk before they are told, as it is by default.
    pub(crate) async fn on_exchange(speech: Speech) -> anyhow::Result<Self> {
        Self::new(speech, true, None).await
    }

    /// With a network that says 'busy' to every dial, at once.
    pub(crate) async fn on_busy_network(speech: Speech, fsync: bool) -> anyhow::Result<Self> {
        Self::new(speech, fsync, Some(Arc::new(BusyNetwork))).await
    }

    async fn new(speech: Speech, fsync: bool, network: Option<Arc<dyn Telephony>>) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let url = format!("sqlite://{}", dir.path().join("warmline.db").display());
        let store = Store::open_with(&url, StoreOptions { fsync, ..StoreOptions::default() }).await?;
        let options = ExchangeOptions::new(Arc::clone(&speech.stt), Arc::clone(&speech.tts));
        let exchange = Arc::new(Exchange::new(options));
        let calls = Calls::start(Parts {
            store,
            telephony: network.unwrap_or_else(|| Arc::clone(&exchange) as _),
            exchange: Some(Arc::clone(&exchange)),
            speech,
            readiness: Vec::new(),
            hold_music: HoldMusic::ours().track(),
            policy: policy()?,
            clock: Clock::start(),
        })
        .await?;
        Ok(Self { calls, exchange, _dir: dir })
    }

    /// Places a call that stays with the agent.
    pub(crate) async fn place(&self, number: &str) -> anyhow::Result<CallId> {
        self.place_call(number, false).await
    }

    /// Places a call from which [`SUPERVISOR`] can be reached.
    pub(crate) async fn place_with_escalation(&self, number: &str) -> anyhow::Result<CallId> {
        self.place_call(number, true).await
    }

    async fn place_call(&self, number: &str, escalation: bool) -> anyhow::Result<CallId> {
        let order = Order {
            phone: number.parse()?,
            original_input: Private::from(number),
            name: Some(Private::from("Jordan")),
            dynamic_instruction: Some(Private::from("You are calling about a support ticket on login issues.")),
            language: "en".into(),
            emotion: "Calm".into(),
            escalation,
            idempotency: None,
        };
        match self.calls.place(order).await? {
            Placed::New(details) => Ok(details.call_id.parse()?),
            other => bail!("not placed: {other:?}"),
        }
    }

    /// Serves REST and WebSockets on a port of its own, as the program does, without pages.
    pub(crate) async fn serve(&self) -> anyhow::Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = AppState::new(self.calls.clone());
        let limits = state.limits.clone();
        tokio::spawn(async move { serve(listener, router(state), &limits, std::future::pending()).await });
        Ok(address)
    }
}

fn policy() -> anyhow::Result<Policy> {
    Ok(Policy {
        supervisors: vec![SUPERVISOR.parse()?],
        language: "en".into(),
        emotion: "Calm".into(),
        instructions: "You are a helpful customer support agent for Warmline.".into(),
        caller_name: None,
        timers: Timers::default(),
        voicemail: VoicemailPolicy::default(),
        max_calls: MAX_CALLS,
    })
}

/// A network on which every dial begins at once and is over at once.
struct BusyNetwork;

#[async_trait]
impl Telephony for BusyNetwork {
    async fn open(&self, _: &CallId) -> Result<Arc<dyn Room>, OpenError> {
        Ok(Arc::new(Self))
    }
}

#[async_trait]
impl Room for BusyNetwork {
    async fn dial(&self, _: Dial) -> Result<Dialled, DialError> {
        let (facts, progress) = mpsc::channel(1);
        let busy = LegFact::Left(Left { cause: LeftCause::Busy, sip_status: Some(486) });
        // There is room for one, and it is the first.
        let _ = facts.try_send(busy);
        let (line, _end) = Line::new();
        Ok(Dialled { participant_id: "PA_bench".into(), sip_call_id: "SCL_bench".into(), progress, line })
    }

    async fn merge(&self) -> Result<(), MergeError> {
        Err(MergeError("Nobody is on the line.".to_owned()))
    }

    async fn leave(&self) {}

    async fn hang_up(&self, _: LegRef) {}

    async fn close(&self) {}

    fn listen(&self) -> broadcast::Receiver<Arc<Frame>> {
        broadcast::channel(1).1
    }
}
