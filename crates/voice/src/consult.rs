mod actor;
mod answers;
#[cfg(test)]
mod tests;

use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use warmline_call::{FixedLine, Private};
use warmline_telephony::{Clock, Line};

use self::actor::{Actor, Order};
use crate::{
    Fact, Setup, Speech, SupervisorAgent,
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
}

impl SupervisorAgent for Consult {
    fn brief(&self, summary: Private<String>, points: Vec<Private<String>>) {
        self.orders.give(Order::Brief(summary, points));
    }

    fn say_fixed(&self, line: FixedLine) -> BoxFuture<'static, ()> {
        let (done, heard) = oneshot::channel();
        self.orders.give(Order::SayFixed(line, done));
        Box::pin(async move {
            let _gone = tokio::time::timeout(Timing::default().sentence, heard).await;
        })
    }

    fn listen_only(&self) {
        self.orders.give(Order::ListenOnly);
    }

    fn stop(&self) {
        self.orders.stop();
    }
}
