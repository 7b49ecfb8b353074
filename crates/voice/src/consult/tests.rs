use std::time::Duration;

use warmline_call::{DecidedBy, FixedLine, Private, Speaker as Who};
use warmline_telephony::Clock;

use super::Consult;
use crate::{
    Fact, SupervisorAgent, lines,
    turn::testing::{Phone, agent_said, setup},
};

const SUMMARY: &str = "They can't log in.";

fn briefed() -> (Phone, Consult) {
    let (phone, line, speech, facts) = Phone::new();
    phone.knows(400, "Yes, I am ready.");
    phone.knows(600, "No, I'm in a meeting.");
    phone.knows(800, "The weather is nice.");
    phone.knows(1000, "What is the problem?");
    phone.knows(1200, "Hello, this is Bob.");
    phone.knows(1400, "Yes, put them through.");
    phone.knows(1600, "Please leave a message after the tone.");
    let consult = Consult::on(line, setup(), speech, Clock::start(), facts);
    consult.brief(SUMMARY.into(), vec!["Jane can't log in since Monday".into()]);
    (phone, consult)
}

async fn asked(phone: &mut Phone) {
    phone.until(|f| agent_said(f, lines::consult_question())).await;
}

fn accepted(by: DecidedBy) -> Vec<Fact> {
    vec![Fact::Accepted { by }]
}

#[tokio::test(start_paused = true)]
async fn briefs_as_soon_as_no_hello_comes_and_takes_a_yes() {
    let (mut phone, _consult) = briefed();
    asked(&mut phone).await;
    let whole = format!("{} {SUMMARY} {}", lines::consult_intro(), lines::consult_question());
    assert_eq!(phone.said(), [(Who::Agent, whole, false)]);
    let first = phone.heard_agent_after(phone.hears[0].0).unwrap();
    assert!(first - phone.hears[0].0 <= Duration::from_millis(640), "{:?}", first - phone.hears[0].0);
    phone.speak(400);
    phone.until(|f| matches!(f, Fact::Accepted { .. })).await;
    phone.run(8000).await;
    assert_eq!(phone.decisions(), accepted(DecidedBy::Voice));
    assert_eq!(phone.said().last().unwrap(), &(Who::Supervisor, "Yes, I am ready.".into(), false));
}

#[tokio::test(start_paused = true)]
async fn nobody_talks_over_a_hello() {
    let (mut phone, _consult) = briefed();
    phone.speak(1200);
    asked(&mut phone).await;
    let said = phone.said();
    assert_eq!(said[0], (Who::Supervisor, "Hello, this is Bob.".into(), false));
    let whole = format!("{} {SUMMARY} {}", lines::consult_intro(), lines::consult_question());
    assert_eq!(said[1..], [(Who::Agent, whole, false)], "the briefing is not interrupted");
}

#[tokio::test(start_paused = true)]
async fn a_no_declines_in_their_words() {
    let (mut phone, _consult) = briefed();
    asked(&mut phone).await;
    phone.speak(600);
    phone.until(|f| matches!(f, Fact::Declined { .. })).await;
    let Some(Fact::Declined { by: DecidedBy::Voice, reason: Some(reason) }) = phone.decisions().pop() else {
        panic!("{:?}", phone.decisions())
    };
    assert_eq!(reason.reveal(), "No, I'm in a meeting.");
}

#[tokio::test(start_paused = true)]
async fn keys_decide_at_any_time() {
    let (mut phone, _consult) = briefed();
    phone.run(300).await;
    phone.press('5');
    phone.press('2');
    phone.press('1');
    phone.run(1000).await;
    assert_eq!(phone.decisions(), [Fact::Declined { by: DecidedBy::Dtmf, reason: None }]);
    let (mut phone, _consult) = briefed();
    asked(&mut phone).await;
    phone.press('1');
    phone.run(100).await;
    assert_eq!(phone.decisions(), accepted(DecidedBy::Dtmf));
}

#[tokio::test(start_paused = true)]
async fn a_yes_before_the_question_does_not_count_and_the_briefing_goes_on() {
    let (mut phone, _consult) = briefed();
    phone.run(600).await;
    phone.speak(400);
    asked(&mut phone).await;
    assert_eq!(phone.decisions(), []);
    assert!(phone.said().iter().all(|(_, _, cut)| !cut));
    phone.speak(400);
    phone.until(|f| matches!(f, Fact::Accepted { .. })).await;
}

#[tokio::test(start_paused = true)]
async fn put_them_through_counts_before_the_question() {
    let (mut phone, _consult) = briefed();
    phone.run(600).await;
    phone.speak(1400);
    phone.until(|f| matches!(f, Fact::Accepted { .. })).await;
    assert!(phone.said().iter().any(|(who, _, cut)| *who == Who::Agent && *cut));
}

#[tokio::test(start_paused = true)]
async fn unclear_twice_then_it_only_listens() {
    let (mut phone, _consult) = briefed();
    asked(&mut phone).await;
    for again in lines::consult_again() {
        phone.speak(800);
        phone.until(|f| agent_said(f, again)).await;
    }
    let before = phone.said().len();
    phone.speak(800);
    phone.run(20_000).await;
    assert_eq!(phone.said().len(), before + 1, "the supervisor's words alone");
    assert_eq!(phone.decisions(), []);
    phone.speak(400);
    phone.until(|f| matches!(f, Fact::Accepted { .. })).await;
}

#[tokio::test(start_paused = true)]
async fn silence_is_asked_into_twice() {
    let (mut phone, _consult) = briefed();
    asked(&mut phone).await;
    phone.run(40_000).await;
    let asked = phone.said().iter().filter(|(_, text, _)| lines::consult_again().contains(&text.as_str())).count();
    assert_eq!((asked, phone.decisions()), (2, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_question_is_answered_and_the_decision_asked_for_again() {
    let (mut phone, _consult) = briefed();
    asked(&mut phone).await;
    phone.speak(1000);
    phone.until(|f| agent_said(f, "Jane can't log in since Monday. Are you ready")).await;
    phone.speak(400);
    phone.until(|f| matches!(f, Fact::Accepted { .. })).await;
}

#[tokio::test(start_paused = true)]
async fn a_voicemail_is_no_supervisor() {
    let (mut phone, _consult) = briefed();
    phone.speak(1600);
    phone.until(|f| *f == Fact::Machine).await;
    let silent_from = phone.hears.last().unwrap().0;
    phone.run(8_000).await;
    assert_eq!(phone.heard_agent_after(silent_from), None);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_line_is_said_after_the_decision_and_nothing_after_stop() {
    let (mut phone, consult) = briefed();
    phone.press('1');
    phone.run(100).await;
    let said = tokio::spawn(async move {
        consult.say_fixed(FixedLine::Connecting).await;
        consult
    });
    phone.until(|f| agent_said(f, lines::fixed(FixedLine::Connecting))).await;
    phone.run(100).await;
    let consult = said.await.unwrap();
    consult.stop();
    consult.brief(Private::from("more"), vec![]);
    let stopped = phone.hears.last().unwrap().0 + Duration::from_millis(20);
    phone.run(2_000).await;
    assert_eq!(phone.heard_agent_after(stopped), None);
}
