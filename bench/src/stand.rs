//! The program put together: store, runtime, telephony and, where asked for, its server on a port of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{bail, ensure};
use async_trait::async_trait;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{broadcast, mpsc},
    time::{Instant, sleep},
};
use warmline::{
    calls::{Calls, Order, Parts, Placed, Policy},
    http::{AppState, router, serve},
    store::{Store, StoreOptions},
};
use warmline_call::{CallId, Left, LeftCause, LegFact, LegRef, Private, Timers, VoicemailPolicy};
use warmline_exchange::{Exchange, ExchangeOptions};
use warmline_livekit::services::Project;
use warmline_livekit_telephony::{
    LiveKit, LiveKitSettings,
    carrier::{Carrier, CarrierOptions},
};
use warmline_telephony::{
    Clock, Dial, DialError, Dialled, Frame, HoldMusic, Line, MergeError, OpenError, Room, Telephony,
};
use warmline_voice::Speech;

/// More calls than any bench opens.
const MAX_CALLS: usize = 1_000_000;

/// Who takes calls over.
pub(crate) const SUPERVISOR: &str = "+15550100002";

/// The simulated carrier's only trunk, and the number that it calls from.
const TRUNK: &str = "ST_bench";
const FROM: &str = "+15550100000";

/// How long the last calls may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Warmline of a bench's own. Its store goes with it.
pub(crate) struct Stand {
    pub(crate) calls: Calls,
    /// Whose phones ring.
    pub(crate) exchange: Arc<Exchange>,
    _carrier: Option<Carrier>,
    _dir: TempDir,
}

impl Stand {
    /// With the embedded exchange, and events on disk before they are told, as it is by default.
    pub(crate) async fn on_exchange(speech: Speech) -> anyhow::Result<Self> {
        let exchange = exchange(&speech);
        Self::new(speech, true, Arc::clone(&exchange), exchange, None).await
    }

    /// Over a LiveKit server, with the simulated carrier in front of it: the same phones, and audio through that server.
    pub(crate) async fn on_livekit(speech: Speech, server: Project) -> anyhow::Result<Self> {
        let exchange = exchange(&speech);
        let mut settings = LiveKitSettings::new(&server.url, &server.key, server.secret.clone(), TRUNK);
        let (trunk, from_number) = (TRUNK.to_owned(), FROM.to_owned());
        let options = CarrierOptions { server, exchange: exchange.as_ref().clone(), trunk, from_number };
        let carrier = Carrier::start(([127, 0, 0, 1], 0).into(), options).await?;
        settings.api_url = Some(carrier.url());
        Self::new(speech, true, exchange, Arc::new(LiveKit::new(settings)), Some(carrier)).await
    }

    /// With a network that says 'busy' to every dial, at once.
    pub(crate) async fn on_busy_network(speech: Speech, fsync: bool) -> anyhow::Result<Self> {
        let exchange = exchange(&speech);
        Self::new(speech, fsync, exchange, Arc::new(BusyNetwork), None).await
    }

    async fn new(
        speech: Speech,
        fsync: bool,
        exchange: Arc<Exchange>,
        telephony: Arc<dyn Telephony>,
        carrier: Option<Carrier>,
    ) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let url = format!("sqlite://{}", dir.path().join("warmline.db").display());
        let store = Store::open_with(&url, StoreOptions { fsync, ..StoreOptions::default() }).await?;
        let calls = Calls::start(Parts {
            store,
            telephony,
            exchange: Some(Arc::clone(&exchange)),
            speech,
            readiness: Vec::new(),
            hold_music: HoldMusic::ours().track(),
            policy: policy()?,
            clock: Clock::start(),
        })
        .await?;
        Ok(Self { calls, exchange, _carrier: carrier, _dir: dir })
    }

    /// Waits until no call is open any more.
    pub(crate) async fn all_ended(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.calls.open_count() > 0 {
            ensure!(Instant::now() < deadline, "{} calls did not end", self.calls.open_count());
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
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

fn exchange(speech: &Speech) -> Arc<Exchange> {
    Arc::new(Exchange::new(ExchangeOptions::new(Arc::clone(&speech.stt), Arc::clone(&speech.tts))))
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
        Err(MergeError::new("Nobody is on the line."))
    }

    async fn leave(&self) {}

    async fn hang_up(&self, _: LegRef) {}

    async fn close(&self) {}

    fn listen(&self) -> broadcast::Receiver<Arc<Frame>> {
        broadcast::channel(1).1
    }
}
