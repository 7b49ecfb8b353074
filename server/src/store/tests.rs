use std::{collections::HashSet, path::Path, time::Duration};

use jiff::Timestamp;
use tempfile::TempDir;
use warmline_call::{CallId, EndReason, Event, Phase, Side, Speaker};

use super::*;

mod files;
mod outbox;

fn at() -> Timestamp {
    "2026-11-22T10:00:00.123Z".parse().unwrap()
}

/// A store for which it is that moment, whenever the tests are run: what was written then is not old.
fn options() -> StoreOptions {
    StoreOptions { clock: Clock::starting_at(at()), ..StoreOptions::default() }
}

fn id(n: u64) -> CallId {
    CallId::from_bits(n)
}

fn placed(phone: &str) -> Event {
    Event::CallPlaced {
        phone_number: phone.into(),
        name: Some("Ada Lovelace".into()),
        language: "en".into(),
        emotion: "Calm".into(),
        has_dynamic_instruction: false,
        escalation_enabled: true,
    }
}

fn moved(to: Phase) -> Event {
    Event::PhaseChanged { from: Phase::Queued, to }
}

fn ended() -> Vec<Event> {
    let (detail, talk_s, hold_s, time_to_human_s) = ("Done.".into(), 1.0, 0.0, None);
    let reason = EndReason::Completed;
    vec![moved(Phase::Ended), Event::CallEnded { reason, detail, talk_s, hold_s, time_to_human_s }]
}

fn said(text: &str) -> Event {
    Event::Utterance {
        side: Side::Call,
        speaker: Speaker::Customer,
        utterance: 1,
        text: text.into(),
        r#final: true,
        interrupted: false,
        started_at: at(),
        ended_at: Some(at()),
    }
}

fn url(folder: &Path) -> String {
    format!("sqlite://{}/warmline.db", folder.display())
}

async fn open(folder: &Path) -> Store {
    Store::open_with(&url(folder), options()).await.unwrap()
}

async fn place(store: &Store, n: u64) -> Recorded {
    match store.place(&id(n), at(), placed("+15550100001"), None).await.unwrap() {
        WrittenDown::New(recorded) => recorded,
        other => panic!("{other:?}"),
    }
}

fn key(key: &str, hash: &str) -> Option<(String, String)> {
    Some((key.to_owned(), hash.to_owned()))
}

