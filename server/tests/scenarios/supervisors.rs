//! How transfers come out, by supervisor. The customer says nothing; an operator escalates.

use warmline_call::{DecidedBy, EndReason, Event, OperatorAction, Phase, TransferOutcome};
use warmline_voice::lines::no_human_because;

use crate::{
    audio::{RATE, longest_silence, music, share_heard, words},
    invariants::ended,
    world::{World, has_said},
};

const SILENT: &str = "+15550100007";
const ACCEPTS_BY_KEY: &str = "+15550100203";

/// A transfer that fails: decided once, the music stops, the customer is told why and the conversation goes on.
async fn fails(supervisor: &'static str, outcome: TransferOutcome, by: DecidedBy) {
    let world = World::supervised_by(&[supervisor]).await;
    let call = world.escalated(SILENT).await;
    let cause = no_human_because(outcome);
    let told = world.until_said(&call, cause).await;
    assert_eq!((told.phase, told.hold_music), (Phase::Conversing, false));
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    let view = ended(&world, &call).await;
    let story = world.story(&call).await;

    let [attempt] = view.attempts.as_slice() else { panic!("one attempt:\n{story}") };
    assert_eq!((attempt.outcome, attempt.by), (Some(outcome), Some(by)), "{story}");
    let phases = world.phases(&call).await;
    assert!(phases.ends_with(&[Phase::Conversing, Phase::Ended]), "{phases:?}");
    let end = view.end.unwrap();
    assert_eq!(end.reason, EndReason::OperatorHungUp);

    let heard = world.recording(&call, "customer", "heard").await;
    // Some fail before a second of the music has played.
    let back = match music(&heard, &world.music) {
        Some((began, lasted)) => {
            assert!((lasted - end.hold_s).abs() < 1.0, "music for {lasted} s of {} s on hold", end.hold_s);
            began + (lasted * RATE as f64) as usize
        }
        None => {
            assert!(end.hold_s < 1.5, "no music in {} s on hold", end.hold_s);
            0
        }
    };
    // The agent, the music, the agent: never nothing.
    let silence = longest_silence(&heard);
    assert!(silence < 3.0, "the customer heard nothing for {silence} s:\n{story}");
    let after = words(&world.stt, &heard[back..]).await;
    assert!(share_heard(cause, &after) > 0.7, "not told '{cause}' but '{after}'");
}

macro_rules! failing {
    ($($name:ident: $number:literal, $outcome:ident, $by:ident;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            fails($number, TransferOutcome::$outcome, DecidedBy::$by).await;
        }
    )*};
}

failing! {
    a_supervisor_declines_by_voice: "+15550100204", Declined, Voice;
    a_supervisor_presses_2: "+15550100205", Declined, Dtmf;
    a_supervisor_is_busy: "+15550100206", Busy, Network;
    a_supervisor_does_not_answer: "+15550100207", NoAnswer, Network;
    a_supervisor_is_unreachable: "+15550100208", Unreachable, Network;
    a_supervisors_voicemail_answers: "+15550100209", Voicemail, Network;
    a_supervisor_hangs_up_in_the_briefing: "+15550100210", HungUp, Network;
    a_supervisor_is_unclear: "+15550100211", DecisionTimeout, Timeout;
    a_supervisor_is_silent: "+15550100212", DecisionTimeout, Timeout;
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_presses_1() {
    let world = World::supervised_by(&[ACCEPTS_BY_KEY]).await;
    let call = world.escalated(SILENT).await;
    world.until_phase(&call, Phase::Merged).await;
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    let view = ended(&world, &call).await;
    assert_eq!(
        (view.attempts[0].outcome, view.attempts[0].by),
        (Some(TransferOutcome::Connected), Some(DecidedBy::Dtmf))
    );
    assert_eq!(view.end.unwrap().reason, EndReason::OperatorHungUp);
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_asks_a_question_first() {
    let world = World::supervised_by(&["+15550100213"]).await;
    let call = world.escalated(SILENT).await;
    world.until_phase(&call, Phase::Merged).await;
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    let view = ended(&world, &call).await;
    assert_eq!(
        (view.attempts[0].outcome, view.attempts[0].by),
        (Some(TransferOutcome::Connected), Some(DecidedBy::Voice))
    );
    // The customer's name is the answer to 'Who is it?'.
    let heard = words(&world.stt, &world.recording(&call, "supervisor-1", "heard").await).await;
    assert!(heard.contains("John"), "{heard}");
    assert!(heard.matches("this call").count() >= 2, "the question is put again: {heard}");
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_hangs_up_first_after_the_merge() {
    let world = World::supervised_by(&["+15550100214"]).await;
    let call = world.escalated(SILENT).await;
    let view = ended(&world, &call).await;
    assert_eq!(view.attempts[0].outcome, Some(TransferOutcome::Connected));
    assert_eq!(view.end.unwrap().reason, EndReason::SupervisorHungUp);
}

/// Two supervisors: the first does not take it, the second does. One hold, one piece of music, nothing said between.
async fn second_takes_it(first: &'static str, outcome: TransferOutcome, by: DecidedBy) {
    let world = World::supervised_by(&[first, ACCEPTS_BY_KEY]).await;
    let call = world.escalated(SILENT).await;
    world.until_phase(&call, Phase::Merged).await;
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    let view = ended(&world, &call).await;
    let story = world.story(&call).await;
    let [one, two] = view.attempts.as_slice() else { panic!("two attempts:\n{story}") };
    assert_eq!((one.outcome, one.by), (Some(outcome), Some(by)), "{story}");
    assert_eq!((two.outcome, two.by), (Some(TransferOutcome::Connected), Some(DecidedBy::Dtmf)), "{story}");
    let number = |attempt: &warmline_call::Attempt| attempt.supervisor_phone.clone().unwrap().into_inner();
    assert_eq!((number(one).as_str(), number(two).as_str()), (first, ACCEPTS_BY_KEY));
    let events = world.events(&call).await;
    let holds = events.iter().filter(|r| matches!(r.event, Event::HoldMusic { playing: true })).count();
    assert_eq!(holds, 1, "{story}");
    assert!(!has_said(&view, warmline_call::Speaker::Agent, no_human_because(outcome)), "{story}");
    let (_, lasted) = music(&world.recording(&call, "customer", "heard").await, &world.music).unwrap();
    let hold_s = view.end.unwrap().hold_s;
    assert!((lasted - hold_s).abs() < 1.0, "music for {lasted} s of {hold_s} s on hold");
}

#[tokio::test(start_paused = true)]
async fn a_second_supervisor_takes_over_from_a_busy_one() {
    second_takes_it("+15550100206", TransferOutcome::Busy, DecidedBy::Network).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_supervisor_takes_over_from_one_who_declines() {
    second_takes_it("+15550100204", TransferOutcome::Declined, DecidedBy::Voice).await;
}
