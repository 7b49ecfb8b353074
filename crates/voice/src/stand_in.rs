use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use warmline_call::Speaker;
use warmline_telephony::{Clock, Line};

use crate::{
    Conversation, Fact, Speech, VoiceStyle,
    turn::{Event, Floor, Timing},
};

/// A person who speaks with the customer in the agent's place, on a line of their own. Dropping it ends that: both are
/// deaf to each other within a frame.
#[derive(Debug)]
pub struct StandIn {
    _task: AbortOnDropHandle<()>,
}

impl StandIn {
    /// Connects a person's line with the customer of a conversation, whose agent falls silent. What the person says is
    /// reported to `facts`. Ends by itself when the person's line goes away, or the conversation.
    #[must_use]
    pub fn on(
        line: Line,
        conversation: Arc<Conversation>,
        speech: Speech,
        style: VoiceStyle,
        clock: Clock,
        facts: mpsc::Sender<Fact>,
    ) -> Self {
        let task = tokio::spawn(async move {
            let Some(to_customer) = conversation.stand_aside(line.mouth.begin_live()).await else { return };
            let mut floor = Floor::new(line, Speaker::Supervisor, speech, style, clock, facts, Timing::default());
            floor.passed_on = Some(to_customer);
            while !matches!(floor.next().await, Event::Gone) {}
        });
        Self { _task: AbortOnDropHandle::new(task) }
    }
}
