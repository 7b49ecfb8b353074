//! How customers are, and how their calls end.

use warmline_call::{
    CallView, DecidedBy, EndReason, Event, LegState, OperatorAction, Phase, RequestedBy, Speaker, TransferOutcome,
    VoicemailPolicy,
};
use warmline_voice::lines::{no_human_because, offer_human};

use crate::{
    audio::{share_heard, words},
    invariants::ended,
    world::{Wishes, World, has_said, order},
};

const BUSY_SUPERVISOR: &str = "+15550100206";
const LATE_SUPERVISOR: &str = "+15550100215";

#[tokio::test(start_paused = true)]
async fn nobody_answers_in_six_ways() {
    let world = World::new().await;
    for (number, reason, status) in [
        ("+15550100017", EndReason::Busy, 486),
        ("+15550100018", EndReason::NoAnswer, 408),
        ("+15550100019", EndReason::Declined, 603),
        ("+15550100020", EndReason::Unreachable, 480),
        ("+15550100021", EndReason::InvalidNumber, 404),
        ("+15550100022", EndReason::TrunkFailure, 503),
    ] {
        let call = world.call(number).await;
        let view = ended(&world, &call).await;
        let end = view.end.unwrap();
        assert_eq!(end.reason, reason, "{number}: {}", end.detail);
        assert!(end.detail.contains(&status.to_string()), "{}", end.detail);
        assert_eq!((view.legs[0].state, view.legs[0].sip_status), (LegState::Left, Some(status)));
        assert!(view.transcript.is_empty() && view.attempts.is_empty() && end.talk_s == 0.0);
    }
}

/// What a machine hears before its tone is over, and after.
async fn voicemail(policy: VoicemailPolicy) -> (String, String) {
    let world = World::with(Wishes { voicemail: policy, ..Wishes::default() }).await;
    let call = world.call("+15550100016").await;
    let view = ended(&world, &call).await;
    assert_eq!(view.end.unwrap().reason, EndReason::Voicemail, "{}", world.story(&call).await);
    assert!(view.attempts.is_empty(), "a machine is never escalated");
    let heard = world.recording(&call, "customer", "heard").await;
    let lines = world.lines(&call, "customer").await;
    let tone = lines.iter().find(|line| line.text == "(beep)").map_or(heard.len(), |line| line.end.min(heard.len()));
    (words(&world.stt, &heard[..tone]).await, words(&world.stt, &heard[tone..]).await)
}

const MESSAGE: &str = "this is an automated call I'm sorry I missed you we will try again later";

#[tokio::test(start_paused = true)]
async fn a_voicemail_is_hung_up_on() {
    let (before, after) = voicemail(VoicemailPolicy::HangUp).await;
    assert!(share_heard(MESSAGE, &before) < 0.5, "{before}");
    assert_eq!(after, "", "it is not even waited for the tone");
}

#[tokio::test(start_paused = true)]
async fn a_voicemail_is_left_a_message_after_its_tone() {
    let (before, after) = voicemail(VoicemailPolicy::LeaveMessage).await;
    assert!(share_heard(MESSAGE, &before) < 0.5, "{before}");
    assert!(share_heard(MESSAGE, &after) > 0.9, "{after}");
}

