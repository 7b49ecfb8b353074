//! Calls whose log can't be written: nothing that is done for them waits for it, and nothing is lost afterwards.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};
use warmline::store::{Store, StoreOptions, testing::Fault};
use warmline_call::{CallId, CallView, EndReason, Event, OperatorAction, Phase};
use warmline_telephony::Telephony;
use warmline_testing::Front;

use crate::{
    runtime::{CUSTOMER, Office, SUPERVISOR, Wishes, order},
    support::{get, post},
};

/// What control of a call may take, the tenth of a second included that an answer waits for the log.
const AT_ONCE: Duration = Duration::from_millis(300);

/// Phases in which somebody may hang up, and who has answered by then.
const PHASES: [(Phase, &[&str]); 5] = [
    (Phase::Ringing, &[]),
    (Phase::Conversing, &[CUSTOMER]),
    (Phase::CallingSupervisor, &[CUSTOMER]),
    (Phase::Briefing, &[CUSTOMER, SUPERVISOR]),
    (Phase::Merged, &[CUSTOMER, SUPERVISOR]),
];

/// A call in that phase, over a disk that is sound.
async fn call_in(office: &Office, phase: Phase) -> CallId {
    let call = office.place().await;
    if matches!(phase, Phase::CallingSupervisor | Phase::Briefing | Phase::Merged) {
        office.until(&call, Phase::Conversing).await;
        office.escalate(&call).await;
    }
    if phase == Phase::Merged {
        office.until(&call, Phase::Briefing).await;
        office.act(&call, OperatorAction::Accept).await;
    }
    office.until(&call, phase).await;
    call
}

/// With the disk sound again everything that happened is in the log, once and in order, and still there after a crash.
async fn nothing_is_lost(office: &Office, call: &CallId, what: &str) {
    office.disk.set(None);
    let store = office.calls.store();
    store.written(call).await.unwrap();
    let events = store.events(call, 0).await.unwrap();
    let ends = events.iter().filter(|event| matches!(event.event, Event::CallEnded { .. })).count();
    assert_eq!(ends, 1, "{what}");
    assert!(matches!(events.last().unwrap().event, Event::CallEnded { .. }), "{what}");
    assert!(events.is_sorted_by_key(|event| (event.seq, event.at)), "{what}");
    let mut fold = CallView::placed(&events[0]).unwrap();
    events[1..].iter().for_each(|event| fold.apply(event));
    assert_eq!(serde_json::to_value(&fold).unwrap(), serde_json::to_value(office.view(call).await).unwrap(), "{what}");
    assert!(store.health().is_ok(), "{what}");
    let next = Store::open_on(Arc::new(office.disk.crash()), StoreOptions::default()).await.unwrap();
    assert!(next.open_calls().await.unwrap().is_empty(), "{what}");
    assert_eq!(next.events(call, 0).await.unwrap(), events, "{what}");
}

