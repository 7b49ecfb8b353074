//! How many connections are open, and which of them makes room for another.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio_util::sync::CancellationToken;

/// The connections that wait for a request or answer one; WebSockets are counted elsewhere.
///
/// When there are as many as there may be, the one that has been waiting for a request the longest is closed for a new one:
/// who says nothing takes nobody's place. When all are being answered, a new one is turned away.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    /// Those that were not closed to make room.
    open: usize,
    next: u64,
    /// Those that wait for a request, the one that has waited the longest first.
    waiting: BTreeMap<u64, CancellationToken>,
}

/// One of them. It is closed when `closed` is cancelled.
#[derive(Debug)]
pub(super) struct Connection {
    of: Arc<Connections>,
    pub(super) closed: CancellationToken,
    /// Its place among those that wait.
    place: Mutex<Option<u64>>,
}

/// A request that is being answered: its connection is not closed to make room.
#[derive(Debug)]
pub(super) struct Answering(Arc<Connection>);

impl Connections {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, all: Mutex::default() })
    }

    /// Counts a connection that was opened; `None` when there is no room for it.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Arc<Connection>> {
        let mut all = lock(&self.all);
        if all.open >= self.most {
            let (_, longest) = all.waiting.pop_first()?;
            longest.cancel();
            all.open -= 1;
        }
        all.open += 1;
        drop(all);
        let connection = Connection { of: Arc::clone(self), closed: CancellationToken::new(), place: Mutex::default() };
        connection.wait();
        Some(Arc::new(connection))
    }
}

impl Connection {
    /// Notes that a request has come.
    pub(super) fn answer(self: &Arc<Self>) -> Answering {
        if let Some(place) = lock(&self.place).take() {
            lock(&self.of.all).waiting.remove(&place);
        }
        Answering(Arc::clone(self))
    }

    /// Whether a request is being answered at this moment.
    pub(super) fn is_answering(&self) -> bool {
        lock(&self.place).is_none()
    }

    fn wait(&self) {
        let mut all = lock(&self.of.all);
        if self.closed.is_cancelled() {
            return;
        }
        let place = all.next;
        all.next += 1;
        all.waiting.insert(place, self.closed.clone());
        drop(all);
        *lock(&self.place) = Some(place);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let place = lock(&self.place).take();
        let mut all = lock(&self.of.all);
        if let Some(place) = place {
            all.waiting.remove(&place);
        }
        // One that was closed to make room is not counted any more.
        if !self.closed.is_cancelled() {
            all.open -= 1;
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.wait();
    }
}

/// No code that holds the lock can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer's body, which keeps its connection from being closed until it was handed over.
pub(super) struct Guarded {
    body: Body,
    _answering: Answering,
}

impl Guarded {
    pub(super) fn new(body: Body, answering: Answering) -> Self {
        Self { body, _answering: answering }
    }
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_the_longest_makes_room_and_who_is_answered_does_not() {
        let connections = Connections::new(3);
        let [first, second, third] = [(); 3].map(|()| connections.admit().unwrap());
        let answering = first.answer();
        let fourth = connections.admit().unwrap();
        assert!(second.closed.is_cancelled() && !first.closed.is_cancelled() && !third.closed.is_cancelled());
        // The first has said something since: it has not waited as long as the third.
        drop(answering);
        let fifth = connections.admit().unwrap();
        assert!(third.closed.is_cancelled() && !first.closed.is_cancelled() && !fourth.closed.is_cancelled());
        let _busy = [first.answer(), fourth.answer(), fifth.answer()];
        assert!(connections.admit().is_none(), "all are being answered");
    }

    #[test]
    fn every_connection_that_ends_leaves_its_place_once() {
        let connections = Connections::new(2);
        for _ in 0..10 {
            let (one, two) = (connections.admit().unwrap(), connections.admit().unwrap());
            let three = connections.admit().unwrap();
            assert!(one.closed.is_cancelled());
            // A request that came when its connection was being closed is still answered.
            let answering = (one.answer(), two.answer());
            assert!(one.is_answering() && two.is_answering() && !three.is_answering());
            drop((two, three, one));
            drop(answering);
            let all = lock(&connections.all);
            assert_eq!((all.open, all.waiting.len()), (0, 0));
        }
    }
}
