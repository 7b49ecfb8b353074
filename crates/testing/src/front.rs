//! A network that takes its time.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio::sync::{broadcast, watch};
use warmline_call::{CallId, LegRef, Phase};
use warmline_telephony::{
    Caption, Dial, DialError, Dialled, Frame, Health, Inherited, MergeError, OpenError, Room, Telephony,
};

/// What a [`Front`] may hold up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A room is opened.
    Open,
    /// A leg's dial begins.
    Dial(LegRef),
}

type Hold = Arc<dyn Fn(Step) -> BoxFuture<'static, ()> + Send + Sync>;

/// Another backend, but that rooms are opened and dials begun when it lets them. Clones are the same.
#[derive(Clone)]
pub struct Front<T: ?Sized> {
    hold: Hold,
    behind: Arc<T>,
}

impl<T: ?Sized> Front<T> {
    /// One in which each step waits for what `hold` gives, and is then taken by what is behind.
    pub fn new<F>(behind: Arc<T>, hold: impl Fn(Step) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { hold: Arc::new(move |step| Box::pin(hold(step))), behind }
    }
}

impl<T: ?Sized> fmt::Debug for Front<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").finish_non_exhaustive()
    }
}

#[async_trait]
impl<T: Telephony + ?Sized> Telephony for Front<T> {
    async fn open(&self, call: &CallId) -> Result<Arc<dyn Room>, OpenError> {
        (self.hold)(Step::Open).await;
        let behind = self.behind.open(call).await?;
        Ok(Arc::new(Front { hold: Arc::clone(&self.hold), behind }))
    }

    async fn adopt(&self, call: &CallId, phase: Phase) -> Result<Option<Inherited>, OpenError> {
        self.behind.adopt(call, phase).await
    }

    fn merged_outlives(&self) -> bool {
        self.behind.merged_outlives()
    }

    async fn settled(&self) {
        self.behind.settled().await;
    }
}

#[async_trait]
impl<T: Room + ?Sized> Room for Front<T> {
    async fn dial(&self, dial: Dial) -> Result<Dialled, DialError> {
        (self.hold)(Step::Dial(dial.leg)).await;
        self.behind.dial(dial).await
    }

    async fn merge(&self) -> Result<(), MergeError> {
        self.behind.merge().await
    }

    fn separate(&self) {
        self.behind.separate();
    }

    async fn leave(&self) {
        self.behind.leave().await;
    }

    async fn hang_up(&self, leg: LegRef) {
        self.behind.hang_up(leg).await;
    }

    async fn close(&self) {
        self.behind.close().await;
    }

    fn listen(&self) -> broadcast::Receiver<Arc<Frame>> {
        self.behind.listen()
    }

    fn show(&self, caption: Caption) {
        self.behind.show(caption);
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.behind.health()
    }
}