#[tokio::test]
async fn events_are_numbered_without_gaps_however_many_write_at_once() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    let mut live = store.subscribe();
    let calls = 8;
    let each = 50;
    let mut writers = Vec::new();
    for n in 0..calls {
        let store = store.clone();
        writers.push(tokio::spawn(async move {
            place(&store, n).await;
            for _ in 0..each {
                store.append(&id(n), at(), vec![moved(Phase::Ringing), moved(Phase::Conversing)]).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let total = calls * (1 + 2 * each);
    assert_eq!(store.seq(), total);
    for seq in 1..=total {
        assert_eq!(live.recv().await.unwrap().recorded.seq, seq);
    }
    let logged = store.events_after(0, 10_000).await.unwrap();
    assert_eq!(logged.iter().map(|e| e.seq).collect::<Vec<_>>(), (1..=total).collect::<Vec<_>>());
    let of_one = store.events(&id(3), 0).await.unwrap();
    assert_eq!(of_one.len() as u64, 1 + 2 * each);
    assert!(of_one.iter().all(|e| e.call == id(3)));
}

#[tokio::test]
async fn what_was_acknowledged_is_on_disk_when_the_process_dies() {
    let folder = TempDir::new().unwrap();
    let copy = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    place(&store, 1).await;
    store.append(&id(1), at(), vec![moved(Phase::Ringing)]).await.unwrap();
    place(&store, 2).await;
    store.append(&id(2), at(), ended()).await.unwrap();
    // What the disk holds at this very moment, taken while the store is still open.
    for file in ["warmline.db", "warmline.db-wal"] {
        std::fs::copy(folder.path().join(file), copy.path().join(file)).unwrap();
    }
    let revived = open(copy.path()).await;
    assert_eq!(revived.seq(), 5);
    assert_eq!(revived.open_calls().await.unwrap(), [id(1)]);
    assert_eq!(revived.view(&id(1)).await, store.view(&id(1)).await);
    assert_eq!(revived.view(&id(1)).await.unwrap().phase, Phase::Ringing);
    assert_eq!(revived.view(&id(2)).await, store.view(&id(2)).await);
    assert_eq!(place(&revived, 3).await.seq, 6);
}

#[tokio::test]
async fn a_store_that_was_closed_opens_again_with_everything() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    place(&store, 1).await;
    store.append(&id(1), at(), vec![said("My invoice is wrong.")]).await.unwrap();
    let before = store.snapshot();
    store.close().await;
    let store = open(folder.path()).await;
    assert_eq!(store.snapshot(), before);
}

#[tokio::test]
async fn a_second_warmline_is_refused_and_told_what_to_do() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    let error = Store::open(&url(folder.path())).await.err().unwrap();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("DATABASE_URL or WARMLINE_DATA_DIR"), "{error}");
    store.close().await;
    open(folder.path()).await;
}

#[tokio::test]
async fn what_can_not_be_a_store_is_refused_with_the_fix() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("warmline.db"), "This is a letter, not a database.".repeat(100)).unwrap();
    let error = Store::open(&url(folder.path())).await.err().unwrap();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("WARMLINE_DATA_DIR"), "{error}");

    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = Store::open(&url(&folder.path().join("file"))).await.err().unwrap();
    assert!(matches!(error, StoreError::Unwritable { .. }), "{error}");

    for wrong in ["postgres://localhost/warmline", "sqlite::memory:", "sqlite://x.db?mode=odd"] {
        let error = Store::open(wrong).await.err().unwrap();
        assert!(matches!(error, StoreError::Url { .. }), "{wrong}: {error}");
        assert!(error.to_string().starts_with("DATABASE_URL: "), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_page_is_found_when_it_is_read() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    place(&store, 1).await;
    store.close().await;
    let file = folder.path().join("warmline.db");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100..8192].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    let error = Store::open(&url(folder.path())).await.err().unwrap();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_can_not_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let folder = TempDir::new().unwrap();
    let shut = folder.path().join("shut");
    std::fs::create_dir(&shut).unwrap();
    std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o500)).unwrap();
    if std::fs::write(shut.join("probe"), "").is_ok() {
        // Root may write everywhere but here.
        let error = Store::open("sqlite:///proc/warmline/warmline.db").await.err().unwrap();
        assert!(matches!(error, StoreError::Unwritable { .. }), "{error}");
        return;
    }
    let error = Store::open(&url(&shut)).await.err().unwrap();
    assert!(matches!(error, StoreError::Unwritable { .. }), "{error}");
}

#[tokio::test]
async fn a_key_starts_one_call_and_replays_its_first_answer() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    let place = |n: u64, key| {
        let store = store.clone();
        async move { store.place(&id(n), at(), placed("+15550100001"), key).await.unwrap() }
    };
    assert!(matches!(place(1, key("k", "a")).await, WrittenDown::New(_)));
    assert!(matches!(place(2, key("k", "a")).await, WrittenDown::Running));
    assert!(matches!(place(3, key("k", "b")).await, WrittenDown::KeyReused));
    assert_eq!(store.call_of_key("k").await.unwrap(), Some(id(1)));
    store.finish_key("k", 200, "first");
    store.finish_key("k", 503, "second");
    store.finish_key("unknown", 200, "nobody asked");
    match place(4, key("k", "a")).await {
        WrittenDown::Replay { status: 200, body } => assert_eq!(body, "first"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(place(5, key("k", "b")).await, WrittenDown::KeyReused));
    assert_eq!(store.seq(), 1, "one call only");
    store.close().await;
    let store = open(folder.path()).await;
    assert!(matches!(
        store.place(&id(6), at(), placed("+1"), key("k", "a")).await.unwrap(),
        WrittenDown::Replay { status: 200, .. }
    ));
}

#[tokio::test]
async fn of_many_requests_with_one_key_at_once_one_places_a_call() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.place(&id(n), at(), placed("+15550100001"), key("k", "a")).await.unwrap() })
        })
        .collect();
    let mut new = 0;
    for task in tasks {
        match task.await.unwrap() {
            WrittenDown::New(_) => new += 1,
            WrittenDown::Running => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((new, store.seq()), (1, 1));
}

#[tokio::test]
async fn events_belong_to_calls_that_were_placed_and_ids_are_given_once() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    let error = store.append(&id(1), at(), ended()).await.err().unwrap();
    assert!(matches!(error, StoreError::UnknownCall));
    place(&store, 1).await;
    let error = store.place(&id(1), at(), placed("+1"), None).await.err().unwrap();
    assert!(matches!(error, StoreError::CallExists));
    assert_eq!(store.seq(), 1);
    assert!(store.view(&id(2)).await.is_none());
    assert!(store.events(&id(2), 0).await.unwrap().is_empty());
    assert!(store.call_json(&id(2)).await.unwrap().is_none());
}

