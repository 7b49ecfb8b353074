mod actor;
mod answers;
#[cfg(test)]
mod tests;

use tokio::sync::{mpsc, oneshot};
use warmline_call::{FixedLine, Private};
use warmline_telephony::{Clock, Line};

use self::actor::{Actor, Order};
use crate::{
    Fact, Setup, Speech,
    conversation::{Brake, Orders},
    turn::Timing,
};

/// The private conversation with a supervisor, on its own task. Dropping it stops it and frees the line.
#[derive(Debug)]
pub struct Consult {
    orders: Orders<Order>,
}

impl Consult {
    /// Takes over a supervisor's line and waits for orders.
    #[must_use]
    pub fn on(line: Line, setup: Setup, speech: Speech, clock: Clock, facts: mpsc::Sender<Fact>) -> Self {
        let brake = Brake::new(line.mouth.clone());
        let (orders, inbox) = Orders::new(brake.clone());
        let actor = Actor::new(line, setup, speech, clock, facts, Timing::default());
        tokio::spawn(async move { brake.run(actor.run(inbox)).await });
        Self { orders }
    }

    /// Briefs and asks for the decision: 'Hello, I have a customer who needs assistance. … Are you ready to take this
    /// call?' At most two more questions follow; then it keeps listening. Answers questions from the briefing.
    pub fn brief(&self, summary: Private<String>, points: Vec<Private<String>>) {
        self.orders.give(Order::Brief(summary, points));
    }

    /// Speaks a fixed sentence; resolves when it was heard, or could not be.
    pub async fn say_fixed(&self, line: FixedLine) {
        let (done, heard) = oneshot::channel();
        self.orders.give(Order::SayFixed(line, done));
        let _gone = tokio::time::timeout(Timing::default().sentence, heard).await;
    }

    /// After the merge: the agent never speaks again; its ears go on (transcript).
    pub fn listen_only(&self) {
        self.orders.give(Order::ListenOnly);
    }

    /// Stops for good, within one frame.
    pub fn stop(&self) {
        self.orders.stop();
    }
}
