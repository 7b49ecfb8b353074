use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Notify, broadcast, mpsc, oneshot};
use tower::ServiceExt;
use warmline::{
    calls::{ActError, CallDefaults, Listening, Order, PlaceError, Placed},
    http::{AppState, CallService, Hosts, Limits, Phone, PhoneError, PhoneEvent, router},
    store::{self, Store, StoreOptions},
};
use warmline_api::{Details, PhoneNumber, PhoneOrder};
use warmline_call::{
    CallId, CallView, EndReason, Event, OperatorAction, Person, Phase, Private, Rejected, Side, Speaker,
};
use warmline_telephony::{Frame, Line};

/// A call runtime that writes calls down and dials nobody.
#[derive(Clone)]
pub(crate) struct Fake(Arc<Inner>);

pub(crate) struct Inner {
    store: Store,
    next: AtomicU64,
    /// What the next `place` says instead.
    pub(crate) refuse: Mutex<Option<PlaceError>>,
    pub(crate) panic: Mutex<bool>,
    pub(crate) orders: Mutex<Vec<Order>>,
    /// The lines of those who have taken over.
    pub(crate) seats: Mutex<Vec<Line>>,
    pub(crate) acts: Mutex<Vec<(CallId, OperatorAction, String)>>,
    /// What every action says instead.
    pub(crate) reject: Mutex<Option<Rejected>>,
    pub(crate) missing: Mutex<Vec<String>>,
    /// How many calls more speech can carry.
    pub(crate) room: Mutex<Option<usize>>,
    pub(crate) over: Notify,
    pub(crate) heard: Mutex<Option<broadcast::Sender<Arc<Frame>>>>,
    pub(crate) phones: Mutex<Phones>,
    _folder: TempDir,
}

/// The exchange's side of the phones that are open.
#[derive(Default)]
pub(crate) struct Phones {
    pub(crate) exchange: bool,
    pub(crate) taken: Vec<String>,
    pub(crate) events: Option<mpsc::UnboundedSender<PhoneEvent>>,
    pub(crate) said: Option<mpsc::UnboundedReceiver<Said>>,
}

#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a few of them in a test")]
pub(crate) enum Said {
    Order(PhoneOrder),
    Frame(Frame),
}

impl std::ops::Deref for Fake {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

pub(crate) fn at() -> Timestamp {
    "2026-11-22T10:00:00.123Z".parse().unwrap()
}

pub(crate) fn id(n: u64) -> CallId {
    CallId::from_bits(n)
}

impl Fake {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let options = StoreOptions { hold_time: true, fsync: false, ..StoreOptions::default() };
        let url = format!("sqlite://{}/warmline.db", folder.path().display());
        let store = Store::open_with(&url, options).await.unwrap();
        Self(Arc::new(Inner {
            store,
            next: AtomicU64::new(1),
            refuse: Mutex::default(),
            panic: Mutex::default(),
            orders: Mutex::default(),
            acts: Mutex::default(),
            seats: Mutex::default(),
            reject: Mutex::default(),
            missing: Mutex::default(),
            room: Mutex::default(),
            over: Notify::new(),
            heard: Mutex::default(),
            phones: Mutex::default(),
            _folder: folder,
        }))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn app(&self) -> Router {
        router(AppState::new(self.clone()))
    }

    /// Writes a call down without a request.
    pub(crate) async fn place(&self, n: u64) -> CallId {
        let placed = self.placed_event("+15550100001", Some("Ada"));
        self.store().place(&id(n), at(), placed, None).await.unwrap();
        id(n)
    }

    pub(crate) async fn append(&self, call: &CallId, events: Vec<Event>) {
        self.store().append(call, at(), events).await.unwrap();
    }

    fn placed_event(&self, phone: &str, name: Option<&str>) -> Event {
        Event::CallPlaced {
            phone_number: phone.into(),
            name: name.map(Into::into),
            language: "en".into(),
            emotion: "Calm".into(),
            has_dynamic_instruction: false,
            escalation_enabled: true,
        }
    }

