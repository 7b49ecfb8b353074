use std::time::Duration;

use tokio::time::Instant;
use warmline_call::{Because, DecidedBy, FixedLine, RequestedBy, Speaker as Who, TransferOutcome};
use warmline_telephony::{Clock, Frame, SILENCE};

use super::{ANSWER, GREETING, call, greeted};
use crate::{
    Colleague, CustomerAgent, Fact, Role, StandIn, lines,
    turn::testing::{Phone, agent_said, setup},
};

#[tokio::test(start_paused = true)]
async fn stop_is_heard_within_a_frame_and_for_good() {
    for drops in [false, true] {
        let (mut phone, conversation, _brain) = call();
        conversation.start();
        phone.run(500).await;
        if drops {
            drop(conversation);
        } else {
            conversation.stop();
        }
        phone.run(20).await;
        let stopped = phone.hears.last().unwrap().0;
        phone.speak(600);
        phone.run(3_000).await;
        assert_eq!(phone.heard_agent_after(stopped), None);
    }
}

#[tokio::test(start_paused = true)]
async fn no_answer_that_was_being_made_is_spoken_after_stop() {
    let (mut phone, conversation, _brain) = greeted().await;
    phone.speak(600);
    phone.run(900).await;
    conversation.stop();
    let stopped = phone.hears.last().unwrap().0;
    phone.run(3_000).await;
    assert_eq!(phone.heard_agent_after(stopped), None);
}

