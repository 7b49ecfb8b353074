//! Puts the program together and serves it. The only module that names providers and backends.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};
use warmline_exchange::{Exchange, ExchangeOptions, Personas};
use warmline_speech_local::{LocalSpeech, SpeechStatus, models};
use warmline_speech_openai::OpenAi;
use warmline_telephony::{Clock, HoldMusic, Telephony};
use warmline_voice::{LanguageModel, Speech};

use crate::{
    calls::{Calls, NotReady, Parts, Policy, Readiness},
    http,
    livekit::OverLiveKit,
    pages,
    settings::{Backend, Carrier, LiveKitGroup, Settings},
    store::{Store, StoreOptions},
};

/// Who calls, as phones of the exchange show it, where `TWILIO_NUMBER` says nothing.
const EXCHANGE_NUMBER: &str = "+15550100000";

/// After the calls have ended, open connections (consoles, long requests) get so long.
const CONNECTIONS_GRACE: Duration = Duration::from_secs(2);

/// How a program that was told to stop has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Every call had ended, or was ended with a goodbye.
    Clean,
    /// At once, on a third signal: calls were cut.
    Cut,
}

/// Serves until told to stop: the first signal drains, the second says goodbye on every call, the third ends it at once. A
/// terminal that is closed (SIGHUP) tells nothing of the kind.
///
/// # Errors
/// Something that start-up needs is missing or taken; the message says what to do.
pub async fn serve(settings: Settings) -> anyhow::Result<Stopped> {
    let mut signals = Signals::new()?;
    let listener = listen(settings.addr).await?;
    let (calls, webhooks) = start(&settings).await?;
    let addr = listener.local_addr()?;
    tracing::info!("Warmline is ready at http://{addr}");

    let (stop, mut stopped) = watch::channel(false);
    let limits = http::Limits::of_process(settings.max_connections);
    let state = http::AppState::with_limits(calls.clone(), limits.clone());
    let state = state.known_as(http::Hosts::of(settings.addr.ip(), &settings.hosts));
    let state = state.with_settings(settings);
    let routes = http::routes(state.clone()).merge(pages::routes(state.clone(), site())).merge(webhooks);
    let app = http::wrap(routes, state);
    let server = tokio::spawn(async move {
        http::serve(listener, app, &limits, async move { drop(stopped.wait_for(|stop| *stop).await) }).await;
    });

    let how = signals.stop(&calls).await;
    stop.send_replace(true);
    let served = match how {
        Stopped::Clean => tokio::time::timeout(CONNECTIONS_GRACE, server).await.unwrap_or(Ok(())),
        Stopped::Cut => Ok(()),
    };
    // What happened last may still wait for the disk.
    calls.store().clone().close().await;
    served?;
    match how {
        Stopped::Clean => tracing::info!("Warmline has stopped"),
        Stopped::Cut => tracing::error!("Warmline was stopped at once; calls were cut"),
    }
    Ok(how)
}

async fn listen(addr: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr).await.with_context(|| {
        format!("WARMLINE_ADDR: {addr} can't be listened on. Is another program using it? Set WARMLINE_ADDR=127.0.0.1:8001 to use another port")
    })
}

/// The runtime that settings ask for, and where its backend is told what happens.
async fn start(settings: &Settings) -> anyhow::Result<(Calls, Router)> {
    let clock = Clock::start();
    let options = StoreOptions { fsync: settings.fsync, ..StoreOptions::default() };
    let store = Store::open_with(&settings.database_url, options).await?;
    let local = LocalSpeech::spawn(settings.models_dir.clone());
    fetch_models(&settings.models_dir, &local);
    let speech = Speech { stt: local.stt(), tts: local.tts(), model: language_model(settings)? };
    let backend = backend(settings, &speech).await?;
    let calls = Calls::start(Parts {
        store,
        telephony: backend.telephony,
        exchange: backend.exchange,
        speech,
        readiness: vec![speech_readiness(&local), backend.readiness],
        hold_music: hold_music(settings.hold_music.clone()).await?,
        policy: policy(settings),
        clock,
    })
    .await?;
    render_ahead(&local, settings);
    Ok((calls, backend.webhooks))
}

/// What calls are placed on.
struct Placing {
    telephony: Arc<dyn Telephony>,
    exchange: Option<Arc<Exchange>>,
    readiness: Readiness,
    webhooks: Router,
}

/// With LiveKit settings that aren't whole Warmline would rather place no call than one to a persona.
async fn backend(settings: &Settings, speech: &Speech) -> anyhow::Result<Placing> {
    let from = settings.twilio_number.clone();
    let (over, exchange) = match &settings.backend {
        Backend::LiveKit(LiveKitGroup::Complete(livekit)) if livekit.carrier == Carrier::Simulated => {
            let exchange = exchange(settings, speech)?;
            let from = from.unwrap_or_else(|| EXCHANGE_NUMBER.to_owned());
            (OverLiveKit::simulated(livekit, exchange.clone(), from).await?, Some(Arc::new(exchange)))
        }
        Backend::LiveKit(LiveKitGroup::Complete(livekit)) => (OverLiveKit::new(livekit, from), None),
        Backend::LiveKit(LiveKitGroup::Incomplete { .. }) | Backend::Exchange => {
            let exchange = Arc::new(exchange(settings, speech)?);
            let telephony = Arc::clone(&exchange) as _;
            let (exchange, readiness) = (Some(exchange), settings_readiness(settings));
            return Ok(Placing { telephony, exchange, readiness, webhooks: Router::new() });
        }
    };
    let (readiness, webhooks) = (over.readiness(), over.routes());
    Ok(Placing { telephony: Arc::new(over), exchange, readiness, webhooks })
}

