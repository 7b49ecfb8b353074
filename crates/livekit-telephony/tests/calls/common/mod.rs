//! A real livekit-server, the simulated carrier before it, phones that say tones, and what they hear.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "every test binary uses its own part of it")]

#[path = "../../../../livekit/tests/server/common/server.rs"]
mod server;

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, stream::BoxStream};
pub use server::{KEY, SECRET, Server};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use warmline_call::{CallId, Left, LeftCause, LegFact, LegRef};
use warmline_exchange::{BrowserPhone, Exchange, ExchangeOptions, PhoneEvent, PhoneHandle};
use warmline_livekit::{
    Impairment, ReconnectPolicy,
    services::{Project, Services},
};
use warmline_livekit_telephony::{
    ConsultIn, LiveKit, LiveKitSettings,
    carrier::{Carrier, CarrierOptions},
};
use warmline_telephony::{Dial, Dialled, Ear, FRAME_SAMPLES, Frame, Heard, Mouth, Room};
pub use warmline_testing::amplitude;
use warmline_voice::{SpeechError, SpeechToText, TextToSpeech, Utterance, VoiceStyle};

pub const CUSTOMER: &str = "+4915550001";
pub const SUPERVISOR: &str = "+4915550002";
pub const TRUNK: &str = "ST_simulated";

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn show_log() {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
}

/// Fails instead of waiting for ever.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(done) => done,
        Err(_) => panic!("waited in vain: {what}"),
    }
}

/// Waits until something is so.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    soon(what, async {
        while !so() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// A server, a carrier and a backend, for one test.
pub struct World {
    pub carrier: Carrier,
    pub exchange: Exchange,
    pub livekit: LiveKit,
    pub services: Services,
    pub server: Server,
    settings: LiveKitSettings,
}

impl World {
    pub async fn new() -> Self {
        Self::with(ExchangeOptions::new(Arc::new(FakeStt("yes")), Arc::new(FakeTts))).await
    }

    /// Supervisors are consulted in rooms of their own.
    pub async fn consulting_apart() -> Self {
        let options = ExchangeOptions::new(Arc::new(FakeStt("yes")), Arc::new(FakeTts));
        Self::tuned(Server::start().await, options, |settings| settings.consult = ConsultIn::OwnRoom).await
    }

    /// A lost connection is soon given up.
    pub async fn impatient() -> Self {
        let options = ExchangeOptions::new(Arc::new(FakeStt("yes")), Arc::new(FakeTts));
        let soon = ReconnectPolicy { resume_for: Duration::from_secs(1), rejoin_for: Duration::from_secs(2) };
        Self::tuned(Server::start().await, options, |settings| settings.reconnect = soon).await
    }

    /// The network between us and a server that takes media over UDP only can be cut.
    pub async fn behind(network: &Impairment) -> Self {
        let options = ExchangeOptions::new(Arc::new(FakeStt("yes")), Arc::new(FakeTts));
        Self::tuned(Server::without_tcp().await, options, |settings| settings.impairment = network.clone()).await
    }

    pub async fn with(options: ExchangeOptions) -> Self {
        Self::tuned(Server::start().await, options, |_| {}).await
    }

    pub async fn tuned(server: Server, options: ExchangeOptions, tune: impl FnOnce(&mut LiveKitSettings)) -> Self {
        let exchange = Exchange::new(options);
        let project = Project { url: server.url(), key: KEY.to_owned(), secret: SECRET.into() };
        let options = CarrierOptions {
            server: project.clone(),
            exchange: exchange.clone(),
            trunk: TRUNK.to_owned(),
            from_number: "+15550100000".to_owned(),
        };
        let carrier = Carrier::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let mut settings = LiveKitSettings::new(server.url(), KEY, SECRET, TRUNK);
        settings.api_url = Some(carrier.url());
        tune(&mut settings);
        let livekit = LiveKit::new(settings.clone());
        Self { carrier, exchange, livekit, services: Services::new(project), server, settings }
    }

    /// The same program, started again.
    pub fn restarted(&self) -> LiveKit {
        LiveKit::new(self.settings.clone())
    }

    pub fn phone(&self, number: &str, hz: f64) -> Talker {
        Talker::on(self.exchange.register_phone(number).unwrap(), hz, true)
    }

    /// A phone that rings until somebody does something about it.
    pub fn ringing_phone(&self, number: &str, hz: f64) -> Talker {
        Talker::on(self.exchange.register_phone(number).unwrap(), hz, false)
    }

    /// Who is in a call's room.
    pub async fn members(&self, call: &CallId) -> Vec<String> {
        self.in_room(call.as_str()).await
    }

    pub async fn in_room(&self, room: &str) -> Vec<String> {
        let members = self.services.list_participants(room).await.unwrap_or_default();
        members.into_iter().map(|member| member.participant.identity).collect()
    }