#[tokio::test(start_paused = true)]
async fn never_mind_counts_on_hold() {
    let (mut phone, conversation, _brain) = greeted().await;
    phone.speak(800);
    phone.until(|f| matches!(f, Fact::HumanRequested { by: RequestedBy::Customer, .. })).await;
    conversation.pause();
    let conversation = tokio::spawn(async move {
        conversation.say_fixed(FixedLine::Hold).await;
        conversation
    });
    phone.until(|f| agent_said(f, lines::fixed(FixedLine::Hold))).await;
    let conversation = conversation.await.unwrap();
    conversation.music(Some(vec![5; 16_000].into()));
    phone.run(500).await;
    assert_eq!(phone.hears.last().unwrap().1, [5; 320]);
    phone.speak(600);
    phone.run(2_000).await;
    assert_eq!(phone.decisions().len(), 1, "other words do nothing");
    phone.speak(1000);
    phone.until(|f| *f == Fact::ChangedMind).await;
    conversation.music(None);
    conversation.resume(Because::NotConnected {
        outcome: TransferOutcome::Cancelled,
        by: DecidedBy::Voice,
        reason: None,
    });
    let back = format!("{} Let's go on.", lines::no_human_because(TransferOutcome::Cancelled));
    phone.until(|f| agent_said(f, &back)).await;
    let words: Vec<_> = phone.said().into_iter().map(|s| s.1).collect();
    assert!(words.contains(&"I have a problem.".to_owned()), "words on hold are reported: {words:?}");
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_says_comes_after_the_sentence() {
    let (mut phone, conversation, _brain) = greeted().await;
    phone.speak(600);
    phone.until(|f| matches!(f, Fact::Turn(_))).await;
    conversation.say("Your refund is on its way.".into());
    phone.until(|f| agent_said(f, "Your refund is on its way.")).await;
    let agent: Vec<_> = phone.said().into_iter().filter(|s| s.0 == Who::Agent).map(|s| s.1).collect();
    assert_eq!(agent, [GREETING, "I can help with that.", "Your refund is on its way."]);
}

#[tokio::test(start_paused = true)]
async fn a_nudge_is_not_heard_but_known() {
    let (mut phone, conversation, _brain) = greeted().await;
    conversation.nudge("Offer a discount.".into());
    phone.until(|f| agent_said(f, "Let's go on.")).await;
    assert!(conversation.turns().await.iter().any(|t| t.role == Role::Note && t.text == "Offer a discount."));
}

#[tokio::test(start_paused = true)]
async fn a_fixed_line_cuts_the_agent_and_is_not_cut_itself() {
    let (mut phone, conversation, _brain) = greeted().await;
    phone.speak(600);
    phone.until(|f| matches!(f, Fact::Turn(_))).await;
    phone.run(500).await;
    let waiting = tokio::spawn(async move {
        conversation.say_fixed(FixedLine::Stopping).await;
        conversation
    });
    phone.run(300).await;
    phone.speak(2000);
    phone.until(|f| agent_said(f, lines::fixed(FixedLine::Stopping))).await;
    assert!(phone.said().iter().any(|(_, text, cut)| *cut && ANSWER.starts_with(text)));
    phone.run(40).await;
    assert!(waiting.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_fixed_line_is_not_waited_for_when_the_leg_is_gone() {
    let (mut phone, conversation, _brain) = greeted().await;
    phone.hang_up();
    let before = tokio::time::Instant::now();
    conversation.say_fixed(FixedLine::Hold).await;
    assert!(before.elapsed() <= Duration::from_millis(20));
    assert!(conversation.turns().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_ears_are_left_after_the_merge() {
    let (mut phone, conversation, brain) = greeted().await;
    conversation.listen_only();
    conversation.say("Not this.".into());
    let from = phone.hears.last().unwrap().0;
    phone.speak(600);
    phone.run(15_000).await;
    assert_eq!(phone.heard_agent_after(from), None);
    assert_eq!(phone.said().last().unwrap(), &(Who::Customer, "I have a problem.".into(), false));
    assert!(brain.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_colleague_speaks_in_the_agents_place_and_gives_back() {
    let (mut phone, conversation, brain) = greeted().await;
    let conversation = std::sync::Arc::new(conversation);
    let (mut colleague, line, speech, facts) = Phone::new();
    colleague.knows(600, "This is Ann, I can help.");
    let mut stand_in = StandIn::on(line, speech, setup().style, Clock::start(), facts);
    colleague.until(|f| *f == Fact::Ready).await;
    stand_in.join(conversation.clone());
    both(&mut phone, &mut colleague, 200).await;
    let begun = Instant::now();
    colleague.speak(600);
    both(&mut phone, &mut colleague, 2_000).await;
    let loud = |hears: &[(Instant, Frame)]| hears.iter().filter(|(at, f)| *at > begun && *f != SILENCE).count();
    assert!((30..=34).contains(&loud(&phone.hears)), "the customer hears 600 ms of them: {}", loud(&phone.hears));
    let said = colleague.facts.iter().any(|(_, fact)| match fact {
        Fact::Spoken(s) => s.r#final && s.speaker == Who::Supervisor && s.text.reveal() == "This is Ann, I can help.",
        _ => false,
    });
    assert!(said, "{:?}", colleague.facts);
    let begun = Instant::now();
    phone.speak(800);
    both(&mut phone, &mut colleague, 2_500).await;
    let heard = colleague.hears.iter().filter(|(at, f)| *at > begun && *f != SILENCE).count();
    assert!((40..=44).contains(&heard), "they hear 800 ms of the customer: {heard}");
    assert_eq!(phone.decisions().len(), 0, "to ask for a human is nobody's wish now");
    assert_eq!(phone.heard_agent_after(begun), None, "the agent is silent");
    drop(stand_in);
    conversation.resume(Because::GivenBack);
    let back = format!("{} Let's go on.", lines::back_again());
    phone.until(|f| agent_said(f, &back)).await;
    phone.speak(600);
    phone.until(|f| agent_said(f, ANSWER)).await;
    let told = brain.asked.lock().unwrap().last().unwrap().clone();
    let told: Vec<_> = told.iter().map(|t| (t.role, t.text.as_str())).collect();
    assert!(told.contains(&(Role::Person, "I want to talk to a human.")), "{told:?}");
    assert!(told.contains(&(Role::Colleague, "This is Ann, I can help.")), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_agent_has_to_say_ends_a_colleagues_turn() {
    let (mut phone, conversation, _brain) = greeted().await;
    let conversation = std::sync::Arc::new(conversation);
    let (mut colleague, line, speech, facts) = Phone::new();
    let mut stand_in = StandIn::on(line, speech, setup().style, Clock::start(), facts);
    colleague.until(|f| *f == Fact::Ready).await;
    stand_in.join(conversation.clone());
    both(&mut phone, &mut colleague, 200).await;
    let saying = tokio::spawn(async move { conversation.say_fixed(FixedLine::Stopping).await });
    both(&mut phone, &mut colleague, 200).await;
    let begun = Instant::now();
    phone.speak(600);
    phone.until(|f| agent_said(f, lines::fixed(FixedLine::Stopping))).await;
    saying.await.unwrap();
    colleague.run(100).await;
    assert!(colleague.hears.iter().any(|(at, _)| *at >= begun), "their line goes on");
    assert!(colleague.hears.iter().all(|(at, f)| *at < begun || *f == SILENCE), "they hear the customer no more");
}

#[tokio::test(start_paused = true)]
async fn the_agent_talks_until_a_colleague_with_a_microphone_joins() {
    let (mut phone, conversation, _brain) = greeted().await;
    let conversation = std::sync::Arc::new(conversation);
    // A browser whose microphone is not allowed yet sends nothing.
    let (colleague, line, speech, facts) = Phone::new();
    let mut stand_in = StandIn::on(line, speech, setup().style, Clock::start(), facts);
    phone.speak(600);
    phone.until(|f| agent_said(f, ANSWER)).await;
    assert_eq!(colleague.facts.len(), 0);
    // It goes before it ever did: nothing has happened.
    drop(colleague);
    stand_in.join(conversation.clone());
    phone.speak(600);
    phone.until(|f| agent_said(f, ANSWER)).await;
}

#[tokio::test(start_paused = true)]
async fn a_colleague_who_is_never_heard_is_reported_and_so_is_silence_of_both() {
    let (mut phone, conversation, _brain) = greeted().await;
    let conversation: std::sync::Arc<dyn CustomerAgent> = std::sync::Arc::new(conversation);
    let (mut colleague, line, speech, facts) = Phone::new();
    colleague.knows(600, "This is Ann, I can help.");
    let mut stand_in = StandIn::on(line, speech, setup().style, Clock::start(), facts);
    colleague.until(|f| *f == Fact::Ready).await;
    stand_in.join(conversation.clone());
    let from = Instant::now();
    let silent = |phone: &Phone| phone.facts.iter().filter(|(_, f)| *f == Fact::ColleagueSilent).count();
    both(&mut phone, &mut colleague, 19_000).await;
    assert_eq!(silent(&phone), 0);
    both(&mut phone, &mut colleague, 2_000).await;
    assert_eq!(silent(&phone), 1, "never heard for 20 s, since {from:?}");
    colleague.speak(600);
    both(&mut phone, &mut colleague, 50_000).await;
    phone.speak(600);
    both(&mut phone, &mut colleague, 50_000).await;
    assert_eq!(silent(&phone), 1, "either of them counts");
    both(&mut phone, &mut colleague, 12_000).await;
    assert_eq!(silent(&phone), 2, "both silent for a minute");
}

/// Both phones live for so long.
async fn both(one: &mut Phone, other: &mut Phone, millis: u64) {
    tokio::join!(one.run(millis), other.run(millis));
}
