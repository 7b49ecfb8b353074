use tokio::sync::mpsc;
use warmline_call::{FixedLine, Private};
use warmline_telephony::{Clock, Line};

use crate::{Fact, Setup, Speech};

/// The private conversation with a supervisor, on its own task. Dropping it stops it and frees the line.
#[derive(Debug)]
pub struct Consult {}

impl Consult {
    /// Takes over a supervisor's line and waits for orders.
    #[must_use]
    pub fn on(line: Line, setup: Setup, speech: Speech, clock: Clock, facts: mpsc::Sender<Fact>) -> Self {
        let _ = (line, setup, speech, clock, facts);
        Self {}
    }

    /// Briefs and asks for the decision: 'Hello, I have a customer who needs assistance. … Are you ready to take this
    /// call?' At most two more questions follow; then it keeps listening. Answers questions from the briefing.
    pub fn brief(&self, summary: Private<String>, points: Vec<Private<String>>) {
        let _ = (summary, points);
    }

    /// Speaks a fixed sentence; resolves when it was heard, or could not be.
    pub async fn say_fixed(&self, line: FixedLine) {
        let _ = line;
    }

    /// After the merge: the agent never speaks again; its ears go on (transcript).
    pub fn listen_only(&self) {}

    /// Stops for good, within one frame.
    pub fn stop(&self) {}
}