    pub async fn until_gone(&self, call: &CallId) {
        soon("the rooms are closed", async {
            while !self.services.list_rooms(vec![call.to_string(), call.supervisor()]).await.unwrap().is_empty() {
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    }
}

pub fn call() -> CallId {
    CallId::from_bits(0x00c0_ffee_0001)
}

pub fn to(call: &CallId, leg: LegRef, number: &str) -> Dial {
    let identity = if leg == LegRef::Customer { format!("{call}-customer") } else { call.supervisor() };
    Dial { leg, number: number.into(), identity, ring: Duration::from_secs(20), max_duration: Duration::from_secs(600) }
}

/// The next fact of a dial.
pub async fn fact(dialled: &mut Dialled) -> Option<LegFact> {
    soon("something becomes of the dial", dialled.progress.recv()).await
}

pub async fn answered(dialled: &mut Dialled) {
    assert_eq!(fact(dialled).await, Some(LegFact::Ringing));
    assert_eq!(fact(dialled).await, Some(LegFact::Answered));
}

/// Follows a dial to its end, and says how long that took.
pub async fn left(progress: &mut mpsc::Receiver<LegFact>) -> (LeftCause, Option<u16>, Duration) {
    let began = Instant::now();
    loop {
        match soon("the leg's end", progress.recv()).await {
            Some(LegFact::Left(Left { cause, sip_status })) => {
                assert!(progress.recv().await.is_none(), "nothing after Left");
                return (cause, sip_status, began.elapsed());
            }
            Some(_) => {}
            None => panic!("no Left"),
        }
    }
}

/// A call with its customer on the line.
pub async fn open(world: &World, call: &CallId) -> (Arc<dyn Room>, Dialled) {
    use warmline_telephony::Telephony;
    let room = world.livekit.open(call).await.unwrap();
    let mut customer = room.dial(to(call, LegRef::Customer, CUSTOMER)).await.unwrap();
    answered(&mut customer).await;
    (room, customer)
}

/// A tone that starts at sample `from`.
pub fn tone(hz: f64, from: usize, samples: usize) -> Vec<i16> {
    warmline_testing::tone(hz, 4_000.0, from, samples)
}

/// Whether a tone of [`tone`]'s loudness is in a frame.
pub fn has(frame: &Frame, hz: f64) -> bool {
    amplitude(frame, hz) > 1_500.0
}

/// Whether next to nothing of a tone is in a frame.
pub fn lacks(frame: &Frame, hz: f64) -> bool {
    amplitude(frame, hz) < 300.0
}

/// Keeps saying a tone on the agent's mouth, 100 ms ahead.
pub fn keep_saying(mouth: &Mouth, hz: f64) -> JoinHandle<()> {
    let speech = mouth.begin();
    tokio::spawn(async move {
        let mut pushed = 0;
        loop {
            let played = speech.played();
            if played.over {
                return;
            }
            while pushed < played.samples as usize + 8 * FRAME_SAMPLES {
                speech.push(&tone(hz, pushed, FRAME_SAMPLES));
                pushed += FRAME_SAMPLES;
            }
            sleep(Duration::from_millis(10)).await;
        }
    })
}

/// Keeps what comes from a leg.
pub fn keep(mut ear: Ear) -> Arc<Mutex<Vec<Heard>>> {
    let heard = Arc::<Mutex<Vec<Heard>>>::default();
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Some(thing) = ear.hear().await {
            kept.lock().unwrap().push(thing);
        }
    });
    heard
}

/// How many frames with that tone were heard.
pub fn count(heard: &Mutex<Vec<Heard>>, hz: f64) -> usize {
    heard.lock().unwrap().iter().filter(|thing| matches!(thing, Heard::Frame(frame) if has(frame, hz))).count()
}

/// A phone that answers, keeps what it hears and says a tone without end.
pub struct Talker {
    pub handle: PhoneHandle,
    pub heard: Arc<Mutex<Vec<Frame>>>,
    pub rings: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl Talker {
    fn on(phone: BrowserPhone, hz: f64, answers: bool) -> Self {
        let (handle, heard, rings) =
            (phone.handle(), Arc::<Mutex<Vec<Frame>>>::default(), Arc::<Mutex<usize>>::default());
        let task = tokio::spawn(talk(phone, hz, answers, Arc::clone(&heard), Arc::clone(&rings)));
        Self { handle, heard, rings, task }
    }

    pub fn heard(&self) -> Vec<Frame> {
        self.heard.lock().unwrap().clone()
    }

    pub fn heard_of(&self, hz: f64) -> usize {
        self.heard.lock().unwrap().iter().filter(|frame| has(frame, hz)).count()
    }

    /// Waits until so many more frames with that tone have been heard.
    pub async fn hears(&self, hz: f64, frames: usize) {
        let before = self.heard_of(hz);
        until(&format!("{frames} frames of {hz} Hz at a phone"), || self.heard_of(hz) >= before + frames).await;
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn talk(
    mut phone: BrowserPhone,
    hz: f64,
    answers: bool,
    heard: Arc<Mutex<Vec<Frame>>>,
    rings: Arc<Mutex<usize>>,
) {
    let handle = phone.handle();
    let mut at = 0;
    loop {
        match phone.event().await {
            PhoneEvent::Ringing { .. } => {
                *rings.lock().unwrap() += 1;
                if answers {
                    handle.answer();
                }
            }
            PhoneEvent::Answered | PhoneEvent::Ended { .. } => {}
            PhoneEvent::Audio(frame) => {
                heard.lock().unwrap().push(frame);
                handle.audio(tone(hz, at, FRAME_SAMPLES).try_into().unwrap());
                at += FRAME_SAMPLES;
            }
        }
    }
}

/// Understands the same words in everything.
pub struct FakeStt(pub &'static str);

#[async_trait]
impl SpeechToText for FakeStt {
    async fn recognise(&self, _: Utterance) -> Result<String, SpeechError> {
        Ok(self.0.to_owned())
    }

    fn understands(&self, _: &str) -> bool {
        true
    }
}

/// Speaks in tones: 50 ms a character.
pub struct FakeTts;

impl TextToSpeech for FakeTts {
    fn speak(&self, sentence: &str, _: &VoiceStyle) -> BoxStream<'static, Result<Arc<[i16]>, SpeechError>> {
        futures::stream::iter([Ok(Arc::from(tone(400.0, 0, sentence.len() * 800)))]).boxed()
    }

    fn speaks(&self, _: &str) -> bool {
        true
    }
}