/// Where the built pages are: told by whoever built them, else where they are in the workspace.
fn site() -> PathBuf {
    std::env::var_os("WARMLINE_SITE").map_or_else(|| PathBuf::from("target/site"), PathBuf::from)
}

fn exchange(settings: &Settings, speech: &Speech) -> anyhow::Result<Exchange> {
    let personas = match &settings.personas {
        Some(dir) => Personas::load(dir)?,
        None => Personas::built_in(),
    };
    Ok(Exchange::new(ExchangeOptions {
        personas,
        record: settings.record_dir.clone(),
        from_number: settings.twilio_number.clone().unwrap_or_else(|| EXCHANGE_NUMBER.to_owned()),
        ..ExchangeOptions::new(Arc::clone(&speech.stt), Arc::clone(&speech.tts))
    }))
}

fn language_model(settings: &Settings) -> anyhow::Result<Option<Arc<dyn LanguageModel>>> {
    let Some(openai) = &settings.openai else { return Ok(None) };
    let key = openai.key.as_ref().map(|key| key.reveal().to_owned());
    let model = OpenAi::new(&openai.base_url, key, &openai.model)?;
    Ok(Some(Arc::new(model)))
}

async fn hold_music(file: Option<PathBuf>) -> anyhow::Result<Arc<[i16]>> {
    let music = tokio::task::spawn_blocking(move || match file {
        Some(file) => HoldMusic::from_file(&file),
        None => Ok(HoldMusic::ours()),
    });
    Ok(music.await??.track())
}

fn policy(settings: &Settings) -> Policy {
    Policy {
        supervisors: settings.supervisors.clone(),
        language: settings.language.clone(),
        emotion: settings.emotion.clone(),
        instructions: settings.instructions.clone(),
        caller_name: settings.caller_name.clone(),
        timers: settings.timers,
        voicemail: settings.voicemail,
        max_calls: settings.max_calls,
    }
}

/// On a new machine the speech models are fetched while the pages are already there.
fn fetch_models(dir: &Path, speech: &LocalSpeech) {
    let store = models::ModelStore::new(dir);
    if store.ready() {
        return;
    }
    tracing::info!("the speech models are fetched once (112 MB) into {}", dir.display());
    let speech = speech.clone();
    tokio::spawn(async move {
        let pulled = tokio::task::spawn_blocking(move || {
            let mut bar = crate::cli::ProgressBar::on_standard_error();
            store.pull(|progress| bar.show(&progress))
        });
        let pulled = pulled.await;
        match pulled {
            Ok(Ok(())) => speech.reload(),
            Ok(Err(error)) => tracing::error!("no speech, so no calls: {error}"),
            Err(died) => tracing::error!("fetching the speech models died: {died}"),
        }
    });
}

/// Sentences that never change are spoken once, ahead of the first call.
fn render_ahead(local: &LocalSpeech, settings: &Settings) {
    let (tts, mut status) = (local.tts(), local.status());
    let style =
        warmline_voice::VoiceStyle { language: settings.language.clone(), emotion: settings.emotion.clone(), voice: 0 };
    tokio::spawn(async move {
        if status.wait_for(|s| matches!(s, SpeechStatus::Ready)).await.is_err() {
            return;
        }
        if let Err(error) = tts.render_all(&warmline_voice::lines::all_fixed(), &style).await {
            tracing::warn!("the fixed sentences could not be rendered ahead: {error}");
        }
    });
}

fn speech_readiness(local: &LocalSpeech) -> Readiness {
    let mut status = local.status();
    let (tx, rx) = watch::channel(as_readiness(&status.borrow()));
    tokio::spawn(async move {
        while status.changed().await.is_ok() {
            let _earlier = tx.send_replace(as_readiness(&status.borrow()));
        }
    });
    rx
}

fn as_readiness(status: &SpeechStatus) -> Result<(), NotReady> {
    match status {
        SpeechStatus::Ready => Ok(()),
        SpeechStatus::Loading => Err(NotReady { detail: "Speech models are loading.".into(), soon: true }),
        SpeechStatus::Missing => Err(NotReady {
            detail: "Speech models are not there yet: they are being fetched, or run 'warmline models pull'.".into(),
            soon: false,
        }),
        SpeechStatus::Failed(why) => Err(NotReady { detail: format!("Speech is not available: {why}"), soon: false }),
    }
}

/// The exchange is always ready, unless settings mean something else.
fn settings_readiness(settings: &Settings) -> Readiness {
    let missing = settings.not_ready();
    watch::channel(missing.map_or(Ok(()), |detail| Err(NotReady { detail, soon: false }))).1
}

/// The signals that are listened to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits until the program is told to stop. Cancel-safe.
    async fn told(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => {
                    tracing::warn!("the terminal was closed (SIGHUP): calls go on, SIGTERM stops Warmline");
                }
            }
        }
    }

    /// Waits until the calls have ended: by themselves after the first signal, with a goodbye after the second.
    async fn stop(&mut self, calls: &Calls) -> Stopped {
        self.told().await;
        if calls.open_count() > 0 {
            let open = calls.open_count();
            tracing::info!("no more calls are placed; {open} open ones may end. Signal again to end them now");
        }
        tokio::select! {
            () = calls.drain() => return Stopped::Clean,
            () = self.told() => {}
        }
        let open = calls.open_count();
        tracing::info!("ending {open} open calls, with a goodbye. Signal again to stop at once");
        tokio::select! {
            () = calls.stop() => Stopped::Clean,
            () = self.told() => Stopped::Cut,
        }
    }
}
