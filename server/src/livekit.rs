//! Calls over LiveKit: what settings ask for, whether it is ready, and its webhooks.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use async_trait::async_trait;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use tokio::{sync::watch, time::sleep};
use warmline_call::{CallId, Phase};
use warmline_exchange::Exchange;
use warmline_livekit::services::Project;
use warmline_livekit_telephony::{
    LiveKit, LiveKitSettings as Backend,
    carrier::{Carrier, CarrierOptions},
};
use warmline_telephony::{Inherited, OpenError, Room, Telephony};

use crate::{
    calls::{NotReady, Readiness},
    settings::{self, LiveKitSettings},
};

/// LiveKit is asked again so often whether calls can be placed: while it is ready, and while it is not.
const WHILE_READY: Duration = Duration::from_secs(60);
const WHILE_NOT: Duration = Duration::from_secs(5);

/// Calls over LiveKit, with the simulated carrier where settings want one.
#[derive(Clone)]
pub(crate) struct OverLiveKit {
    livekit: LiveKit,
    /// It dials as long as anybody may place calls, and the phones of that exchange ring.
    carrier: Option<(Arc<Carrier>, Exchange)>,
}

impl OverLiveKit {
    /// Nothing is asked of the server yet.
    pub(crate) fn new(settings: &LiveKitSettings, from_number: Option<String>) -> Self {
        let mut backend = Backend::new(&settings.url, settings.key.reveal(), settings.secret.reveal(), &settings.trunk);
        backend.from_number = from_number;
        backend.api_url = settings.api_url.clone();
        backend.consult = settings.consult;
        Self { livekit: LiveKit::new(backend), carrier: None }
    }

    /// With a carrier of our own in front of the server: phones of that exchange ring.
    pub(crate) async fn simulated(
        settings: &LiveKitSettings,
        exchange: Exchange,
        from: String,
    ) -> anyhow::Result<Self> {
        let server = Project {
            url: settings.api_url.clone().unwrap_or_else(|| settings.url.clone()),
            key: settings.key.reveal().to_owned(),
            secret: settings.secret.reveal().into(),
        };
        let options = CarrierOptions {
            server,
            exchange: exchange.clone(),
            trunk: settings.trunk.clone(),
            from_number: from.clone(),
        };
        let listen = ([127, 0, 0, 1], 0).into();
        let carrier = Carrier::start(listen, options).await.context("the simulated carrier can't listen")?;
        let settings = LiveKitSettings { api_url: Some(carrier.url()), ..settings.clone() };
        let with = Self::new(&settings, Some(from));
        Ok(Self { carrier: Some((Arc::new(carrier), exchange)), ..with })
    }

    /// Asks the server once whether calls can be placed; a carrier of our own is there if the server is.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub(crate) async fn check(settings: &LiveKitSettings) -> Result<(), String> {
        let livekit = Self::new(settings, None).livekit;
        match settings.carrier {
            settings::Carrier::Sip => livekit.check().await,
            settings::Carrier::Simulated => livekit.open_rooms().await.map(drop).map_err(|error| error.to_string()),
        }
    }

    /// Whether calls can be placed, asked again and again.
    pub(crate) fn readiness(&self) -> Readiness {
        let unknown = NotReady { detail: "LiveKit is being asked whether it is ready.".into(), soon: true };
        let (told, readiness) = watch::channel(Err(unknown));
        let livekit = self.livekit.clone();
        tokio::spawn(async move {
            while !told.is_closed() {
                let ready = livekit.check().await;
                if let Err(why) = &ready
                    && told.borrow().as_ref().err().is_none_or(|before| before.detail != *why)
                {
                    tracing::error!("no calls: {why}");
                }
                let wait = if ready.is_ok() { WHILE_READY } else { WHILE_NOT };
                let _before = told.send_replace(ready.map_err(|detail| NotReady { detail, soon: false }));
                sleep(wait).await;
            }
        });
        readiness
    }

    /// `POST /livekit/webhook`.
    pub(crate) fn routes(&self) -> Router {
        Router::new().route("/livekit/webhook", post(webhook)).with_state(self.livekit.clone())
    }
}

#[async_trait]
impl Telephony for OverLiveKit {
    async fn open(&self, call: &CallId) -> Result<Arc<dyn Room>, OpenError> {
        self.livekit.open(call).await
    }

    async fn adopt(&self, call: &CallId, phase: Phase) -> Result<Option<Inherited>, OpenError> {
        Telephony::adopt(&self.livekit, call, phase).await
    }

    fn merged_outlives(&self) -> bool {
        self.livekit.merged_outlives()
    }

    async fn settled(&self) {
        self.livekit.settled().await;
        if let Some((_, exchange)) = &self.carrier {
            exchange.settled().await;
        }
    }
}

/// What LiveKit tells of a room, for where its participant did not hear it.
async fn webhook(State(livekit): State<LiveKit>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match livekit.webhook(&body, authorization) {
        Ok(_) => (StatusCode::OK, String::new()),
        Err(refused) => (StatusCode::UNAUTHORIZED, serde_json::json!({ "detail": refused.to_string() }).to_string()),
    }
}
