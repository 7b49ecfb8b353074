use std::time::Duration;

use warmline_call::{FixedLine, RequestedBy, Speaker as Who};

use super::{ANSWER, GREETING, call, greeted};
use crate::{Fact, Role, lines, turn::testing::agent_said};

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
    conversation.resume(None);
    phone.until(|f| agent_said(f, "Let's go on.")).await;
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
