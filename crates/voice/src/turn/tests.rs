//! What a line does when speech does not keep up, and what it never tells.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _, stream, stream::BoxStream};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};
use warmline_telephony::Clock;
use warmline_testing::LogCapture;

use super::{Timing, recognitions::Recognitions, testing::*};
use crate::{
    Conversation, CustomerAgent, Expect, Fact, Load, SpeechError, SpeechToText, Strain, TextToSpeech, Urgency,
    Utterance, VoiceStyle,
    brain::Step,
    speaker::{Piece, Script},
};

/// Longer than anybody's patience with a provider that stands still.
const SLOW: Duration = Duration::from_secs(5);

/// One worker for everybody.
struct Narrow {
    worker: Arc<Semaphore>,
    done: Arc<AtomicU64>,
    begun: AtomicUsize,
}

impl Narrow {
    fn new() -> Arc<Self> {
        Arc::new(Self { worker: Arc::new(Semaphore::new(1)), done: Arc::default(), begun: AtomicUsize::new(0) })
    }

    async fn work(worker: Arc<Semaphore>, done: Arc<AtomicU64>) {
        let _turn = worker.acquire().await.unwrap();
        sleep(SLOW).await;
        done.fetch_add(1, Ordering::Relaxed);
    }

    fn now(&self) -> Load {
        Load { done: self.done.load(Ordering::Relaxed), workers: 1, ..Load::default() }
    }
}

#[async_trait]
impl SpeechToText for Narrow {
    async fn recognise(&self, _: Utterance) -> Result<String, SpeechError> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Self::work(Arc::clone(&self.worker), Arc::clone(&self.done)).await;
        Ok("heard".to_owned())
    }

    fn understands(&self, _: &str) -> bool {
        true
    }

    fn load(&self) -> Load {
        self.now()
    }
}

impl TextToSpeech for Narrow {
    fn speak(&self, _: &str, _: &VoiceStyle) -> BoxStream<'static, Result<Arc<[i16]>, SpeechError>> {
        let (worker, done) = (Arc::clone(&self.worker), Arc::clone(&self.done));
        Self::work(worker, done).map(|()| Ok(Arc::from([1; 320]))).into_stream().boxed()
    }

    fn speaks(&self, _: &str) -> bool {
        true
    }

    fn load(&self) -> Load {
        self.now()
    }
}

fn utterance() -> Utterance {
    let (language, urgency) = ("en".to_owned(), Urgency::Final);
    Utterance { audio: Arc::from([0; 16_000]), language, urgency, expect: Expect::Anything }
}

#[tokio::test(start_paused = true)]
async fn a_turns_recognition_waits_behind_others_instead_of_failing() {
    let (narrow, mut under_way) = (Narrow::new(), Recognitions::default());
    for job in 0..8 {
        under_way.ask(job, narrow.clone(), utterance(), Timing::default().recognition);
    }
    for _ in 0..8 {
        let recognised = under_way.next().await;
        assert_eq!(recognised.text.as_deref(), Ok("heard"));
        assert_eq!(recognised.late, Some(true));
    }
    assert_eq!(narrow.begun.load(Ordering::Relaxed), 8, "none was asked for twice");
}

