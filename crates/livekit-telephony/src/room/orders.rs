//! What a room is ordered to do. Ordering never waits and is never refused; who wants an answer gets one.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, mpsc, oneshot};
use warmline_call::{LegFact, LegRef};
use warmline_telephony::{Dial, DialError, LineEnd, MergeError};

use super::machine::{Ids, LegId, Ticket};

/// Questions that may wait; more are refused.
const QUESTIONS: usize = 64;

/// What is ordered.
#[derive(Debug)]
pub(super) enum Order {
    /// Asks for a leg.
    Dial(Box<DialOrder>),
    /// Asks for the merge.
    Merge {
        ticket: Ticket,
        reply: oneshot::Sender<Result<(), MergeError>>,
    },
    /// Says that nobody waits for it any more.
    Dropped(Ticket),
    Separate,
    Leave,
    HangUp(LegRef),
    Close,
    /// Nobody holds the room any more.
    Released,
    /// Something has changed in the room.
    Hint,
}

/// A leg that is asked for.
#[derive(Debug)]
pub(super) struct DialOrder {
    pub(super) id: LegId,
    pub(super) dial: Dial,
    pub(super) identity: String,
    pub(super) line: LineEnd,
    pub(super) progress: mpsc::Sender<LegFact>,
    pub(super) reply: oneshot::Sender<Result<Ids, DialError>>,
}

/// Orders that the room's task has not taken yet: one of each kind, and some questions.
#[derive(Debug, Default)]
pub(super) struct Orders {
    waiting: Mutex<Waiting>,
    came: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    orders: VecDeque<Order>,
    is_over: bool,
}

impl Order {
    /// Whether somebody waits for the answer.
    fn is_question(&self) -> bool {
        matches!(self, Self::Dial(_) | Self::Merge { .. })
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dropped(one), Self::Dropped(other)) => one == other,
            (Self::HangUp(one), Self::HangUp(other)) => one == other,
            (one, other) => !one.is_question() && std::mem::discriminant(one) == std::mem::discriminant(other),
        }
    }
}

impl Orders {
    /// Orders something. A question that can't be taken is dropped, and with it whoever waits for its answer.
    pub(super) fn give(&self, order: Order) {
        let mut waiting = self.lock();
        if waiting.is_over {
            return;
        }
        let questions = waiting.orders.iter().filter(|waiting| waiting.is_question()).count();
        // Ordered again before a question, it means something else after it.
        let mut since = waiting.orders.iter().rev().take_while(|waiting| !waiting.is_question());
        if (order.is_question() && questions >= QUESTIONS) || since.any(|waiting| waiting.is_same(&order)) {
            return;
        }
        waiting.orders.push_back(order);
        drop(waiting);
        self.came.notify_one();
    }

    /// The orders that wait; waits for one if there is none.
    pub(super) async fn take(&self) -> VecDeque<Order> {
        loop {
            let orders = std::mem::take(&mut self.lock().orders);
            if !orders.is_empty() {
                return orders;
            }
            self.came.notified().await;
        }
    }

    /// Nothing is taken any more.
    pub(super) fn end(&self) {
        let mut waiting = self.lock();
        waiting.is_over = true;
        waiting.orders.clear();
    }

    pub(super) fn are_over(&self) -> bool {
        self.lock().is_over
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(ticket: Ticket) -> (Order, oneshot::Receiver<Result<(), MergeError>>) {
        let (reply, answer) = oneshot::channel();
        (Order::Merge { ticket, reply }, answer)
    }

    #[tokio::test]
    async fn what_is_ordered_twice_is_done_once_and_nothing_is_lost() {
        let orders = Orders::default();
        let mut answers = Vec::new();
        for n in 0..1_000 {
            orders.give(Order::Separate);
            orders.give(Order::HangUp(LegRef::Supervisor(1)));
            orders.give(Order::Close);
            if n == 500 {
                let (order, answer) = merge(1);
                orders.give(order);
                answers.push(answer);
            }
        }
        let taken: Vec<String> = orders.take().await.iter().map(|order| format!("{order:?}")).collect();
        assert_eq!(taken.len(), 7, "{taken:?}");
        assert!(taken[3].starts_with("Merge") && taken[4] == "Separate", "given up after it was asked for: {taken:?}");
    }

    #[tokio::test]
    async fn questions_are_bounded_and_who_asks_too_much_or_too_late_is_not_left_waiting() {
        let orders = Orders::default();
        let mut answers: Vec<_> = (0..=QUESTIONS as u64)
            .map(|ticket| {
                let (order, answer) = merge(ticket);
                orders.give(order);
                answer
            })
            .collect();
        assert!(answers.pop().unwrap().await.is_err(), "one too many");
        orders.end();
        for answer in answers {
            assert!(answer.await.is_err());
        }
        let (order, answer) = merge(0);
        orders.give(order);
        assert!(answer.await.is_err());
    }
}