#[tokio::test(start_paused = true)]
async fn a_customer_who_needs_no_human_says_goodbye() {
    let world = World::new().await;
    let call = world.call("+15550100004").await;
    let view = ended(&world, &call).await;
    assert_eq!(view.end.unwrap().reason, EndReason::Completed, "{}", world.story(&call).await);
    assert_eq!(world.phases(&call).await, [Phase::Dialing, Phase::Ringing, Phase::Conversing, Phase::Ended]);
    let heard = words(&world.stt, &world.recording(&call, "customer", "heard").await).await;
    assert!(share_heard("thank you for your time goodbye", &heard) > 0.7, "{heard}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_customer_is_asked_and_then_given_up() {
    let world = World::new().await;
    let call = world.call("+15550100007").await;
    let view = ended(&world, &call).await;
    assert_eq!(view.end.unwrap().reason, EndReason::MediaLost, "{}", world.story(&call).await);
    let heard = words(&world.stt, &world.recording(&call, "customer", "heard").await).await;
    assert!(share_heard("are you still there", &heard) > 0.7, "{heard}");
}

/// Calls until the customer is on hold by their own wish, and ends the call there.
async fn asks_for_a_human(number: &'static str) -> CallView {
    let world = World::supervised_by(&[LATE_SUPERVISOR]).await;
    let call = world.call(number).await;
    world.until_phase(&call, Phase::CallingSupervisor).await;
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    let view = ended(&world, &call).await;
    let asked = world.events(&call).await.iter().find_map(|r| match &r.event {
        Event::EscalationRequested { by, .. } => Some(*by),
        _ => None,
    });
    assert_eq!(asked, Some(RequestedBy::Customer), "{}", world.story(&call).await);
    assert_eq!(view.attempts[0].outcome, Some(TransferOutcome::Cancelled));
    view
}

fn lines(view: &CallView, who: Speaker) -> Vec<String> {
    view.transcript.iter().filter(|l| l.speaker == who).map(|l| l.text.reveal().to_lowercase()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_customer_asks_in_other_words() {
    asks_for_a_human("+15550100003").await;
}

#[tokio::test(start_paused = true)]
async fn a_customer_says_yes_to_the_offer() {
    let view = asks_for_a_human("+15550100005").await;
    assert!(has_said(&view, Speaker::Agent, offer_human()), "{:?}", lines(&view, Speaker::Agent));
    assert!(lines(&view, Speaker::Customer).last().unwrap().contains("yes"));
}

#[tokio::test(start_paused = true)]
async fn a_customer_who_interrupts_is_let_speak() {
    let view = asks_for_a_human("+15550100006").await;
    let cut: Vec<_> = view
        .transcript
        .iter()
        .filter(|l| l.speaker == Speaker::Agent && l.interrupted)
        .map(|l| l.text.reveal())
        .collect();
    assert!(!cut.is_empty(), "nobody was interrupted");
    assert!(cut.iter().all(|text| !text.ends_with(['.', '?', '!'])), "not what was heard: {cut:?}");
}

#[tokio::test(start_paused = true)]
async fn a_customer_on_a_noisy_line_is_understood() {
    let view = asks_for_a_human("+15550100023").await;
    let said = lines(&view, Speaker::Customer).join(" ");
    assert!(share_heard("I have a problem with my account I was charged twice", &said) > 0.8, "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_talker_is_understood() {
    let world = World::new().await;
    let call = world.call("+15550100008").await;
    world.until_said(&call, offer_human()).await;
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    let view = ended(&world, &call).await;
    let said = lines(&view, Speaker::Customer).join(" ");
    assert!(share_heard("the account that I have with you I think I was charged twice", &said) > 0.8, "{said}");
}

#[tokio::test(start_paused = true)]
async fn never_mind_on_hold_calls_the_transfer_off() {
    let world = World::supervised_by(&[LATE_SUPERVISOR]).await;
    let call = world.call("+15550100010").await;
    let view = ended(&world, &call).await;
    let story = world.story(&call).await;
    let attempt = &view.attempts[0];
    assert_eq!((attempt.outcome, attempt.by), (Some(TransferOutcome::Cancelled), Some(DecidedBy::Voice)), "{story}");
    assert!(has_said(&view, Speaker::Agent, no_human_because(TransferOutcome::Cancelled)), "{story}");
    assert!(
        world.phases(&call).await.ends_with(&[Phase::CallingSupervisor, Phase::Conversing, Phase::Ended]),
        "{story}"
    );
    assert_eq!(view.end.unwrap().reason, EndReason::Completed, "{story}");
}

#[tokio::test(start_paused = true)]
async fn the_standard_call_has_no_human() {
    let world = World::supervised_by(&[BUSY_SUPERVISOR]).await;
    let call = world.place(warmline::calls::Order { escalation: false, ..order("+15550100001") }).await;
    world.until_said(&call, "no human can be reached").await;
    let rejected = world.act(&call, OperatorAction::Escalate { reason: "".into() }).await.unwrap_err();
    assert_eq!(rejected.phase, Phase::Conversing);
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    let view = ended(&world, &call).await;
    assert!(view.attempts.is_empty() && !view.escalation_enabled);
    let asked = |r: &warmline_call::Recorded| matches!(r.event, Event::EscalationRequested { .. });
    assert!(!world.events(&call).await.iter().any(asked));
    let heard = words(&world.stt, &world.recording(&call, "customer", "heard").await).await;
    assert!(share_heard("no human can be reached", &heard) > 0.7, "{heard}");
}