#[tokio::test(start_paused = true)]
async fn a_recognition_that_nobody_wants_any_more_leaves_its_place_to_others() {
    let (narrow, mut under_way) = (Narrow::new(), Recognitions::default());
    for job in 0..5 {
        under_way.ask(job, narrow.clone(), utterance(), Timing::default().recognition);
    }
    let start = Instant::now();
    under_way.keep(|job| job == 4);
    assert_eq!(under_way.next().await.job, 4);
    assert!(start.elapsed() <= 2 * SLOW, "{:?}", start.elapsed());
    assert!(under_way.next().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_sentence_waits_behind_others_instead_of_being_left_out() {
    let narrow = Narrow::new();
    let style = setup().style;
    let say = |text: String| stream::iter([Step::Say(text)]).boxed();
    let make = |text| Script::make(say(text), narrow.clone(), style.clone(), Timing::default());
    let mut scripts: Vec<Script> = (0..6).map(|n| make(format!("Sentence {n}."))).collect();
    for script in &mut scripts {
        let mut audio = 0;
        while let Some(piece) = script.next().await {
            match piece {
                Piece::Audio(chunk) => audio += chunk.len(),
                Piece::Unspoken => panic!("left out"),
                _ => {}
            }
        }
        assert_eq!(audio, 320);
    }
}

#[tokio::test(start_paused = true)]
async fn the_greeting_is_made_while_it_rings() {
    let (mut phone, line, speech, facts) = Phone::new();
    let conversation = Conversation::on(line, setup(), speech, Clock::start(), facts);
    phone.run(2_000).await;
    let answered = Instant::now();
    assert_eq!(phone.heard_agent_last(), None, "nobody is spoken to before they answer");
    conversation.start();
    phone.run(1_000).await;
    let heard = phone.heard_agent_after(answered).unwrap();
    assert!(heard - answered < phone.tts.takes, "{:?}", heard - answered);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_understood_late_is_told_with_its_cause() {
    let (mut phone, line, speech, facts) = Phone::new();
    let conversation = Conversation::on(line, setup(), speech, Clock::start(), facts);
    conversation.start();
    phone.run(15_000).await;
    let strained = |fact: &Fact| matches!(fact, Fact::Strained { .. });
    phone.knows(1_500, "I lost my card.");
    phone.speak(1_500);
    phone.run(8_000).await;
    assert!(!phone.facts.iter().any(|(_, fact)| strained(fact)), "all in time");
    *phone.stt.takes.lock().unwrap() = Duration::from_secs(4);
    phone.speak(1_500);
    phone.until(strained).await;
    assert!(phone.facts.iter().any(|(_, fact)| *fact == Fact::Strained { cause: Strain::Hearing }));
}

#[tokio::test(start_paused = true)]
async fn a_say_of_two_thousand_letters_is_heard_to_its_end() {
    let (mut phone, line, speech, facts) = Phone::new();
    let conversation = Conversation::on(line, setup(), speech, Clock::start(), facts);
    conversation.start();
    phone.run(15_000).await;
    let text = "strawberry ".repeat(181);
    conversation.say(text.trim().into());
    // In several pieces, each made while the one before is heard: never all of it at once.
    let end = |fact: &Fact| agent_said(fact, text.trim());
    for _ in 0..4 {
        phone.run(30_000).await;
    }
    assert!(phone.facts.iter().any(|(_, fact)| end(fact)), "{:?}", phone.said().len());
}

#[tokio::test(start_paused = true)]
async fn no_log_at_any_level_holds_what_is_said() {
    let log = LogCapture::default();
    let everything = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
    let _logged = tracing::subscriber::set_default(everything.with_writer(log.clone()).finish());
    let (mut phone, line, speech, facts) = Phone::new();
    let conversation = Conversation::on(line, setup(), speech, Clock::start(), facts);
    conversation.start();
    phone.run(15_000).await;
    phone.knows(1_500, "My password is pumpernickel.");
    phone.speak(1_500);
    phone.run(10_000).await;
    // Whatever fails is logged.
    phone.stt.failures.store(8, Ordering::Relaxed);
    phone.tts.failures.store(2, Ordering::Relaxed);
    phone.speak(1_500);
    phone.run(10_000).await;
    conversation.say("Marmalade is what the operator says.".into());
    phone.run(10_000).await;
    let said = phone.said();
    assert!(said.iter().any(|(_, text, _)| text.contains("pumpernickel")), "{said:?}");
    let log = log.text().to_lowercase();
    assert!(log.contains("speech recognition failed"), "the log is looked at: {log}");
    for word in ["jane", "pumpernickel", "password", "marmalade", "hello"] {
        assert!(!log.contains(word), "'{word}' is in the log");
    }
}