#[tokio::test(start_paused = true)]
async fn a_hang_up_waits_for_no_disk_in_any_phase() {
    for fault in [Fault::Stuck, Fault::Locked, Fault::Full, Fault::Broken, Fault::Dead] {
        for (phase, answering) in PHASES {
            let what = format!("{phase}, {fault:?}");
            let office = Office::with(Wishes { answering, ..Wishes::default() }, |exchange| exchange).await;
            let call = call_in(&office, phase).await;
            office.calls.store().written(&call).await.unwrap();
            office.disk.set(Some(fault));
            let (before, written) = (Instant::now(), office.disk.last_seq());
            let answer = office.act(&call, OperatorAction::Hangup).await;
            assert!(before.elapsed() <= AT_ONCE, "{what}: {:?}", before.elapsed());
            assert!(answer.acts.iter().any(|act| act.by == "Ann"), "{what}: the answer is older than the act");
            let view = office.calls.ended(&call).await.unwrap();
            assert_eq!(view.end.unwrap().reason, EndReason::OperatorHungUp, "{what}");
            assert!(before.elapsed() < Duration::from_secs(5), "{what}: {:?}", before.elapsed());
            assert_eq!((office.exchange.open_rooms(), office.calls.open_count()), (0, 0), "{what}");
            assert_eq!(office.disk.last_seq(), written, "{what}: none of it was on disk yet");
            let shown = get(&office.app(), &format!("/calls/{call}")).await.json();
            assert_eq!(shown["phase"], "ended", "{what}");
            nothing_is_lost(&office, &call, &what).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hang_up_before_there_is_a_room_waits_for_no_disk() {
    for fault in [Fault::Stuck, Fault::Locked, Fault::Full, Fault::Broken, Fault::Dead] {
        let what = format!("{fault:?}");
        let never = |exchange| Arc::new(Front::new(exchange, |_| std::future::pending())) as Arc<dyn Telephony>;
        let office = Office::with(Wishes::default(), never).await;
        let placing = tokio::spawn({
            let calls = office.calls.clone();
            async move { calls.place(order(CUSTOMER)).await }
        });
        while office.calls.open_count() == 0 {
            tokio::task::yield_now().await;
        }
        let call = office.calls.store().open_calls().await.unwrap().remove(0);
        office.disk.set(Some(fault));
        let before = Instant::now();
        let answer = office.act(&call, OperatorAction::Hangup).await;
        assert!(before.elapsed() <= AT_ONCE, "{what}: {:?}", before.elapsed());
        assert!(answer.acts.iter().any(|act| act.by == "Ann"), "{what}: the answer is older than the act");
        assert_eq!(answer.end.unwrap().reason, EndReason::OperatorHungUp, "{what}");
        office.calls.ended(&call).await.unwrap();
        assert!(before.elapsed() <= 2 * AT_ONCE, "{what}: {:?}", before.elapsed());
        assert!(placing.await.unwrap().is_err(), "{what}: nobody was dialled");
        nothing_is_lost(&office, &call, &what).await;
    }
}

/// A call's task that dies leaves nobody waiting for the disk either.
#[tokio::test(start_paused = true)]
async fn a_call_whose_room_breaks_down_is_over_whatever_the_disk_does() {
    for fault in [Fault::Broken, Fault::Dead] {
        let what = format!("{fault:?}");
        let (begins, begun) = watch::channel(false);
        let breaks = |exchange| {
            let hold = move |_| {
                let mut begun = begun.clone();
                async move {
                    let _ = begun.wait_for(|begun| *begun).await;
                    panic!("the network's library broke down, as this test wants it to");
                }
            };
            Arc::new(Front::new(exchange, hold)) as Arc<dyn Telephony>
        };
        let office = Office::with(Wishes::default(), breaks).await;
        let placing = tokio::spawn({
            let calls = office.calls.clone();
            async move { calls.place(order(CUSTOMER)).await }
        });
        while office.calls.open_count() == 0 {
            tokio::task::yield_now().await;
        }
        let call = office.calls.store().open_calls().await.unwrap().remove(0);
        office.disk.set(Some(fault));
        let before = Instant::now();
        begins.send_replace(true);
        let view = office.calls.ended(&call).await.unwrap();
        assert!(before.elapsed() <= AT_ONCE, "{what}: {:?}", before.elapsed());
        assert_eq!(view.end.unwrap().reason, EndReason::AgentFailure, "{what}");
        assert!(placing.await.unwrap().is_err(), "{what}: nobody was dialled");
        nothing_is_lost(&office, &call, &what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn hold_and_merge_wait_for_no_disk() {
    for fault in [Fault::Stuck, Fault::Locked, Fault::Full] {
        let sound = transfer(None).await;
        let faulty = transfer(Some(fault)).await;
        for ((phase, usual), (_, took)) in sound.into_iter().zip(faulty) {
            assert!(took <= usual + AT_ONCE, "{phase} took {took:?} with {fault:?}, else {usual:?}");
        }
    }
}

/// How long a call takes from phase to phase of a transfer.
async fn transfer(fault: Option<Fault>) -> Vec<(Phase, Duration)> {
    let office = Office::new().await;
    let call = call_in(&office, Phase::Conversing).await;
    office.calls.store().written(&call).await.unwrap();
    office.disk.set(fault);
    let written = office.disk.last_seq();
    let mut took = Vec::new();
    let mut since = Instant::now();
    let mut reached = |phase| {
        took.push((phase, since.elapsed()));
        since = Instant::now();
    };
    assert!(matches!(office.escalate(&call).await.phase, Phase::OnHold | Phase::CallingSupervisor));
    reached(Phase::OnHold);
    office.until(&call, Phase::Briefing).await;
    reached(Phase::Briefing);
    office.act(&call, OperatorAction::Accept).await;
    office.until(&call, Phase::Merged).await;
    reached(Phase::Merged);
    assert!(fault.is_none() || office.disk.last_seq() == written, "none of it was on disk yet");
    office.act(&call, OperatorAction::Hangup).await;
    office.calls.ended(&call).await.unwrap();
    nothing_is_lost(&office, &call, &format!("{fault:?}")).await;
    took
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_by_itself_is_over_and_the_program_stops_with_its_events_written() {
    let office = Office::new().await;
    let call = call_in(&office, Phase::Conversing).await;
    office.disk.set(Some(Fault::Full));
    office.calls.stop().await;
    assert_eq!(office.calls.open_count(), 0);
    let closing = tokio::spawn(office.calls.store().clone().close());
    tokio::time::sleep(Duration::from_secs(2)).await;
    office.disk.set(None);
    closing.await.unwrap();
    assert_eq!(office.view(&call).await.end.unwrap().reason, EndReason::ServerStopped);
    assert_eq!(office.calls.store().backlog().events, 0);
}

#[tokio::test(start_paused = true)]
async fn while_the_disk_is_full_calls_are_refused_and_it_is_told() {
    let office = Office::new().await;
    let call = call_in(&office, Phase::Conversing).await;
    office.disk.set(Some(Fault::Full));
    let body = format!(r#"{{"phone_number":"{CUSTOMER}"}}"#);
    let path = "/calls/outbound-with-escalation";
    let refused = post(&office.app(), path, body.clone()).await;
    assert_eq!(refused.status, 503);
    assert!(refused.detail().contains("disk is full"), "{}", refused.text);
    office.act(&call, OperatorAction::Hangup).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let ready = get(&office.app(), "/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.detail().contains("wait to be written"), "{}", ready.text);
    let metrics = get(&office.app(), "/metrics").await.text;
    let oldest = metrics.lines().find_map(|line| line.strip_prefix("warmline_outbox_oldest_seconds ")).unwrap();
    assert!(oldest.parse::<f64>().unwrap() >= 9.0, "{oldest}");
    office.disk.set(None);
    office.calls.store().written(&call).await.unwrap();
    assert_eq!(get(&office.app(), "/readyz").await.status, 200);
    assert_eq!(post(&office.app(), path, body).await.status, 200);
}
