//! More to do than this machine can.

use std::time::Duration;

use futures::{StreamExt, future::join_all, poll};
use tokio::time::{Instant, sleep};
use warmline_voice::{Expect, Need, SpeechToText, TextToSpeech, Urgency};

use crate::support::{say, speech, style, utterance};

#[tokio::test(flavor = "multi_thread")]
async fn finals_and_sentences_are_late_but_never_lost_and_partials_are_left_out() {
    let (stt, tts) = speech();
    let calm = style("Calm", 0);
    let audio = say(&tts, "Please transfer me to the billing department.", &calm).await;
    let ask = |urgency| stt.recognise(utterance(audio.clone(), Expect::Anything, urgency));
    let before = stt.load();
    assert!(before.has_room(0) && before.workers > 0);
    let work = async {
        let finals = join_all((0..24).map(|_| ask(Urgency::Final)));
        let sentences = join_all((0..12).map(|n| {
            let text = format!("Number {n} is the next in line.");
            let (tts, calm) = (tts.clone(), calm.clone());
            async move { say(&tts, &text, &calm).await }
        }));
        let partials = join_all((0..10).map(|_| ask(Urgency::Partial)));
        tokio::join!(finals, sentences, partials)
    };
    let look = async {
        sleep(Duration::from_millis(100)).await;
        stt.load()
    };
    let ((finals, sentences, partials), pressed) = tokio::join!(work, look);
    assert!(finals.into_iter().all(|text| text.unwrap().to_lowercase().contains("billing")));
    assert!(sentences.iter().all(|audio| audio.len() > 8_000));
    let shed = partials.iter().filter(|text| text.is_err()).count();
    assert!(shed >= 9, "{partials:?}");
    assert!(pressed.waiting > 0 && pressed.overloaded && !pressed.has_room(0), "{pressed:?}");
    let after = tts.load();
    assert_eq!((after.failed, after.busy, after.waiting), (before.failed, 0, 0));
    assert!(after.shed_partials >= before.shed_partials + 9 && after.done >= before.done + 36);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_made_on_speculation_waits_until_it_is_wanted_and_leaves_no_work_when_it_is_not() {
    let (stt, tts) = speech();
    let calm = style("Calm", 0);
    let audio = say(&tts, "The mail never arrives.", &calm).await;
    let done = tts.load().done;
    let all = tokio::spawn(async move {
        join_all((0..16).map(|_| stt.recognise(utterance(audio.clone(), Expect::Anything, Urgency::Final)))).await
    });
    while tts.load().waiting == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    let need = Need::speculative();
    let mut wanted = tts.speak_when("Let me look at that for you.", &calm, &need);
    let mut never = tts.speak_when("Something else entirely, which nobody hears.", &calm, &Need::speculative());
    assert!(poll!(wanted.next()).is_pending() && poll!(never.next()).is_pending());
    drop(never);
    need.raise(Instant::now().checked_sub(Duration::from_secs(60)).unwrap());
    assert!(wanted.next().await.unwrap().unwrap().len() > 8_000);
    assert!(!all.is_finished(), "it went before the others");
    assert!(all.await.unwrap().iter().all(Result::is_ok));
    while tts.load().busy + tts.load().waiting > 0 {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(tts.load().done, done + 17, "nothing was made for nobody");
}
