use std::{fmt, sync::Arc};

use tokio::sync::{mpsc, oneshot};
use warmline_call::{Because, FixedLine, Private};
use warmline_telephony::Live;

use super::Brake;
use crate::Turn;

/// Orders that wait. A conversation takes them at once, so that more means it is stuck.
const MOST_WAITING: usize = 64;

/// What a [`super::Conversation`] can be told.
pub(super) enum Order {
    Start,
    Pause,
    Resume(Because),
    SayFixed(FixedLine, oneshot::Sender<()>),
    Say(Private<String>),
    Nudge(Private<String>),
    ListenOnly,
    /// A colleague speaks: they hear the person over the one, and the answer is how the person hears them.
    StandAside(Live, oneshot::Sender<Live>),
    /// The colleague speaks; with the words once they are understood.
    Overheard(Option<Private<String>>),
    Turns(oneshot::Sender<Vec<Turn>>),
    Music(Option<Arc<[i16]>>),
}

/// The way to a conversation's task. Dropping it stops the task.
pub(crate) struct Orders<T> {
    to: mpsc::Sender<T>,
    brake: Brake,
}

impl<T> Orders<T> {
    pub(crate) fn new(brake: Brake) -> (Self, mpsc::Receiver<T>) {
        let (to, inbox) = mpsc::channel(MOST_WAITING);
        (Self { to, brake }, inbox)
    }

    /// Gives an order. Lost when the task has ended, as everything is then.
    pub(crate) fn give(&self, order: T) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.to.try_send(order) {
            tracing::error!("a conversation takes no orders; it is stopped");
            self.brake.pull();
        }
    }

    /// Stops the task.
    pub(crate) fn stop(&self) {
        self.brake.pull();
    }
}

impl<T> Drop for Orders<T> {
    fn drop(&mut self) {
        self.brake.pull();
    }
}

impl<T> fmt::Debug for Orders<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orders").finish_non_exhaustive()
    }
}