#[tokio::test]
async fn what_somebody_else_has_written_keeps_its_number() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    place(&store, 1).await;
    let foreign = sqlx::SqlitePool::connect(&url(folder.path())).await.unwrap();
    let body =
        serde_json::to_string(&Recorded { seq: 2, call: id(1), at: at(), event: moved(Phase::Dialing) }).unwrap();
    sqlx::query("INSERT INTO event VALUES (2, 1, 'phase_changed', ?)").bind(body).execute(&foreign).await.unwrap();
    store.append(&id(1), at(), vec![moved(Phase::Ringing)]).await.unwrap();
    store.append(&id(1), at(), vec![moved(Phase::Conversing)]).await.unwrap();
    assert!(store.health().is_ok());
    let events = store.events(&id(1), 0).await.unwrap();
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let phases = [&moved(Phase::Dialing), &moved(Phase::Ringing), &moved(Phase::Conversing)];
    assert_eq!(events[1..].iter().map(|event| &event.event).collect::<Vec<_>>(), phases);
    assert_eq!(store.view(&id(1)).await.unwrap().seq, 4);
}

#[tokio::test]
async fn a_disk_that_was_full_is_written_to_again_once_there_is_room() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    place(&store, 1).await;
    // As a full or broken disk does it: the statement fails, and SQLite ends the transaction by itself.
    let foreign = sqlx::SqlitePool::connect(&url(folder.path())).await.unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON event
        BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END";
    sqlx::query(full).execute(&foreign).await.unwrap();
    for n in 2..5 {
        let refused = store.place(&id(n), at(), placed("+15550100001"), None).await;
        assert!(matches!(refused, Err(StoreError::Write(_))), "{refused:?}");
        assert!(store.health().is_err());
    }
    sqlx::query("DROP TRIGGER full").execute(&foreign).await.unwrap();
    assert_eq!(place(&store, 5).await.seq, 2);
    assert!(store.health().is_ok());
    assert_eq!(store.events_after(0, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn calls_are_listed_newest_first_a_page_at_a_time() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    for n in 0..25 {
        place(&store, n).await;
        if n % 2 == 0 {
            store.append(&id(n), at(), ended()).await.unwrap();
        }
    }
    let mut filter = CallFilter { limit: 10, ..CallFilter::default() };
    let mut seen = Vec::new();
    loop {
        let page = store.list(&filter).await.unwrap();
        assert!(page.calls.len() <= 10);
        seen.extend(page.calls.into_iter().map(|call| call.call));
        match page.next_cursor {
            Some(cursor) => filter.cursor = Some(cursor.parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(seen, (0..25).rev().map(id).collect::<Vec<_>>());
    let open = CallFilter { phase: Some(Phase::Queued), ..CallFilter::default() };
    assert_eq!(store.list(&open).await.unwrap().calls.len(), 12);
    let later = at() + Duration::from_secs(1);
    let none = CallFilter { since: Some(later), ..CallFilter::default() };
    assert!(store.list(&none).await.unwrap().calls.is_empty());
    let all = CallFilter { since: Some(at()), until: Some(later), ..CallFilter::default() };
    assert_eq!(store.list(&all).await.unwrap().calls.len(), 25);
}

#[tokio::test]
async fn calls_that_memory_has_forgotten_are_found_in_the_file() {
    let folder = TempDir::new().unwrap();
    let options = StoreOptions { fsync: false, ..options() };
    let store = Store::open_with(&url(folder.path()), options).await.unwrap();
    place(&store, 0).await;
    let many = 2_100;
    let tasks: Vec<_> = (1..=many)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                store.place(&id(n), at(), placed("+15550100001"), None).await.unwrap();
                if n == 1 {
                    store.append(&id(n), at(), vec![said("The parcel never came.")]).await.unwrap();
                }
                store.append(&id(n), at(), ended()).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut filter = CallFilter { limit: 200, ..CallFilter::default() };
    let mut seen = HashSet::new();
    loop {
        let page = store.list(&filter).await.unwrap();
        for call in page.calls {
            assert!(seen.insert(call.call), "nothing comes twice");
        }
        match page.next_cursor {
            Some(cursor) => filter.cursor = Some(cursor.parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(seen, (0..=many).map(id).collect());
    let found = CallFilter { q: Some("PARCEL ".into()), ..CallFilter::default() };
    let found = store.list(&found).await.unwrap().calls;
    assert_eq!(found.iter().map(|call| call.call.clone()).collect::<Vec<_>>(), [id(1)]);
    for n in 0..=many {
        assert!(store.view(&id(n)).await.is_some(), "{n}");
    }
    assert_eq!(store.snapshot().1.len(), 101, "the open call and the latest hundred");
    store.close().await;
    let store = open(folder.path()).await;
    assert_eq!(store.open_calls().await.unwrap(), [id(0)]);
    assert_eq!(store.events(&id(1), 0).await.unwrap().len(), 4);
    assert!(store.view(&id(1)).await.unwrap().end.is_some());
    let every = store.list(&CallFilter { limit: 5_000, ..CallFilter::default() }).await.unwrap();
    assert_eq!(every.calls.len() as u64, many + 1);
}

#[tokio::test]
async fn one_message_serves_everybody_and_the_log_gives_the_same() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    let (mut one, mut other) = (store.subscribe(), store.subscribe());
    place(&store, 1).await;
    let (one, other) = (one.recv().await.unwrap(), other.recv().await.unwrap());
    assert!(Arc::ptr_eq(&one, &other));
    let expected = format!(r#"{{"type":"event","event":{}}}"#, serde_json::to_string(&one.recorded).unwrap());
    assert_eq!(one.json.as_str(), expected);
    assert_eq!(store.messages_after(0, 10).await.unwrap(), [(1, one.json.clone())]);
    let (seq, snapshot) = store.snapshot_json();
    let snapshot: serde_json::Value = serde_json::from_str(&snapshot).unwrap();
    assert_eq!((seq, &snapshot["type"], &snapshot["seq"]), (1, &"snapshot".into(), &1.into()));
    assert_eq!(snapshot["calls"][0], serde_json::to_value(store.view(&id(1)).await.unwrap()).unwrap());
}

#[tokio::test]
async fn a_call_is_shown_with_its_timings_and_details() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    place(&store, 1).await;
    let turn = Event::TurnMetrics {
        endpointing_ms: 1,
        stt_ms: 2,
        llm_first_token_ms: 3,
        tts_first_audio_ms: 4,
        response_ms: 10,
    };
    store.append(&id(1), at(), vec![turn, moved(Phase::Conversing)]).await.unwrap();
    store.note_details(&id(1), r#"{"participant_id":"PA_1"}"#);
    let shown = store.call_json(&id(1)).await.unwrap().unwrap();
    let view: serde_json::Value = serde_json::from_slice(&shown.view).unwrap();
    assert_eq!(
        (&view["timings"][0]["response_ms"], &view["timings"][0]["at"]),
        (&10.into(), &"2026-11-22T10:00:00.123Z".into())
    );
    assert_eq!(shown.details.as_deref(), Some(r#"{"participant_id":"PA_1"}"#));
    store.close().await;
    let store = open(folder.path()).await;
    let shown = store.call_json(&id(1)).await.unwrap().unwrap();
    assert_eq!(shown.details.as_deref(), Some(r#"{"participant_id":"PA_1"}"#));
}

#[tokio::test(start_paused = true)]
async fn virtual_time_stands_still_while_the_store_works() {
    let folder = TempDir::new().unwrap();
    let options = StoreOptions { hold_time: true, ..options() };
    let begun = tokio::time::Instant::now();
    let store = Store::open_with(&url(folder.path()), options).await.unwrap();
    let timer = tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
    for n in 0..20 {
        place(&store, n).await;
        store.append(&id(n), at(), vec![moved(Phase::Ringing)]).await.unwrap();
        store.events(&id(n), 0).await.unwrap();
        store.call_json(&id(n)).await.unwrap();
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(!timer.is_finished());
    timer.await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(3600));
}
