use std::{sync::atomic::Ordering, time::Duration};

use warmline_call::{Because, DecidedBy, FixedLine, RequestedBy, Speaker as Who, TransferOutcome};
use warmline_telephony::Clock;

use super::{ANSWER, GREETING, call, greeted, say};
use crate::{
    Conversation, CustomerAgent, Fact, TurnTimes,
    brain::Step,
    lines,
    turn::testing::{Phone, agent_said, noise, setup},
};

fn times(facts: &[(tokio::time::Instant, Fact)]) -> TurnTimes {
    let mut turns = facts.iter().filter_map(|(_, f)| if let Fact::Turn(t) = f { Some(*t) } else { None });
    turns.next().unwrap()
}

#[tokio::test(start_paused = true)]
async fn greets_at_once_then_answers() {
    let (mut phone, conversation, brain) = call();
    phone.run(200).await;
    let ordered = phone.hears.last().unwrap().0;
    conversation.start();
    phone.until(|f| agent_said(f, GREETING)).await;
    assert!(phone.heard_agent_after(ordered).unwrap() - ordered <= Duration::from_millis(120));
    phone.run(400).await;
    phone.speak(600);
    phone.until(|f| agent_said(f, "now.")).await;
    let expected = [
        (Who::Agent, GREETING.to_owned(), false),
        (Who::Customer, "I have a problem.".to_owned(), false),
        (Who::Agent, ANSWER.to_owned(), false),
    ];
    assert_eq!(phone.said(), expected);
    assert_eq!(brain.asked(), [["I have a problem."]], "thought once, ahead of the end of the turn");
    let texts: Vec<String> = conversation.turns().await.into_iter().map(|t| t.text).collect();
    assert_eq!(texts, [GREETING, "I have a problem.", ANSWER]);
}

