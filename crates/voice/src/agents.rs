//! Who talks on a call's lines, as the call's runtime sees them: it gives orders and is told facts, and knows of no audio.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::mpsc;
use warmline_call::{Because, FixedLine, Private};
use warmline_telephony::{Clock, Line, Live};

use crate::{Consult, Conversation, Fact, Setup, Speech, StandIn, Turn, VoiceStyle, prepare_briefing};

/// The agent on the customer's line. It does as [`warmline_call::AgentMode`] says; orders that this does not allow do
/// nothing. Its facts end with [`Fact::Gone`], unless it was stopped or broke down.
pub trait CustomerAgent: Send + Sync {
    /// Greet and talk.
    fn start(&self);

    /// Fall silent at once, and listen for a change of mind only.
    fn pause(&self);

    /// Tell the customer why, and go on.
    fn resume(&self, because: Because);

    /// Speak a fixed sentence after falling silent; resolves when it was heard, or could not be.
    fn say_fixed(&self, line: FixedLine) -> BoxFuture<'static, ()>;

    /// Say this next.
    fn say(&self, text: Private<String>);

    /// Know this, unheard.
    fn nudge(&self, text: Private<String>);

    /// Let a colleague speak with the customer, be silent and listen. The customer is heard over `colleague`; the answer
    /// lets the customer hear. `None`: that can't be now. Whatever comes next to be said ends it.
    fn stand_aside(&self, colleague: Live) -> BoxFuture<'static, Option<Live>>;

    /// The colleague speaks; with the words once they are understood.
    fn overheard(&self, text: Option<Private<String>>);

    /// Never speak again; go on listening, for the transcript.
    fn listen_only(&self);

    /// What was said so far, for the briefing.
    fn turns(&self) -> BoxFuture<'static, Vec<Turn>>;

    /// Play this on the line whenever nothing is said, or nothing any more. 16 kHz mono, looped.
    fn music(&self, track: Option<Arc<[i16]>>);

    /// Be gone, within one frame.
    fn stop(&self);
}

/// The agent in private with a supervisor. Its facts end with [`Fact::Gone`], unless it was stopped or broke down.
pub trait SupervisorAgent: Send + Sync {
    /// Brief and ask for the decision: 'Hello, I have a customer who needs assistance. … Are you ready to take this call?'
    /// At most two more questions follow; then it keeps listening. Answers questions from the briefing.
    fn brief(&self, summary: Private<String>, points: Vec<Private<String>>);

    /// Speak a fixed sentence; resolves when it was heard, or could not be.
    fn say_fixed(&self, line: FixedLine) -> BoxFuture<'static, ()>;

    /// Never speak again; go on listening, for the transcript.
    fn listen_only(&self);

    /// Be gone, within one frame.
    fn stop(&self);
}

/// A person who wants to speak in the agent's place. Dropping it ends that: both are deaf to each other within a frame.
pub trait Colleague: Send + Sync {
    /// Let them and the customer hear each other.
    fn join(&mut self, agent: Arc<dyn CustomerAgent>);
}

/// Puts somebody on a line. What happens there is reported to `facts`, which are closed when it is over, and dated by `clock`.
pub trait Agents: Send + Sync {
    /// The agent, on the customer's line; it waits for orders.
    fn converse(&self, line: Line, setup: Setup, clock: Clock, facts: mpsc::Sender<Fact>) -> Arc<dyn CustomerAgent>;

    /// The agent, on a supervisor's line; it waits for orders.
    fn consult(&self, line: Line, setup: Setup, clock: Clock, facts: mpsc::Sender<Fact>) -> Arc<dyn SupervisorAgent>;

    /// A person, on theirs. [`Fact::Ready`] tells that they can be heard.
    fn attend(&self, line: Line, style: VoiceStyle, clock: Clock, facts: mpsc::Sender<Fact>) -> Box<dyn Colleague>;

    /// What the supervisor has to know: summary and points.
    fn prepare_briefing(
        &self,
        setup: Setup,
        turns: Vec<Turn>,
        reason: String,
    ) -> BoxFuture<'static, (Private<String>, Vec<Private<String>>)>;
}

/// Agents who hear, think and speak in this process.
#[derive(Clone)]
pub struct LocalAgents {
    /// What with.
    pub speech: Speech,
}

impl Agents for LocalAgents {
    fn converse(&self, line: Line, setup: Setup, clock: Clock, facts: mpsc::Sender<Fact>) -> Arc<dyn CustomerAgent> {
        Arc::new(Conversation::on(line, setup, self.speech.clone(), clock, facts))
    }

    fn consult(&self, line: Line, setup: Setup, clock: Clock, facts: mpsc::Sender<Fact>) -> Arc<dyn SupervisorAgent> {
        Arc::new(Consult::on(line, setup, self.speech.clone(), clock, facts))
    }

    fn attend(&self, line: Line, style: VoiceStyle, clock: Clock, facts: mpsc::Sender<Fact>) -> Box<dyn Colleague> {
        Box::new(StandIn::on(line, self.speech.clone(), style, clock, facts))
    }

    fn prepare_briefing(
        &self,
        setup: Setup,
        turns: Vec<Turn>,
        reason: String,
    ) -> BoxFuture<'static, (Private<String>, Vec<Private<String>>)> {
        let speech = self.speech.clone();
        Box::pin(async move { prepare_briefing(&setup, &turns, &reason, &speech).await })
    }
}
