use std::time::Duration;

use warmline_call::Speaker as Who;

use super::{ANSWER, GREETING, call, greeted};
use crate::{CustomerAgent, Fact, Role, turn::testing::agent_said};

#[tokio::test(start_paused = true)]
async fn barge_in_silences_the_agent_and_keeps_what_was_heard() {
    let (mut phone, conversation, brain) = greeted().await;
    phone.speak(600);
    phone.until(|f| matches!(f, Fact::Turn(_))).await;
    phone.run(1_700).await;
    let onset = phone.hears.last().unwrap().0 + Duration::from_millis(20);
    phone.speak(2000);
    phone.run(700).await;
    let silence = phone.heard_agent_last().unwrap() + Duration::from_millis(20);
    assert!(silence > onset && silence - onset <= Duration::from_millis(320), "{:?}", silence - onset);
    phone.until(|f| matches!(f, Fact::Spoken(s) if s.r#final && s.interrupted)).await;
    let heard = phone.said().into_iter().find(|s| s.2).unwrap().1;
    assert!(ANSWER.starts_with(&heard) && heard.starts_with("I can help") && heard.len() < ANSWER.len(), "{heard}");
    phone.until(|f| agent_said(f, "now.")).await;
    assert_eq!(brain.asked().last().unwrap(), &["I have a problem.", "Stop, that is not my account."]);
    let agent: Vec<_> = conversation.turns().await.into_iter().filter(|t| t.role == Role::Agent).collect();
    assert_eq!(agent[1].text, heard);
}

#[tokio::test(start_paused = true)]
async fn a_backchannel_does_not_interrupt() {
    let (mut phone, _conversation, brain) = greeted().await;
    phone.speak(600);
    phone.until(|f| matches!(f, Fact::Turn(_))).await;
    phone.run(600).await;
    phone.speak(400);
    phone.until(|f| agent_said(f, "now.")).await;
    let expected = [
        (Who::Agent, GREETING.to_owned(), false),
        (Who::Customer, "I have a problem.".to_owned(), false),
        (Who::Customer, "Mhm.".to_owned(), false),
        (Who::Agent, ANSWER.to_owned(), false),
    ];
    assert_eq!(phone.said(), expected);
    assert_eq!(brain.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_agent_does_not_hear_itself() {
    let (mut phone, conversation, brain) = call();
    phone.echo = 0.3;
    conversation.start();
    phone.voice_of_agent();
    phone.until(|f| agent_said(f, GREETING)).await;
    phone.run(2_000).await;
    assert_eq!(phone.said(), [(Who::Agent, GREETING.to_owned(), false)]);
    assert!(brain.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn somebody_who_speaks_over_the_echo_is_heard() {
    let (mut phone, conversation, _brain) = call();
    phone.echo = 0.3;
    phone.voice_of_agent();
    conversation.start();
    phone.run(900).await;
    let onset = phone.hears.last().unwrap().0;
    phone.speak(600);
    phone.run(500).await;
    let silence = phone.heard_agent_last().unwrap();
    assert!(silence - onset <= Duration::from_millis(340), "{:?}", silence - onset);
    assert!(phone.said().is_empty(), "only held: it is not known yet what was said");
}

#[tokio::test(start_paused = true)]
async fn the_greeting_can_be_interrupted() {
    let (mut phone, conversation, _brain) = call();
    conversation.start();
    phone.run(300).await;
    phone.speak(600);
    phone.until(|f| agent_said(f, "now.")).await;
    assert!(phone.said().iter().any(|(who, text, cut)| *who == Who::Agent && *cut && GREETING.starts_with(text)));
}