#[tokio::test(start_paused = true)]
async fn the_answer_is_ready_when_the_turn_is_over() {
    let (mut phone, _conversation, _brain) = greeted().await;
    phone.speak(600);
    phone.pause(20);
    let spoken_until = phone.hears.last().unwrap().0 + Duration::from_millis(600);
    phone.until(|f| matches!(f, Fact::Turn(_))).await;
    let times = times(&phone.facts);
    assert_eq!((times.endpointing_ms, times.stt_ms), (350, 0));
    // 100 ms of thought and 80 ms of synthesis run since the text was there, at 180 + 100 ms of silence.
    assert!(times.response_ms >= 350 && times.response_ms <= 520, "{times:?}");
    let heard = phone.heard_agent_after(spoken_until).unwrap() - spoken_until;
    let off = heard.as_millis().abs_diff(u128::from(times.response_ms));
    assert!(off <= 60, "measured {heard:?}, reported {times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_guess_is_thrown_away_when_the_person_goes_on() {
    let (mut phone, _conversation, brain) = greeted().await;
    *phone.stt.takes.lock().unwrap() = Duration::from_millis(40);
    phone.speak(600);
    phone.pause(260);
    phone.speak(440);
    phone.until(|f| agent_said(f, "now.")).await;
    let asked = brain.asked();
    assert_eq!(asked.first().unwrap(), &["I have a problem."], "it thought ahead");
    assert_eq!(asked.last().unwrap(), &["I have a problem with my invoice."], "{asked:?}");
    let customer: Vec<_> = phone.said().into_iter().filter(|s| s.0 == Who::Customer).collect();
    assert_eq!(customer, [(Who::Customer, "I have a problem with my invoice.".into(), false)]);
}

#[tokio::test(start_paused = true)]
async fn hears_through_noise() {
    let (mut phone, _conversation, _brain) = greeted().await;
    phone.noise = noise(16_000, 150.0);
    phone.run(3_000).await;
    phone.speak(600);
    phone.until(|f| agent_said(f, "now.")).await;
    let customer: Vec<_> = phone.said().into_iter().filter(|s| s.0 == Who::Customer).collect();
    assert_eq!(customer, [(Who::Customer, "I have a problem.".into(), false)]);
    let times = times(&phone.facts);
    assert!(times.response_ms <= 560, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_plain_request_for_a_human_is_reported_at_once_and_silences_the_agent() {
    let (mut phone, conversation, brain) = greeted().await;
    phone.speak(800);
    phone.until(|f| matches!(f, Fact::HumanRequested { by: RequestedBy::Customer, .. })).await;
    let from = phone.hears.last().unwrap().0;
    phone.run(5_000).await;
    assert_eq!(phone.heard_agent_after(from), None);
    assert!(brain.asked().is_empty(), "the brain is not asked");
    conversation.resume(Because::NotConnected { outcome: TransferOutcome::Busy, by: DecidedBy::Network, reason: None });
    phone.until(|f| agent_said(f, "Let's go on.")).await;
    assert!(phone.said().last().unwrap().1.starts_with(lines::no_human_because(TransferOutcome::Busy)));
}

#[tokio::test(start_paused = true)]
async fn what_the_brain_wants_is_done_after_its_words() {
    let (mut phone, _conversation, brain) = greeted().await;
    brain.next(&[say("Goodbye."), Step::EndCall]);
    phone.speak(600);
    let at = phone.until(|f| *f == Fact::Finished).await;
    assert!(phone.heard_agent_last().unwrap() + Duration::from_millis(60) >= at);
    assert_eq!(phone.said().last().unwrap(), &(Who::Agent, "Goodbye.".into(), false));
    let (mut phone, _conversation, brain) = greeted().await;
    brain.next(&[say("I can't help."), Step::Escalate { by: RequestedBy::Agent, reason: "it can't help".into() }]);
    phone.speak(600);
    phone.until(|f| matches!(f, Fact::HumanRequested { by: RequestedBy::Agent, .. })).await;
    assert_eq!(phone.said().last().unwrap(), &(Who::Agent, "I can't help.".into(), false));
}

#[tokio::test(start_paused = true)]
async fn silence_is_asked_into_and_then_reported() {
    let (mut phone, _conversation, _brain) = greeted().await;
    let from = phone.hears.last().unwrap().0;
    let at = phone.until(|f| *f == Fact::Inaudible).await;
    assert!((at - from).abs_diff(Duration::from_secs(30)) < Duration::from_millis(400), "{:?}", at - from);
    let prompts = phone.said().into_iter().filter(|s| s.1 == lines::still_there()).count();
    assert_eq!(prompts, 2);
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_told_from_a_person() {
    let (mut phone, conversation, _brain) = call();
    conversation.start();
    phone.speak(1600);
    phone.until(|f| *f == Fact::Machine).await;
    assert!(phone.heard_agent_after(phone.hears[0].0).is_some(), "the greeting was not held back");
    let (mut phone, _conversation, _brain) = greeted().await;
    phone.run(13_000).await;
    phone.speak(1600);
    phone.run(4_000).await;
    assert_eq!(phone.decisions(), [], "no machine greets so late");
}

#[tokio::test(start_paused = true)]
async fn one_failed_recognition_goes_unnoticed_more_are_told() {
    let (mut phone, _conversation, _brain) = greeted().await;
    phone.stt.failures.store(1, Ordering::Relaxed);
    phone.speak(600);
    phone.until(|f| agent_said(f, "now.")).await;
    phone.stt.failures.store(100, Ordering::Relaxed);
    phone.run(300).await;
    phone.speak(600);
    phone.until(|f| agent_said(f, "I didn't catch that")).await;
    phone.speak(600);
    phone.until(|f| agent_said(f, lines::offer_human())).await;
    phone.speak(600);
    phone.until(|f| matches!(f, Fact::Failed { .. })).await;
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_fails_twice_is_tried_again_and_then_given_up() {
    let (mut phone, _conversation, _brain) = greeted().await;
    phone.tts.failures.store(1, Ordering::Relaxed);
    phone.speak(600);
    phone.until(|f| agent_said(f, ANSWER)).await;
    phone.tts.failures.store(1_000, Ordering::Relaxed);
    phone.run(300).await;
    phone.speak(600);
    phone.until(|f| matches!(f, Fact::Failed { .. })).await;
}

#[tokio::test(start_paused = true)]
async fn the_real_brain_greets_and_answers() {
    let (mut phone, line, speech, facts) = Phone::new();
    phone.knows(600, "Hello, who is this?");
    let conversation = Conversation::on(line, setup(), speech, Clock::start(), facts);
    conversation.start();
    phone.until(|f| matches!(f, Fact::Spoken(s) if s.r#final && s.speaker == Who::Agent)).await;
    phone.run(500).await;
    phone.speak(600);
    phone.until(|f| matches!(f, Fact::Turn(_))).await;
    phone.run(10_000).await;
    let who: Vec<Who> = phone.said().iter().map(|s| s.0).collect();
    assert_eq!(who[..3], [Who::Agent, Who::Customer, Who::Agent]);
    assert!(phone.said().iter().all(|s| !s.1.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_breaks_down_hands_over_and_can_still_be_told_what_to_say() {
    let (mut phone, conversation, brain) = greeted().await;
    brain.next(&[]);
    phone.speak(600);
    phone.until(|f| matches!(f, Fact::Failed { .. })).await;
    conversation.pause();
    let saying = conversation.say_fixed(FixedLine::Hold);
    let saying = tokio::spawn(saying);
    phone.until(|f| agent_said(f, lines::fixed(FixedLine::Hold))).await;
    saying.await.unwrap();
    conversation.music(Some(vec![5; 16_000].into()));
    phone.run(100).await;
    assert_eq!(phone.hears.last().unwrap().1, [5; 320]);
    phone.hang_up();
    phone.until(|f| *f == Fact::Gone).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_breaks_down_again_is_gone_and_silent() {
    let (mut phone, conversation, brain) = greeted().await;
    for _ in 0..2 {
        brain.next(&[]);
        phone.speak(600);
        phone.run(3_000).await;
        conversation.resume(Because::NoHuman);
        phone.run(1_000).await;
    }
    assert!(phone.is_deaf(), "the facts end");
    assert!(!phone.facts.iter().any(|(_, f)| *f == Fact::Gone), "and not as if the customer had gone");
}
