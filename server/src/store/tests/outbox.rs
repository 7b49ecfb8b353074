//! What waits for a disk that can't be written to: on a disk in memory, in virtual time.

use warmline_call::LegState;

use super::*;
use crate::store::testing::{Failed, Fault, MemoryDisk};

async fn on(disk: &MemoryDisk) -> Store {
    with(disk, options()).await
}

async fn with(disk: &MemoryDisk, options: StoreOptions) -> Store {
    Store::open_on(Arc::new(disk.clone()), options).await.unwrap()
}

fn partial(utterance: u64, text: &str) -> Event {
    let Event::Utterance { side, speaker, started_at, .. } = said(text) else { unreachable!() };
    let (text, r#final, interrupted, ended_at) = (text.into(), false, false, None);
    Event::Utterance { side, speaker, utterance, text, r#final, interrupted, started_at, ended_at }
}

async fn try_place(store: &Store, n: u64, key: Option<(String, String)>) -> Result<WrittenDown, StoreError> {
    store.place(&id(n), at(), placed("+15550100001"), key).await
}

/// Every event that reached the disk was told once, in order, and the other way round.
async fn told_what_is_there(store: &Store, live: &mut broadcast::Receiver<Arc<Delivered>>) {
    let logged = store.events_after(0, usize::MAX).await.unwrap();
    let mut told = Vec::new();
    while let Ok(delivered) = live.try_recv() {
        told.push(delivered.recorded.clone());
    }
    assert_eq!(told, logged);
    assert_eq!(logged.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=store.seq()).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn events_of_a_call_wait_for_a_disk_that_is_stuck_and_the_call_does_not() {
    let disk = MemoryDisk::new();
    let store = on(&disk).await;
    let mut live = store.subscribe();
    place(&store, 1).await;
    disk.set(Some(Fault::Stuck));
    store.record(&id(1), at(), vec![moved(Phase::Ringing)]).unwrap();
    store.record(&id(1), at(), vec![said("The parcel never came.")]).unwrap();
    store.record(&id(1), at(), ended()).unwrap();
    assert_eq!((store.seq(), store.backlog().events), (1, 4), "nothing is taken for written");
    let now = store.view(&id(1)).await.unwrap();
    assert_eq!((now.phase, now.seq, now.transcript.len()), (Phase::Ended, 1, 1), "but it is told as it is");
    let shown = store.call_json(&id(1)).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&shown.view).contains("never came"));
    assert_eq!(store.events(&id(1), 0).await.unwrap().len(), 1);
    disk.set(None);
    store.written(&id(1)).await.unwrap();
    assert_eq!((store.seq(), store.backlog().events, disk.last_seq()), (5, 0, 5));
    told_what_is_there(&store, &mut live).await;
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_written_is_written_when_the_call_is_long_over() {
    for fault in [Fault::Locked, Fault::Full, Fault::Broken, Fault::Moved] {
        let disk = MemoryDisk::new();
        let store = on(&disk).await;
        let mut live = store.subscribe();
        place(&store, 1).await;
        disk.set(Some(fault));
        store.record(&id(1), at(), vec![moved(Phase::Conversing)]).unwrap();
        store.record(&id(1), at(), ended()).unwrap();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(store.seq(), 1, "{fault:?}");
        let sentence = store.health().unwrap_err();
        assert!(sentence.contains("3 events of calls wait to be written, for 3600 s"), "{fault:?}: {sentence}");
        disk.set(None);
        store.written(&id(1)).await.unwrap();
        assert!(store.health().is_ok(), "{fault:?}");
        assert_eq!(store.view(&id(1)).await.unwrap().end.unwrap().reason, EndReason::Completed, "{fault:?}");
        told_what_is_there(&store, &mut live).await;
        store.close().await;
        let store = on(&disk.crash()).await;
        assert_eq!((store.seq(), store.open_calls().await.unwrap()), (4, Vec::new()), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_in_doubt_is_neither_lost_nor_written_twice() {
    for how in [Failed::Without, Failed::AfterAll] {
        let disk = MemoryDisk::new();
        let store = on(&disk).await;
        let mut live = store.subscribe();
        place(&store, 1).await;
        disk.fail_next(how);
        store.append(&id(1), at(), vec![moved(Phase::Ringing)]).await.unwrap();
        disk.fail_next(how);
        let result = try_place(&store, 2, key("k", "a")).await;
        assert_eq!(matches!(result, Ok(WrittenDown::New(_))), how == Failed::AfterAll, "{how:?}: {result:?}");
        store.append(&id(1), at(), vec![moved(Phase::Conversing)]).await.unwrap();
        let logged = store.events(&id(1), 0).await.unwrap();
        let expected = [placed("+15550100001"), moved(Phase::Ringing), moved(Phase::Conversing)];
        assert_eq!(logged.into_iter().map(|event| event.event).collect::<Vec<_>>(), expected, "{how:?}");
        assert!(store.health().is_ok(), "{how:?}");
        told_what_is_there(&store, &mut live).await;
        assert_eq!(store.seq(), disk.last_seq(), "{how:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_in_doubt_is_settled_as_soon_as_the_disk_can_be_read() {
    let disk = MemoryDisk::new();
    let store = on(&disk).await;
    let mut live = store.subscribe();
    place(&store, 1).await;
    disk.set(Some(Fault::Stuck));
    disk.fail_next(Failed::AfterAll);
    store.record(&id(1), at(), vec![moved(Phase::Ringing)]).unwrap();
    tokio::task::yield_now().await;
    // The commit reaches the disk, which then breaks: nobody can tell.
    disk.set(None);
    while disk.last_seq() == 1 {
        tokio::task::yield_now().await;
    }
    disk.set(Some(Fault::Broken));
    store.record(&id(1), at(), vec![moved(Phase::Conversing)]).unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    disk.set(None);
    store.written(&id(1)).await.unwrap();
    assert_eq!(disk.last_seq(), 3);
    told_what_is_there(&store, &mut live).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_call_waits_five_seconds_for_a_disk_and_is_refused_in_plain_words() {
    let cases = [(Fault::Locked, "locked it"), (Fault::Full, "disk is full"), (Fault::Stuck, "in time")];
    for (fault, words) in cases {
        let disk = MemoryDisk::new();
        let store = on(&disk).await;
        disk.set(Some(fault));
        let begun = tokio::time::Instant::now();
        let error = try_place(&store, 1, key("k", "a")).await.unwrap_err();
        assert!(begun.elapsed() <= Duration::from_secs(5), "{fault:?}: {:?}", begun.elapsed());
        assert!(error.to_string().contains(words), "{fault:?}: {error}");
        disk.set(None);
        // The same request again is a new one: nothing came of the first.
        assert!(matches!(try_place(&store, 2, key("k", "a")).await, Ok(WrittenDown::New(_))), "{fault:?}");
        assert_eq!(store.open_calls().await.unwrap(), [id(2)], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_goes_soon_enough_refuses_nobody() {
    let disk = MemoryDisk::new();
    let store = on(&disk).await;
    disk.set(Some(Fault::Locked));
    let waits = tokio::spawn({
        let store = store.clone();
        async move { try_place(&store, 1, None).await }
    });
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!waits.is_finished());
    disk.set(None);
    assert!(matches!(waits.await.unwrap(), Ok(WrittenDown::New(_))));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_refused_and_reached_the_disk_after_all_is_ended_there() {
    let disk = MemoryDisk::new();
    let store = on(&disk).await;
    disk.set(Some(Fault::Stuck));
    assert!(matches!(try_place(&store, 1, key("k", "a")).await, Err(StoreError::Slow)));
    disk.set(None);
    let mut live = store.subscribe();
    while store.view(&id(1)).await.is_none_or(|view| view.end.is_none()) {
        live.recv().await.unwrap();
    }
    store.written(&id(1)).await.unwrap();
    let end = store.view(&id(1)).await.unwrap().end.unwrap();
    assert!(end.detail.contains("nobody was called"), "{}", end.detail);
    assert!(matches!(try_place(&store, 2, key("k", "a")).await, Ok(WrittenDown::New(_))), "the key is free again");
    store.close().await;
    let store = on(&disk.crash()).await;
    assert_eq!(store.open_calls().await.unwrap(), [id(2)]);
    assert_eq!(store.call_of_key("k").await.unwrap(), Some(id(2)));
}

#[tokio::test(start_paused = true)]
async fn a_crash_loses_what_nobody_was_told_and_nothing_else() {
    let disk = MemoryDisk::new();
    let store = on(&disk).await;
    let mut live = store.subscribe();
    place(&store, 1).await;
    store.append(&id(1), at(), vec![moved(Phase::Ringing)]).await.unwrap();
    disk.set(Some(Fault::Full));
    store.record(&id(1), at(), vec![moved(Phase::Conversing)]).unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut told = 0;
    while live.try_recv().is_ok() {
        told += 1;
    }
    let next = disk.crash();
    drop(store);
    let store = on(&next).await;
    assert_eq!((told, store.seq()), (2, 2));
    assert_eq!(store.view(&id(1)).await.unwrap().phase, Phase::Ringing);
    assert_eq!(place(&store, 2).await.seq, 3);
    disk.set(None);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(next.last_seq(), 3, "the program that was killed writes no more");
    // Without fsync a loss of power takes back what was acknowledged, and the log is whole all the same.
    next.hold_back();
    store.append(&id(2), at(), vec![moved(Phase::Ringing)]).await.unwrap();
    let store = on(&next.crash()).await;
    assert_eq!((store.seq(), store.view(&id(2)).await.unwrap().phase), (3, Phase::Queued));
}

#[tokio::test(start_paused = true)]
async fn of_a_growing_backlog_only_overtaken_partials_are_left_out() {
    let disk = MemoryDisk::new();
    let store = on(&disk).await;
    let mut live = store.subscribe();
    place(&store, 1).await;
    disk.set(Some(Fault::Full));
    for utterance in 1..=200 {
        for words in 1..=100 {
            store.record(&id(1), at(), vec![partial(utterance, &"word ".repeat(words))]).unwrap();
        }
        let Event::Utterance { side, speaker, started_at, .. } = said("") else { unreachable!() };
        let text = format!("Sentence {utterance}.").into();
        let (r#final, interrupted, ended_at) = (true, false, Some(at()));
        let sentence = Event::Utterance { side, speaker, utterance, text, r#final, interrupted, started_at, ended_at };
        store.record(&id(1), at(), vec![sentence]).unwrap();
    }
    let backlog = store.backlog();
    assert!(backlog.events < 2_300 && backlog.lost == 0 && !backlog.full, "{backlog:?}");
    assert_eq!(store.view(&id(1)).await.unwrap().transcript.len(), 200);
    disk.set(None);
    store.written(&id(1)).await.unwrap();
    let transcript = store.view(&id(1)).await.unwrap().transcript;
    assert!(transcript.iter().all(|line| line.r#final) && transcript.len() == 200);
    told_what_is_there(&store, &mut live).await;
}

#[tokio::test(start_paused = true)]
async fn at_the_bound_what_was_said_is_lost_aloud_and_where_a_call_is_stays() {
    let disk = MemoryDisk::new();
    let store = with(&disk, StoreOptions { outbox: 64 * 1024, ..options() }).await;
    place(&store, 1).await;
    disk.set(Some(Fault::Full));
    let mut lost = 0;
    for _ in 0..100 {
        match store.record(&id(1), at(), vec![said(&"word ".repeat(200))]) {
            Ok(()) => {}
            Err(StoreError::Overflow { lost: more }) => lost += more,
            Err(error) => panic!("{error}"),
        }
    }
    assert!((30..60).contains(&lost), "{lost}");
    store.record(&id(1), at(), ended()).unwrap();
    let sentence = store.health().unwrap_err();
    assert!(sentence.contains(&format!("{lost} more are lost")), "{sentence}");
    let metrics = store.render_metrics();
    let line = format!(r#"warmline_outbox_dropped_total{{type="utterance"}} {lost}"#);
    assert!(metrics.lines().any(|l| l == line), "{line} is not in\n{metrics}");
    assert!(metrics.contains(&format!("warmline_outbox_events {}", store.backlog().events)), "{metrics}");
    disk.set(None);
    store.written(&id(1)).await.unwrap();
    assert!(store.health().is_ok());
    let logged = store.events(&id(1), 0).await.unwrap();
    assert_eq!(logged.len(), 1 + (100 - lost) + 2, "nothing is taken for written that is not");
    assert!(store.view(&id(1)).await.unwrap().end.is_some());
}

#[tokio::test(start_paused = true)]
async fn only_a_write_that_went_through_clears_the_trouble() {
    let disk = MemoryDisk::new();
    let store = on(&disk).await;
    assert!(matches!(try_place(&store, 1, key("k", "a")).await, Ok(WrittenDown::New(_))));
    disk.set(Some(Fault::Full));
    assert!(try_place(&store, 2, None).await.is_err());
    assert!(matches!(try_place(&store, 3, key("k", "a")).await, Ok(WrittenDown::Running)), "that writes nothing");
    assert!(store.health().unwrap_err().contains("disk is full"));
    // Nobody comes where nothing can be placed: the store finds out by itself.
    disk.set(None);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(store.health().is_ok());
    disk.set(Some(Fault::Moved));
    assert!(store.health().unwrap_err().contains("deleted, moved or replaced"), "before anything is written");
    let error = try_place(&store, 4, None).await.unwrap_err();
    assert!(error.to_string().contains("deleted, moved or replaced"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn keys_are_answered_and_forgotten_while_the_store_is_open() {
    let disk = MemoryDisk::new();
    let options = StoreOptions { keep_keys: Duration::from_secs(24 * 3600), ..StoreOptions::default() };
    let store = with(&disk, options).await;
    let now = Timestamp::now();
    let place = async |n| store.place(&id(n), now, placed("+15550100001"), key("k", "a")).await;
    assert!(matches!(place(1).await, Ok(WrittenDown::New(_))));
    disk.set(Some(Fault::Full));
    store.finish_key("k", 200, "first");
    let known = store.known_key("k", "a").await.unwrap();
    assert!(matches!(known, Some(WrittenDown::Replay { status: 200, ref body }) if body == "first"), "{known:?}");
    assert!(matches!(store.known_key("k", "b").await.unwrap(), Some(WrittenDown::KeyReused)));
    assert!(store.known_key("new", "a").await.unwrap().is_none());
    disk.set(None);
    tokio::time::sleep(Duration::from_secs(20 * 3600)).await;
    assert!(matches!(place(2).await, Ok(WrittenDown::Replay { .. })));
    tokio::time::sleep(Duration::from_secs(6 * 3600)).await;
    assert!(matches!(place(3).await, Ok(WrittenDown::New(_))), "a day is over");
}

#[tokio::test(start_paused = true)]
async fn closing_writes_what_waits_and_gives_a_dead_disk_up() {
    let disk = MemoryDisk::new();
    let store = on(&disk).await;
    place(&store, 1).await;
    store.record(&id(1), at(), vec![moved(Phase::Ringing)]).unwrap();
    store.clone().close().await;
    assert_eq!(disk.last_seq(), 2);
    assert!(matches!(store.record(&id(1), at(), vec![moved(Phase::Ringing)]), Err(StoreError::Closed)));
    for fault in [Fault::Full, Fault::Stuck, Fault::Locked] {
        let disk = MemoryDisk::new();
        let store = on(&disk).await;
        place(&store, 1).await;
        disk.set(Some(fault));
        store.record(&id(1), at(), vec![moved(Phase::Ringing)]).unwrap();
        let begun = tokio::time::Instant::now();
        store.clone().close().await;
        assert!(begun.elapsed() < Duration::from_secs(20), "{fault:?}: {:?}", begun.elapsed());
        assert!(matches!(store.written(&id(1)).await, Err(StoreError::Closed)), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn legs_and_phases_in_line_are_folded_in_order() {
    let disk = MemoryDisk::new();
    let store = on(&disk).await;
    place(&store, 1).await;
    disk.set(Some(Fault::Stuck));
    let leg = |state| Event::LegChanged {
        leg: warmline_call::Leg::Customer,
        state,
        attempt: None,
        phone: None,
        sip_status: None,
        reason: None,
    };
    for event in [leg(LegState::Dialing), leg(LegState::Ringing), leg(LegState::Answered)] {
        store.record(&id(1), at(), vec![event]).unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(store.view(&id(1)).await.unwrap().legs[0].state, LegState::Answered, "whatever is being written by now");
}
