use std::{
    collections::HashMap,
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::timeout;
use warmline_call::{CallId, LeftCause, LegRef};
use warmline_telephony::{OpenError, Room, Telephony};
use warmline_voice::{SpeechToText, TextToSpeech};

use crate::{
    leg::{Callee, left},
    persona::{Actor, Answer, Personas, Role, Voices},
    phone::{LIVE_FRAMES, Phone, PhoneEvent, PhoneHandle, SCRIPTED_FRAMES, Socket},
    record::Recordings,
    room::ExchangeRoom,
};

/// How long the program's end waits for recordings.
const SETTLING: Duration = Duration::from_secs(3);

/// What an [`Exchange`] is made of.
pub struct ExchangeOptions {
    /// Who answers where no phone is open.
    pub personas: Personas,
    /// What personas listen with.
    pub stt: Arc<dyn SpeechToText>,
    /// What personas speak with.
    pub tts: Arc<dyn TextToSpeech>,
    /// Where to keep what each phone heard and said (`<call>-<leg>[-attempt]-heard.wav`, `-said.wav`, `-lines.json`);
    /// `None`: nowhere. A disk that does not follow holds up no call: what it has no room for is silent in the files,
    /// and the log says how much. See [`Exchange::recorded`].
    pub record: Option<PathBuf>,
    /// The number that calls, as phones show it (E.164).
    pub from_number: String,
}

impl ExchangeOptions {
    /// The built-in personas, nothing recorded.
    #[must_use]
    pub fn new(stt: Arc<dyn SpeechToText>, tts: Arc<dyn TextToSpeech>) -> Self {
        Self { personas: Personas::built_in(), stt, tts, record: None, from_number: "+15550100000".to_owned() }
    }
}

/// The embedded telephone exchange. Any E.164 number can be dialled: it rings at the [`BrowserPhone`] that is open for it,
/// else at the persona that has it, else at the default persona. Clones are the same exchange.
#[derive(Clone, Debug)]
pub struct Exchange {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) recordings: Option<Recordings>,
    pub(crate) rooms: AtomicUsize,
    personas: Personas,
    stt: Arc<dyn SpeechToText>,
    voices: Arc<Voices>,
    from_number: String,
    phones: Mutex<HashMap<String, Socket>>,
}

/// That number has an open phone already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Another phone is open for this number.")]
pub struct NumberTaken;

impl Exchange {
    /// An exchange. Placing calls needs a tokio runtime; this does not.
    #[must_use]
    pub fn new(options: ExchangeOptions) -> Self {
        let inner = Inner {
            recordings: options.record.map(Recordings::in_folder),
            rooms: AtomicUsize::new(0),
            personas: options.personas,
            stt: options.stt,
            voices: Arc::new(Voices::new(options.tts)),
            from_number: options.from_number,
            phones: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Opens a phone for a number (E.164): while it lives, that number rings there.
    ///
    /// # Errors
    /// Another phone is open for it.
    pub fn register_phone(&self, number: &str) -> Result<BrowserPhone, NumberTaken> {
        let mut phones = self.inner.phones();
        if phones.contains_key(number) {
            return Err(NumberTaken);
        }
        let phone = Phone::new();
        phones.insert(number.to_owned(), phone.socket());
        Ok(BrowserPhone { phone, number: number.to_owned(), exchange: Arc::clone(&self.inner) })
    }

    /// Rooms that are not closed yet.
    #[must_use]
    pub fn open_rooms(&self) -> usize {
        self.inner.rooms.load(Ordering::Relaxed)
    }

    /// Resolves when the recordings of all legs that are over are on disk, or can't be written.
    pub async fn recorded(&self) {
        if let Some(recordings) = &self.inner.recordings {
            recordings.on_disk().await;
        }
    }

    /// Who answers where no phone is open.
    #[must_use]
    pub fn personas(&self) -> &Personas {
        &self.inner.personas
    }
}

#[async_trait]
impl Telephony for Exchange {
    async fn open(&self, call: &CallId) -> Result<Arc<dyn Room>, OpenError> {
        Ok(Arc::new(ExchangeRoom::open(Arc::clone(&self.inner), call.clone())))
    }

    /// Recordings are finished, unless the disk does not take them.
    async fn settled(&self) {
        let Some(recordings) = &self.inner.recordings else { return };
        if timeout(SETTLING, recordings.on_disk()).await.is_err() {
            tracing::warn!("{} recordings of calls are cut off: the disk does not take them", recordings.unfinished());
        }
    }
}

/// A phone that a person, or a program, holds: of the browser's phone page, for one. Dropped, it hangs up and frees its
/// number.
pub struct BrowserPhone {
    phone: Phone,
    number: String,
    exchange: Arc<Inner>,
}

impl BrowserPhone {
    /// What it is told next: one call after the other, as long as it lives. Cancel-safe. Audio that nobody fetches for
    /// half a second is lost, oldest first.
    pub async fn event(&mut self) -> PhoneEvent {
        self.phone.event().await
    }

    /// Gives its orders.
    #[must_use]
    pub fn handle(&self) -> PhoneHandle {
        self.phone.handle()
    }

    /// The number it is open for.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.number
    }
}

impl Drop for BrowserPhone {
    fn drop(&mut self) {
        self.exchange.phones().remove(&self.number);
    }
}

impl fmt::Debug for BrowserPhone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrowserPhone").finish_non_exhaustive()
    }
}

impl Inner {
    /// Who or what is reached at a number.
    pub(crate) fn callee(&self, call: &CallId, leg: LegRef, number: &str) -> Callee {
        let from = self.from_number.clone();
        let phone = self.phones().get(number).cloned();
        if let Some(phone) = phone {
            return phone.ring(call.clone(), from, LIVE_FRAMES).map_or_else(|| refusal(&Answer::Busy), Callee::Phone);
        }
        let role = if leg == LegRef::Customer { Role::Customer } else { Role::Supervisor };
        let persona = self.personas.find(number).unwrap_or_else(|| self.personas.default_for(role));
        if !persona.answers() {
            return refusal(&persona.answer);
        }
        let phone = Phone::new();
        let Some(end) = phone.socket().ring(call.clone(), from, SCRIPTED_FRAMES) else { return refusal(&Answer::Busy) };
        tokio::spawn(Actor::new(persona, phone, Arc::clone(&self.voices), Arc::clone(&self.stt)).run());
        Callee::Phone(end)
    }

    fn phones(&self) -> MutexGuard<'_, HashMap<String, Socket>> {
        self.phones.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("rooms", &self.rooms).finish_non_exhaustive()
    }
}

/// What the network answers for somebody who does not pick up.
fn refusal(answer: &Answer) -> Callee {
    let (rings, after_ms, cause, status) = match answer {
        Answer::Busy => (false, 600, LeftCause::Busy, 486),
        Answer::Declined => (true, 1_500, LeftCause::Declined, 603),
        Answer::Unreachable => (false, 500, LeftCause::Unreachable, 480),
        Answer::Invalid => (false, 200, LeftCause::InvalidNumber, 404),
        Answer::TrunkFailure => (false, 200, LeftCause::TrunkFailure, 503),
        Answer::Never | Answer::After(_) | Answer::Voicemail => {
            return Callee::Nobody { rings: true, refusal: None };
        }
    };
    Callee::Nobody { rings, refusal: Some((Duration::from_millis(after_ms), left(cause, Some(status)))) }
}
