use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use tokio::time::sleep;

use super::*;
use crate::{VoiceStyle, brain::Brain};

/// What a model does, in order.
#[derive(Clone, Debug)]
enum Act {
    Says(&'static str),
    Waits(u64),
    Escalates,
    Ends,
    Fails(ModelError),
    /// The same word without an end, one each so many milliseconds.
    Drips(&'static str, u64),
    Floods(&'static str),
}
use Act::{Drips, Ends, Escalates, Fails, Floods, Says, Waits};

/// Answers each request with the next script, the last one again and again.
struct Scripted {
    scripts: Mutex<Vec<Vec<Act>>>,
    asked: Mutex<Vec<Prompt>>,
    dropped: Arc<AtomicBool>,
}

struct TellsDrop(Arc<AtomicBool>);

impl Drop for TellsDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl LanguageModel for Scripted {
    fn reply(&self, prompt: Prompt) -> BoxStream<'static, Result<Token, ModelError>> {
        self.asked.lock().unwrap().push(prompt);
        let mut scripts = self.scripts.lock().unwrap();
        let script = if scripts.len() > 1 { scripts.remove(0) } else { scripts[0].clone() };
        let guard = TellsDrop(Arc::clone(&self.dropped));
        let acts = stream::iter(script).then(|act| async move {
            let text = |t: &str| Ok(Token::Text(t.to_owned()));
            match act {
                Says(t) => stream::iter(vec![text(t)]).boxed(),
                Waits(ms) => {
                    sleep(Duration::from_millis(ms)).await;
                    stream::empty().boxed()
                }
                Escalates => stream::iter(vec![Ok(Token::Escalate { reason: "They can't log in".to_owned() })]).boxed(),
                Ends => stream::iter(vec![Ok(Token::EndCall)]).boxed(),
                Fails(error) => stream::iter(vec![Err(error)]).boxed(),
                Floods(word) => stream::repeat(text(word)).boxed(),
                Drips(word, ms) => stream::repeat(text(word))
                    .then(move |t| async move {
                        sleep(Duration::from_millis(ms)).await;
                        t
                    })
                    .boxed(),
            }
        });
        acts.flatten()
            .map(move |t| {
                let _ = &guard;
                t
            })
            .boxed()
    }
}

fn setup() -> Setup {
    Setup {
        name: Some("John".into()),
        caller_name: None,
        instructions: "You are a helpful customer support agent for LiveKit.".to_owned(),
        dynamic_instruction: Some("You are calling to follow up on a ticket.".into()),
        escalation: true,
        style: VoiceStyle { language: "en".to_owned(), emotion: "Calm".to_owned(), voice: 0 },
    }
}

fn brain_with(setup: Setup, scripts: Vec<Vec<Act>>) -> (Brain, Arc<Scripted>) {
    let dropped = Arc::new(AtomicBool::new(false));
    let model = Arc::new(Scripted { scripts: Mutex::new(scripts), asked: Mutex::default(), dropped });
    (Brain::new(setup, Some(Arc::clone(&model) as Arc<dyn LanguageModel>)), model)
}

fn brain(script: &[Act]) -> (Brain, Arc<Scripted>) {
    brain_with(setup(), vec![script.to_vec()])
}

fn turns(said: &[&str]) -> Vec<Turn> {
    let role = |at: usize| if at % 2 == said.len() % 2 { Role::Agent } else { Role::Person };
    said.iter().enumerate().map(|(at, text)| Turn { role: role(at), text: (*text).to_owned() }).collect()
}

const ASKED: &[&str] = &["How can I help you today?", "What are your opening hours?"];

/// Each step with the time it came at, in milliseconds.
async fn steps(mut stream: BoxStream<'static, Step>) -> Vec<(u128, Step)> {
    let start = Instant::now();
    let mut all = Vec::new();
    while let Some(step) = stream.next().await {
        all.push((start.elapsed().as_millis(), step));
    }
    all
}

fn said(steps: &[(u128, Step)]) -> Vec<(u128, &str)> {
    steps.iter().filter_map(|(at, s)| if let Step::Say(text) = s { Some((*at, text.as_str())) } else { None }).collect()
}

const OFFER: &str = "Would you like me to connect you with a human supervisor?";

#[tokio::test(start_paused = true)]
async fn a_good_answer_is_spoken_sentence_by_sentence() {
    let (brain, model) =
        brain(&[Waits(300), Says("We are op"), Says("en until five. **Any"), Waits(100), Says("thing** else? 😀")]);
    let steps = steps(brain.reply(&turns(ASKED))).await;
    assert_eq!(said(&steps), [(300, "We are open until five."), (400, "Anything else?")]);

    let asked = model.asked.lock().unwrap();
    assert!(asked[0].tools && asked[0].turns == turns(ASKED));
    for part in [
        "customer support agent for LiveKit",
        "John",
        "follow up on a ticket",
        "untrusted",
        "'en'",
        "an AI",
        "no markdown",
        "Never say or invent phone numbers",
    ] {
        assert!(asked[0].system.to_lowercase().contains(&part.to_lowercase()), "{part}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_model_gets_a_filler_then_its_say() {
    let (brain, _) = brain(&[Waits(2500), Says("Until five.")]);
    assert_eq!(said(&steps(brain.reply(&turns(ASKED))).await), [(1500, lines::filler()), (2500, "Until five.")]);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_stays_silent_is_replaced_at_three_seconds() {
    let (brain, _) = brain(&[Waits(60_000), Says("Too late.")]);
    let steps = steps(brain.reply(&turns(ASKED))).await;
    assert_eq!(
        said(&steps),
        [(1500, lines::filler()), (3000, SORRY), (3000, "I don't have that information."), (3000, OFFER)]
    );
}

#[tokio::test(start_paused = true)]
async fn errors_garbage_and_silence_are_answered_by_rules_at_once() {
    let bad = "the language model called a tool with arguments that don't parse".to_owned();
    for script in [
        vec![Fails(ModelError::RateLimited)],
        vec![Fails(ModelError::Unauthorized)],
        vec![Fails(ModelError::Failed(bad))],
        vec![Fails(ModelError::Timeout(Duration::from_secs(1)))],
        vec![],
        vec![Says("  \n")],
        vec![Says("😀😀 ***")],
        vec![Says("{\"name\": \"escalate\"}")],
        vec![Says("\u{fffd}\u{fffd}#%^&@!~")],
    ] {
        let (brain, _) = brain(&script);
        let steps = steps(brain.reply(&turns(ASKED))).await;
        assert_eq!(said(&steps), [(0, SORRY), (0, "I don't have that information."), (0, OFFER)], "{script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_failed_turns_in_a_row_offer_the_human() {
    let (brain, _) = brain(&[Fails(ModelError::RateLimited)]);
    let failed_before = format!("{SORRY} I'm not sure I understood.");
    let steps = steps(brain.reply(&turns(&["How are you?", "Blue", failed_before.as_str(), "Green"]))).await;
    assert_eq!(said(&steps), [(0, "I'm sorry, I still can't answer you properly."), (0, OFFER)]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stops_midway_keeps_what_was_whole() {
    let (brain, _) = brain(&[Says("Until five. And on Sat"), Waits(60_000)]);
    let mut stream = brain.reply(&turns(ASKED));
    assert_eq!(stream.next().await, Some(Step::Say("Until five.".to_owned())));
    let start = Instant::now();
    assert_eq!(stream.next().await, None);
    assert_eq!(start.elapsed(), NEXT_TOKEN);

    let (brain, _) = self::brain(&[Says("Until five. And"), Fails(ModelError::RateLimited)]);
    assert_eq!(said(&steps(brain.reply(&turns(ASKED))).await), [(0, "Until five.")]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_drip_ends_after_twenty_seconds() {
    let (brain, model) = brain(&[Drips("so ", 1000)]);
    let mut stream = brain.reply(&turns(ASKED));
    let start = Instant::now();
    let first = stream.next().await;
    assert_eq!(first, Some(Step::Say(lines::filler().to_owned())));
    while stream.next().await.is_some() {}
    assert_eq!(start.elapsed(), WHOLE);
    drop(stream);
    assert!(model.dropped.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn an_endless_answer_is_cut() {
    let (brain, _) = brain(&[Floods("More words come. ")]);
    let repeated = steps(brain.reply(&turns(ASKED))).await;
    assert_eq!(said(&repeated), [(0, "More words come.")], "a sentence is not said twice in a row");
    let (brain, _) = self::brain(&[Floods("word ")]);
    let long: usize = said(&steps(brain.reply(&turns(ASKED))).await).iter().map(|(_, text)| text.len()).sum();
    assert!((1..=LONGEST).contains(&long), "{long}");
}

#[tokio::test(start_paused = true)]
async fn the_tools_become_steps() {
    let (brain, _) = brain(&[Says("One moment."), Escalates, Says("Never said.")]);
    let reply = steps(brain.reply(&turns(ASKED))).await;
    let human = Step::Escalate { by: RequestedBy::Agent, reason: "They can't log in".to_owned() };
    assert_eq!(reply, [(0, Step::Say("One moment.".to_owned())), (0, human)]);

    let (brain, _) = self::brain(&[Ends]);
    let reply = steps(brain.reply(&turns(ASKED))).await;
    assert_eq!(reply, [(0, Step::Say("Thank you for your time. Goodbye.".to_owned())), (0, Step::EndCall)]);
    let (brain, _) = self::brain(&[Says("Bye, John!"), Ends]);
    let reply = steps(brain.reply(&turns(ASKED))).await;
    assert_eq!(reply, [(0, Step::Say("Bye, John!".to_owned())), (0, Step::EndCall)]);
}

#[tokio::test(start_paused = true)]
async fn a_human_that_must_not_be_called_is_not_and_the_model_is_asked_thrice_at_most() {
    let closed = Setup { escalation: false, ..setup() };
    let (brain, model) = brain_with(closed.clone(), vec![vec![Escalates], vec![Says("I can't connect you.")]]);
    assert_eq!(said(&steps(brain.reply(&turns(ASKED))).await), [(0, "I can't connect you.")]);
    assert_eq!(model.asked.lock().unwrap()[1].turns.last().unwrap().role, Role::Note);

    let (brain, model) = brain_with(closed, vec![vec![Escalates]]);
    let looped = steps(brain.reply(&turns(ASKED))).await;
    assert!(looped.iter().all(|(_, s)| matches!(s, Step::Say(_))) && !looped.is_empty());
    assert_eq!(model.asked.lock().unwrap().len(), TOOL_STEPS);

    let (brain, _) = brain_with(setup(), vec![vec![Escalates], vec![Says("All right.")]]);
    let refused = turns(&["I understand. Would you like me to connect you with a human supervisor?", "No, not now."]);
    assert_eq!(said(&steps(brain.reply(&refused)).await), [(0, "All right.")]);
}

#[tokio::test(start_paused = true)]
async fn a_plain_request_and_a_yes_to_the_offer_never_wait_for_the_model() {
    let (brain, model) = brain(&[Says("Let's not.")]);
    for said in [
        &["How can I help you?", "Let me talk to a person"][..],
        &["I see. Would you like me to connect you with a human supervisor?", "Yes, please."],
        &["Shall I put you through to a colleague?", "Sure."],
    ] {
        let reply = steps(brain.reply(&turns(said))).await;
        assert!(matches!(&reply[..], [(0, Step::Escalate { by: RequestedBy::Customer, .. })]), "{said:?} {reply:?}");
    }
    assert!(model.asked.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_reply_thrown_away_cancels_the_request() {
    let (brain, model) = brain(&[Says("One. "), Waits(60_000)]);
    let mut stream = brain.reply(&turns(ASKED));
    stream.next().await;
    assert!(!model.dropped.load(Ordering::SeqCst));
    drop(stream);
    assert!(model.dropped.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn notes_reach_the_model_and_it_goes_on_without_transferring_again() {
    let (brain, model) = brain_with(setup(), vec![vec![Escalates], vec![Says("Let me help you myself.")]]);
    let mut talk = turns(ASKED);
    talk.push(Turn { role: Role::Note, text: "The supervisor did not answer.".to_owned() });
    assert_eq!(said(&steps(brain.go_on(&talk)).await), [(0, "Let me help you myself.")]);
    let asked = model.asked.lock().unwrap();
    assert_eq!(asked[0].turns[2], talk[2]);
}

#[tokio::test(start_paused = true)]
async fn english_greets_without_the_model_and_other_languages_with_it() {
    let (brain, model) = brain(&[Says("Hola John, le llamo por su caso.")]);
    assert_eq!(said(&steps(brain.greet()).await)[0].1, "Hello John, this is the LiveKit support team.");
    assert!(model.asked.lock().unwrap().is_empty());
    let style = VoiceStyle { language: "es".to_owned(), emotion: "Calm".to_owned(), voice: 0 };
    let (brain, _) = brain_with(Setup { style, ..setup() }, vec![vec![Says("Hola John, le llamo por su caso.")]]);
    assert_eq!(said(&steps(brain.greet()).await), [(0, "Hola John, le llamo por su caso.")]);
}
