use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;
use warmline_call::Speaker;
use warmline_telephony::{Clock, Heard, Line};

use crate::{
    Colleague, CustomerAgent, Fact, Speech, VoiceStyle,
    turn::{Event, Floor, Timing},
};

/// A person who speaks with the customer in the agent's place, on a line of their own. Dropping it ends that: both are
/// deaf to each other within a frame.
#[derive(Debug)]
pub struct StandIn {
    join: Option<oneshot::Sender<Agent>>,
    _task: AbortOnDropHandle<()>,
}

/// The agent in whose place they speak.
struct Agent(Arc<dyn CustomerAgent>);

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Agent")
    }
}

impl StandIn {
    /// Attends a person's line. Nobody hears them until they [join](Colleague::join); [`Fact::Ready`] tells when their
    /// microphone is there. What they say then is reported too. Ends by itself when their line goes away, or the customer's.
    #[must_use]
    pub fn on(line: Line, speech: Speech, style: VoiceStyle, clock: Clock, facts: mpsc::Sender<Fact>) -> Self {
        let (join, agent) = oneshot::channel();
        let task = tokio::spawn(live(line, agent, speech, style, clock, facts));
        Self { join: Some(join), _task: AbortOnDropHandle::new(task) }
    }
}

impl Colleague for StandIn {
    fn join(&mut self, agent: Arc<dyn CustomerAgent>) {
        if let Some(join) = self.join.take() {
            let _gone = join.send(Agent(agent));
        }
    }
}

async fn live(
    mut line: Line,
    mut agent: oneshot::Receiver<Agent>,
    speech: Speech,
    style: VoiceStyle,
    clock: Clock,
    facts: mpsc::Sender<Fact>,
) {
    let mut ready = false;
    let agent = loop {
        tokio::select! {
            biased;
            agent = &mut agent => match agent {
                Ok(Agent(agent)) => break agent,
                Err(_) => return,
            },
            heard = line.ear.hear() => match heard {
                Some(Heard::Frame(_)) if !ready => {
                    ready = true;
                    if facts.send(Fact::Ready).await.is_err() {
                        return;
                    }
                }
                Some(_) => {}
                None => return,
            },
        }
    };
    let Some(to_customer) = agent.stand_aside(line.mouth.begin_live()).await else { return };
    let mut floor = Floor::new(line, Speaker::Supervisor, speech, style, clock, facts, Timing::default());
    floor.passed_on = Some(to_customer);
    loop {
        match floor.next().await {
            Event::Gone => return,
            Event::Voice | Event::Partial(..) | Event::Deaf(_) => agent.overheard(None),
            Event::Turn(turn) => agent.overheard(Some(turn.text.into())),
            _ => {}
        }
    }
}
