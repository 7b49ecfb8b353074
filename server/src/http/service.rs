//! What REST and the WebSockets ask of the call runtime and the exchange.

use async_trait::async_trait;
use warmline_api::{PhoneMessage, PhoneNumber, PhoneOrder};
use warmline_call::{CallId, CallView, OperatorAction, Person};
use warmline_exchange::BrowserPhone;
use warmline_telephony::{Frame, Line};
use warmline_voice::Load;

use crate::{
    calls::{ActError, CallDefaults, Calls, Listening, Order, PlaceError, Placed},
    store::Store,
};

/// The call runtime as REST sees it.
#[async_trait]
pub trait CallService: Send + Sync + 'static {
    /// Places a call.
    ///
    /// # Errors
    /// Nobody was dialled.
    async fn place(&self, order: Order) -> Result<Placed, PlaceError>;

    /// Lets a person act on a call; gives the call as it is afterwards.
    ///
    /// # Errors
    /// No such call, or not possible in its phase.
    async fn act(&self, id: &CallId, action: OperatorAction, by: Person) -> Result<CallView, ActError>;

    /// Lets a person speak with the customer in the agent's place, for as long as their line lasts.
    ///
    /// # Errors
    /// No such call, or not possible in its phase.
    async fn take_over(&self, id: &CallId, line: Line, by: Person) -> Result<CallView, ActError>;

    /// Waits for a call's end; `None` for an unknown call.
    async fn ended(&self, id: &CallId) -> Option<CallView>;

    /// Lets a person listen in, for as long as they keep what this gives.
    ///
    /// # Errors
    /// No such call, or not possible in its phase.
    async fn listen(&self, id: &CallId, by: Person) -> Result<Listening, ActError>;

    /// Whether calls can be placed now.
    ///
    /// # Errors
    /// A sentence for each thing that is missing.
    fn readiness(&self) -> Result<(), Vec<String>>;

    /// How busy speech is.
    fn speech(&self) -> Load {
        Load::default()
    }

    /// How many calls more speech can carry now; `None`: as many as there are.
    fn room(&self) -> Option<usize> {
        None
    }

    /// Whether the agent can say anything of a text.
    fn can_say(&self, text: &str) -> bool {
        text.chars().any(char::is_alphanumeric)
    }

    /// Opens a phone of the embedded exchange.
    ///
    /// # Errors
    /// There is no exchange, or somebody else has that number.
    fn open_phone(&self, number: &PhoneNumber) -> Result<Box<dyn Phone>, PhoneError>;

    /// Whether calls are placed on the embedded exchange, or on a carrier simulated by it.
    fn has_exchange(&self) -> bool;

    /// What a request that leaves things out gets.
    fn defaults(&self) -> CallDefaults;

    /// The log.
    fn store(&self) -> &Store;
}

/// A phone of the exchange. Dropping it hangs up and frees the number.
#[async_trait]
pub trait Phone: Send {
    /// The next thing that happens on it. Cancel-safe.
    async fn event(&mut self) -> PhoneEvent;

    /// Answers, declines, hangs up or presses a key.
    fn act(&self, order: PhoneOrder);

    /// Speaks into it.
    fn speak(&self, frame: Frame);
}

/// What happens on a phone.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "nearly all of them are frames, which a box would only slow down")]
pub enum PhoneEvent {
    /// It rings, is answered, is over.
    Message(PhoneMessage),
    /// 20 ms of sound.
    Audio(Frame),
}

/// Why a phone could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneError {
    /// Calls are placed over LiveKit.
    NoExchange,
    /// There is a phone for that number.
    Taken,
}

#[async_trait]
impl CallService for Calls {
    async fn place(&self, order: Order) -> Result<Placed, PlaceError> {
        self.place(order).await
    }

    async fn act(&self, id: &CallId, action: OperatorAction, by: Person) -> Result<CallView, ActError> {
        self.act(id, action, by).await
    }

    async fn take_over(&self, id: &CallId, line: Line, by: Person) -> Result<CallView, ActError> {
        self.take_over(id, line, by).await
    }

    async fn ended(&self, id: &CallId) -> Option<CallView> {
        self.ended(id).await
    }

    async fn listen(&self, id: &CallId, by: Person) -> Result<Listening, ActError> {
        self.listen(id, by).await
    }

    fn readiness(&self) -> Result<(), Vec<String>> {
        self.readiness()
    }

    fn speech(&self) -> Load {
        self.speech().load()
    }

    fn room(&self) -> Option<usize> {
        self.speech().load().room(self.open_count())
    }

    fn can_say(&self, text: &str) -> bool {
        self.speech().tts.can_speak(text)
    }

    fn open_phone(&self, number: &PhoneNumber) -> Result<Box<dyn Phone>, PhoneError> {
        let exchange = self.phones().ok_or(PhoneError::NoExchange)?;
        let phone = exchange.register_phone(number.as_str()).map_err(|_| PhoneError::Taken)?;
        Ok(Box::new(phone))
    }

    fn has_exchange(&self) -> bool {
        self.phones().is_some()
    }

    fn defaults(&self) -> CallDefaults {
        self.defaults()
    }

    fn store(&self) -> &Store {
        self.store()
    }
}

#[async_trait]
impl Phone for BrowserPhone {
    async fn event(&mut self) -> PhoneEvent {
        use warmline_exchange::PhoneEvent as Of;
        match BrowserPhone::event(self).await {
            Of::Ringing { call, from } => PhoneEvent::Message(PhoneMessage::Ringing { call: call.to_string(), from }),
            Of::Answered => PhoneEvent::Message(PhoneMessage::Answered),
            Of::Ended { reason } => PhoneEvent::Message(PhoneMessage::Ended { reason: reason.as_str().to_owned() }),
            Of::Audio(frame) => PhoneEvent::Audio(frame),
        }
    }

    fn act(&self, order: PhoneOrder) {
        let handle = self.handle();
        match order {
            PhoneOrder::Answer => handle.answer(),
            PhoneOrder::Decline => handle.decline(),
            PhoneOrder::Hangup => handle.hang_up(),
            PhoneOrder::Dtmf { digit } => handle.dtmf(digit),
        }
    }

    fn speak(&self, frame: Frame) {
        self.handle().audio(frame);
    }
}