    /// A short conversation, and its end.
    pub(crate) async fn talk_and_end(&self, call: &CallId, reason: EndReason, detail: &str) {
        let line = |utterance, side, speaker, text: &str, r#final| Event::Utterance {
            side,
            speaker,
            utterance,
            text: text.into(),
            r#final,
            interrupted: false,
            started_at: at(),
            ended_at: Some(at()),
        };
        let talk = vec![
            line(1, Side::Call, Speaker::Agent, "Hello.", true),
            line(2, Side::Call, Speaker::Customer, "Hi th", false),
            line(2, Side::Call, Speaker::Customer, "Hi there.", true),
            line(3, Side::Consult, Speaker::Supervisor, "Not for the customer.", true),
            line(4, Side::Call, Speaker::Agent, "Never finis", false),
        ];
        self.append(call, talk).await;
        let ended = Event::CallEnded { reason, detail: detail.into(), talk_s: 1.0, hold_s: 0.0, time_to_human_s: None };
        self.append(call, vec![Event::PhaseChanged { from: Phase::Conversing, to: Phase::Ended }, ended]).await;
        self.over.notify_waiters();
    }
}

#[async_trait]
impl CallService for Fake {
    async fn place(&self, order: Order) -> Result<Placed, PlaceError> {
        assert!(!*self.panic.lock().unwrap(), "as the test wants it");
        self.orders.lock().unwrap().push(order.clone());
        let refused = self.refuse.lock().unwrap().take();
        // A dial that fails comes after the call was written down; everything else before.
        if refused.as_ref().is_some_and(|error| !matches!(error, PlaceError::Failed(_))) {
            return Err(refused.unwrap());
        }
        let call = id(self.next.fetch_add(1, Ordering::Relaxed));
        let name = order.name.as_ref().map(|name| name.reveal().as_str());
        let event = self.placed_event(order.phone.as_str(), name);
        match self.store().place(&call, at(), event, order.idempotency.clone()).await? {
            store::WrittenDown::New(_) => {}
            store::WrittenDown::Replay { status, body } => return Ok(Placed::Replay { status, body }),
            store::WrittenDown::Running => return Ok(Placed::Running),
            store::WrittenDown::KeyReused => return Ok(Placed::KeyReused),
        }
        if let Some(error) = refused {
            return Err(error);
        }
        Ok(Placed::New(Box::new(Details {
            call_id: call.to_string(),
            phone_number: Private::from(order.phone.as_str()),
            original_input: order.original_input,
            name: order.name,
            room_name: call.to_string(),
            participant_id: "PA_test".into(),
            sip_call_id: "SCL_test".into(),
            has_dynamic_instruction: order.dynamic_instruction.is_some(),
            language: order.language,
            emotion: order.emotion,
            escalation_enabled: order.escalation,
            supervisor_phone: order.escalation.then(|| "+15550100002".into()),
        })))
    }

    async fn act(&self, id: &CallId, action: OperatorAction, by: Person) -> Result<CallView, ActError> {
        let view = self.store().view(id).await.filter(|view| view.end.is_none()).ok_or(ActError::Unknown)?;
        if let Some(rejected) = self.reject.lock().unwrap().clone() {
            return Err(rejected.into());
        }
        self.acts.lock().unwrap().push((id.clone(), action, by.name().to_owned()));
        Ok(view)
    }

    async fn take_over(&self, id: &CallId, line: Line, by: Person) -> Result<CallView, ActError> {
        let view = self.act(id, OperatorAction::TakeOver, by).await?;
        self.seats.lock().unwrap().push(line);
        Ok(view)
    }

    async fn ended(&self, id: &CallId) -> Option<CallView> {
        loop {
            let over = self.over.notified();
            tokio::pin!(over);
            over.as_mut().enable();
            let view = self.store().view(id).await?;
            if view.end.is_some() {
                return Some(view);
            }
            over.await;
        }
    }

    async fn listen(&self, id: &CallId, by: Person) -> Result<Listening, ActError> {
        self.act(id, OperatorAction::Listen, by.clone()).await?;
        let heard = self.heard.lock().unwrap().as_ref().map(broadcast::Sender::subscribe).ok_or(ActError::Unknown)?;
        let (there, gone) = oneshot::channel::<()>();
        let (fake, id) = (self.clone(), id.clone());
        tokio::spawn(async move {
            let _over = gone.await;
            fake.acts.lock().unwrap().push((id, OperatorAction::StopListening, by.name().to_owned()));
        });
        Ok(Listening::new(heard, there))
    }

