//! Calls of an earlier run whose log can't be read at first.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    sync::{broadcast, mpsc},
    time::sleep,
};
use warmline::store::testing::Fault;
use warmline_call::{CallId, LegFact, LegRef, OperatorAction, Phase};
use warmline_telephony::{
    Dial, DialError, Dialled, Frame, Inherited, Line, LineEnd, MergeError, OpenError, Room, Telephony,
};

use crate::runtime::{Office, Wishes};

/// A network that has kept a merged call.
#[derive(Clone, Default)]
struct Kept(Arc<Legs>);

#[derive(Default)]
struct Legs {
    adopted: AtomicBool,
    closed: AtomicBool,
    there: Mutex<Vec<(LineEnd, mpsc::Sender<LegFact>)>>,
}

#[async_trait]
impl Telephony for Kept {
    async fn open(&self, _: &CallId) -> Result<Arc<dyn Room>, OpenError> {
        Ok(Arc::new(self.clone()))
    }

    async fn adopt(&self, _: &CallId, _: Phase) -> Result<Option<Inherited>, OpenError> {
        self.0.adopted.store(true, Ordering::Release);
        let leg = |leg| {
            let (line, end) = Line::new();
            let (facts, progress) = mpsc::channel(1);
            self.0.there.lock().unwrap().push((end, facts));
            let (participant_id, sip_call_id) = ("PA_kept".into(), "SCL_kept".into());
            (leg, Dialled { participant_id, sip_call_id, progress, line })
        };
        let legs = vec![leg(LegRef::Customer), leg(LegRef::Supervisor(1))];
        Ok(Some(Inherited { room: Arc::new(self.clone()), merged: true, legs }))
    }
}

#[async_trait]
impl Room for Kept {
    async fn dial(&self, _: Dial) -> Result<Dialled, DialError> {
        std::future::pending().await
    }

    async fn merge(&self) -> Result<(), MergeError> {
        Ok(())
    }

    async fn leave(&self) {}

    async fn hang_up(&self, _: LegRef) {
        self.0.closed.store(true, Ordering::Release);
    }

    async fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    fn listen(&self) -> broadcast::Receiver<Arc<Frame>> {
        broadcast::channel(1).1
    }
}

#[tokio::test(start_paused = true)]
async fn two_who_are_talking_are_not_hung_up_for_want_of_a_read() {
    let office = Office::new().await;
    let call = office.place().await;
    office.until(&call, Phase::Conversing).await;
    office.escalate(&call).await;
    office.until(&call, Phase::Briefing).await;
    office.act(&call, OperatorAction::Accept).await;
    office.until(&call, Phase::Merged).await;
    office.calls.store().written(&call).await.unwrap();
    let disk = office.disk.crash();

    let network = Kept::default();
    let wishes = Wishes { fault: Some(Fault::Broken), ..Wishes::default() };
    let office = Office::on(disk, wishes, |_| Arc::new(network.clone())).await;
    assert!(network.0.adopted.load(Ordering::Acquire), "what the log has of it is in memory");
    assert_eq!((office.view(&call).await.phase, office.calls.open_count()), (Phase::Merged, 1));
    sleep(Duration::from_secs(300)).await;
    assert!(!network.0.closed.load(Ordering::Acquire));
    office.disk.set(None);
    sleep(Duration::from_secs(60)).await;
    assert!(!network.0.closed.load(Ordering::Acquire), "the merged call goes on");
    assert_eq!((office.view(&call).await.phase, office.calls.open_count()), (Phase::Merged, 1));
    office.act(&call, OperatorAction::Hangup).await;
    assert!(network.0.closed.load(Ordering::Acquire));
}
