mod actor;
mod brake;
mod history;
mod mind;
mod order;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures::future::BoxFuture;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use warmline_call::{Because, DecidedBy, FixedLine, Private, RequestedBy, Speaker};
use warmline_telephony::{Clock, Line, Live};

use self::{actor::Actor, mind::Mind, order::Order};
use crate::{
    CustomerAgent, Speech, Turn, VoiceStyle,
    brain::Brain,
    turn::{Floor, Timing},
};

pub(crate) use self::{brake::Brake, history::History, order::Orders};

/// What a conversation with a customer, or with a supervisor, is about.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The customer's name.
    pub name: Option<Private<String>>,
    /// On whose behalf the agent calls (`CALLER_NAME`).
    pub caller_name: Option<String>,
    /// Who the agent is (`AGENT_INSTRUCTIONS`).
    pub instructions: String,
    /// What this call is about (`dynamic_instruction`).
    pub dynamic_instruction: Option<Private<String>>,
    /// Whether a human can be offered.
    pub escalation: bool,
    /// Language and emotion of the agent's voice.
    pub style: VoiceStyle,
}

/// What happens on a line that the call has to know. The runtime turns them into inputs and events.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Somebody says, or has said, something.
    Spoken(Spoken),
    /// Where the time of one turn went.
    Turn(TurnTimes),
    /// The customer plainly asked for a human, said yes to the offer of one, or the agent can't help.
    HumanRequested {
        /// Customer or agent.
        by: RequestedBy,
        /// Why, in plain words.
        reason: Private<String>,
    },
    /// While on hold, the customer said 'never mind'.
    ChangedMind,
    /// Both are done and the goodbye was heard.
    Finished,
    /// The conversation can't go on.
    Failed {
        /// One plain sentence.
        detail: String,
    },
    /// Nothing was heard for too long, though asked for.
    Inaudible,
    /// Speech does not keep up: a turn was late, or lost, for want of capacity.
    Strained {
        /// What of it.
        cause: Strain,
    },
    /// Speech keeps up again.
    Eased,
    /// A machine answered.
    Machine,
    /// Whoever wants to speak in the agent's place has a microphone, and it is on.
    Ready,
    /// Neither the customer nor whoever speaks in the agent's place has said anything for too long, or the latter never
    /// did.
    ColleagueSilent,
    /// The line is gone. Always the last; a task that ends without it broke down, or was stopped.
    Gone,
    /// The supervisor accepted.
    Accepted {
        /// Voice or DTMF.
        by: DecidedBy,
    },
    /// The supervisor declined.
    Declined {
        /// Voice or DTMF.
        by: DecidedBy,
        /// In their words.
        reason: Option<Private<String>>,
    },
}

/// What does not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strain {
    /// What the person said was understood late, or not at all.
    Hearing,
    /// What the agent has to say is heard late.
    Speaking,
}

/// One utterance, partial or final. `text` carries the whole utterance so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoken {
    /// Who.
    pub speaker: Speaker,
    /// Counts this conversation's utterances; partials and final share it.
    pub utterance: u64,
    /// What; of an interrupted agent, what was heard of it.
    pub text: Private<String>,
    /// The last word on it.
    pub r#final: bool,
    /// The other side broke in.
    pub interrupted: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended, once it has.
    pub ended_at: Option<Timestamp>,
}

/// Where the time of one turn went, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnTimes {
    /// End of speech to the decision that the turn is over.
    pub endpointing_ms: u32,
    /// Recognition that was still to be waited for after that decision.
    pub stt_ms: u32,
    /// Until the brain's first word.
    pub llm_first_token_ms: u32,
    /// Until the first audio of the first sentence.
    pub tts_first_audio_ms: u32,
    /// End of the customer's speech to the agent's first audio on the line.
    pub response_ms: u32,
}

/// A conversation between the agent and the customer, on its own task. Dropping it stops it and frees the line.
#[derive(Debug)]
pub struct Conversation {
    orders: Orders<Order>,
}

impl Conversation {
    /// Takes over a line and waits for orders. Facts go to `facts`; the task ends when the leg goes away, on
    /// [`Conversation::stop`], or when this handle is dropped.
    #[must_use]
    pub fn on(line: Line, setup: Setup, speech: Speech, clock: Clock, facts: mpsc::Sender<Fact>) -> Self {
        let brake = Brake::new(line.mouth.clone());
        let (escalation, style, model) = (setup.escalation, setup.style.clone(), speech.model.clone());
        let floor = Floor::new(line, Speaker::Customer, speech, style, clock, facts, Timing::default());
        Self::think(floor, Box::new(Brain::new(setup, model)), escalation, brake)
    }

    fn think(floor: Floor, brain: Box<dyn Mind>, escalation: bool, brake: Brake) -> Self {
        let (orders, inbox) = Orders::new(brake.clone());
        let actor = Actor::new(floor, brain, escalation, Timing::default());
        tokio::spawn(async move { brake.run(actor.run(inbox)).await });
        Self { orders }
    }
}

impl CustomerAgent for Conversation {
    fn start(&self) {
        self.orders.give(Order::Start);
    }

    fn pause(&self) {
        self.orders.give(Order::Pause);
    }

    fn resume(&self, because: Because) {
        self.orders.give(Order::Resume(because));
    }

    fn say_fixed(&self, line: FixedLine) -> BoxFuture<'static, ()> {
        let (done, heard) = oneshot::channel();
        self.orders.give(Order::SayFixed(line, done));
        let timing = Timing::default();
        let patience = match line {
            FixedLine::VoicemailMessage => timing.machine_talks + timing.sentence,
            _ => timing.sentence,
        };
        Box::pin(async move {
            let _gone = tokio::time::timeout(patience, heard).await;
        })
    }

    fn say(&self, text: Private<String>) {
        self.orders.give(Order::Say(text));
    }

    fn nudge(&self, text: Private<String>) {
        self.orders.give(Order::Nudge(text));
    }

    fn stand_aside(&self, colleague: Live) -> BoxFuture<'static, Option<Live>> {
        let (answer, live) = oneshot::channel();
        self.orders.give(Order::StandAside(colleague, answer));
        Box::pin(async move { live.await.ok() })
    }

    fn overheard(&self, text: Option<Private<String>>) {
        self.orders.give(Order::Overheard(text));
    }

    fn listen_only(&self) {
        self.orders.give(Order::ListenOnly);
    }

    fn turns(&self) -> BoxFuture<'static, Vec<Turn>> {
        let (answer, turns) = oneshot::channel();
        self.orders.give(Order::Turns(answer));
        Box::pin(async move { turns.await.unwrap_or_default() })
    }

    fn music(&self, track: Option<Arc<[i16]>>) {
        self.orders.give(Order::Music(track));
    }

    fn stop(&self) {
        self.orders.stop();
    }
}