    fn readiness(&self) -> Result<(), Vec<String>> {
        assert!(!*self.panic.lock().unwrap(), "as the test wants it");
        let missing = self.missing.lock().unwrap().clone();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }

    fn room(&self) -> Option<usize> {
        *self.room.lock().unwrap()
    }

    fn open_phone(&self, number: &PhoneNumber) -> Result<Box<dyn Phone>, PhoneError> {
        let mut phones = self.phones.lock().unwrap();
        if !phones.exchange {
            return Err(PhoneError::NoExchange);
        }
        if phones.taken.iter().any(|taken| taken == number.as_str()) {
            return Err(PhoneError::Taken);
        }
        phones.taken.push(number.as_str().to_owned());
        let (events_tx, events) = mpsc::unbounded_channel();
        let (said, said_rx) = mpsc::unbounded_channel();
        phones.events = Some(events_tx);
        phones.said = Some(said_rx);
        Ok(Box::new(FakePhone { fake: self.clone(), number: number.as_str().to_owned(), events, said }))
    }

    fn has_exchange(&self) -> bool {
        self.phones.lock().unwrap().exchange
    }

    fn defaults(&self) -> CallDefaults {
        CallDefaults {
            language: "de".into(),
            emotion: "Serious".into(),
            supervisor_phone: Some("+15550100002".into()),
            escalation_enabled: true,
        }
    }

    fn store(&self) -> &Store {
        &self.0.store
    }
}

struct FakePhone {
    fake: Fake,
    number: String,
    events: mpsc::UnboundedReceiver<PhoneEvent>,
    said: mpsc::UnboundedSender<Said>,
}

#[async_trait]
impl Phone for FakePhone {
    async fn event(&mut self) -> PhoneEvent {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    fn act(&self, order: PhoneOrder) {
        self.said.send(Said::Order(order)).unwrap();
    }

    fn speak(&self, frame: Frame) {
        self.said.send(Said::Frame(frame)).unwrap();
    }
}

impl Drop for FakePhone {
    fn drop(&mut self) {
        self.fake.phones.lock().unwrap().taken.retain(|number| *number != self.number);
    }
}

/// An answer, taken apart.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// The sentence of an error.
    #[track_caller]
    pub(crate) fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap_or_else(|| panic!("no sentence: {}", self.text)).to_owned()
    }

    /// `type` and `loc` of each fault of a 422.
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        assert_eq!(self.status, 422, "{}", self.text);
        let json = self.json();
        let faults = json["detail"].as_array().unwrap().iter().map(|fault| {
            let keys: Vec<_> = fault.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys.len(), 4, "{keys:?}");
            assert!(fault["msg"].is_string() && fault.get("input").is_some());
            let loc: Vec<_> = fault["loc"].as_array().unwrap().iter().map(|p| p.to_string().replace('"', "")).collect();
            (fault["type"].as_str().unwrap().to_owned(), loc.join("."))
        });
        faults.collect()
    }
}

pub(crate) async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 64 << 20).await.unwrap();
    let answer =
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() };
    assert!(answer.headers.contains_key("x-request-id"), "every answer carries an id");
    answer
}

pub(crate) async fn get(app: &Router, uri: &str) -> Answer {
    send(app, Request::get(uri).body(Body::empty()).unwrap()).await
}

pub(crate) async fn post(app: &Router, uri: &str, body: impl Into<Body>) -> Answer {
    post_with(app, uri, body, &[]).await
}

pub(crate) async fn post_with(app: &Router, uri: &str, body: impl Into<Body>, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post(uri).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(app, request.body(body.into()).unwrap()).await
}

/// Serves the app on a port of its own; gives `127.0.0.1:PORT`.
pub(crate) async fn serve(fake: &Fake, limits: Limits) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let state = AppState::with_limits(fake.clone(), limits.clone()).known_as(Hosts::Only(Vec::new()));
    let app = router(state);
    tokio::spawn(async move { warmline::http::serve(listener, app, &limits, std::future::pending()).await });
    address
}
