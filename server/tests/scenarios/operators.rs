//! People act on a call from the console or over REST.

use warmline::calls::ActError;
use warmline_call::{
    Action, CallId, DecidedBy, EndReason, Event, LegState, OperatorAction, Phase, Private, Side, Speaker,
    TransferOutcome,
};

use crate::{
    audio::{share_heard, words},
    invariants::ended,
    world::World,
};

const SILENT: &str = "+15550100007";

fn escalate() -> OperatorAction {
    OperatorAction::Escalate { reason: Private::from("a refund") }
}

#[tokio::test(start_paused = true)]
async fn an_operator_speaks_through_the_agent_and_takes_the_call_over() {
    let world = World::new().await;
    let unknown = world.calls.act(&CallId::from_bits(1), OperatorAction::Hangup, "api".into()).await;
    assert!(matches!(unknown, Err(ActError::Unknown)));

    let call = world.call(SILENT).await;
    world.until_phase(&call, Phase::Conversing).await;
    let rejected = world.act(&call, OperatorAction::Accept).await.unwrap_err();
    assert_eq!(rejected.phase, Phase::Conversing);
    assert!(rejected.detail.contains("conversing"), "{}", rejected.detail);
    let note = OperatorAction::Instruct { text: Private::from("Mention elephants and umbrellas.") };
    world.act(&call, note).await.unwrap();
    world.act(&call, OperatorAction::Say { text: Private::from("Your parcel arrives on Friday.") }).await.unwrap();
    world.until_said(&call, "Your parcel arrives on Friday.").await;

    world.act(&call, escalate()).await.unwrap();
    let rejected = world.act(&call, escalate()).await.unwrap_err();
    assert_eq!(rejected.phase, Phase::OnHold);
    assert!(rejected.detail.contains("already under way"), "{}", rejected.detail);
    world.until_phase(&call, Phase::Briefing).await;
    let view = world.act(&call, OperatorAction::Accept).await.unwrap();
    assert_eq!(view.phase, Phase::Merging);
    let rejected = world.act(&call, OperatorAction::Decline { reason: None }).await.unwrap_err();
    assert!(rejected.detail.contains("accepted by console"), "{}", rejected.detail);
    world.until_phase(&call, Phase::Merged).await;
    world.act(&call, OperatorAction::Hangup).await.unwrap();

    let view = ended(&world, &call).await;
    assert_eq!(view.end.unwrap().reason, EndReason::OperatorHungUp);
    let attempt = &view.attempts[0];
    assert_eq!((attempt.outcome, attempt.by), (Some(TransferOutcome::Connected), Some(DecidedBy::Console)));
    let acted: Vec<Action> = world
        .events(&call)
        .await
        .iter()
        .filter_map(|r| match &r.event {
            Event::OperatorActed { action, .. } => Some(*action),
            _ => None,
        })
        .collect();
    assert_eq!(acted, [Action::Instruct, Action::Say, Action::Escalate, Action::Accept, Action::Hangup]);
    let heard = words(&world.stt, &world.recording(&call, "customer", "heard").await).await;
    assert!(share_heard("your parcel arrives on Friday", &heard) > 0.7, "{heard}");
    assert!(share_heard("elephants umbrellas", &heard) == 0.0, "a note was heard: {heard}");
}

#[tokio::test(start_paused = true)]
async fn an_operator_declines_for_the_supervisor_and_the_next_is_called() {
    let world = World::supervised_by(&["+15550100002", "+15550100215"]).await;
    let call = world.escalated(SILENT).await;
    world.until_phase(&call, Phase::Briefing).await;
    let reason = Some(Private::from("wrong department"));
    let view = world.act(&call, OperatorAction::Decline { reason: reason.clone() }).await.unwrap();
    assert_eq!((view.phase, view.hold_music), (Phase::CallingSupervisor, true));
    world
        .until(&call, "the second phone rings", |v| v.attempts.len() == 2 && v.attempts[1].state == LegState::Ringing)
        .await;
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    let view = ended(&world, &call).await;
    let [one, two] = view.attempts.as_slice() else { panic!("{}", world.story(&call).await) };
    assert_eq!((one.outcome, one.by), (Some(TransferOutcome::Declined), Some(DecidedBy::Console)));
    assert_eq!(one.reason, reason);
    assert_eq!((two.outcome, two.by), (Some(TransferOutcome::Cancelled), Some(DecidedBy::Console)));
}

#[tokio::test(start_paused = true)]
async fn an_operator_hangs_up_in_every_phase() {
    let world = World::supervised_by(&["+15550100203"]).await;
    for phase in [
        Phase::Dialing,
        Phase::Ringing,
        Phase::Conversing,
        Phase::OnHold,
        Phase::CallingSupervisor,
        Phase::Briefing,
        Phase::Merging,
    ] {
        let call = if phase < Phase::OnHold { world.call(SILENT).await } else { world.escalated(SILENT).await };
        if phase != Phase::Dialing {
            world.until_phase(&call, phase).await;
        }
        world.act(&call, OperatorAction::Hangup).await.unwrap();
        let view = ended(&world, &call).await;
        let story = world.story(&call).await;
        assert_eq!(view.end.unwrap().reason, EndReason::OperatorHungUp, "{phase}:\n{story}");
        let phases = world.phases(&call).await;
        let Some([before, Phase::Ended]) = phases.last_chunk() else { panic!("{phase}:\n{story}") };
        // A phone that is dialled may ring before anybody can act.
        let rings = phase == Phase::Dialing && *before == Phase::Ringing;
        assert!(*before == phase || rings, "{phase}:\n{story}");
        let rejected = world.act(&call, OperatorAction::Hangup).await.unwrap_err();
        assert_eq!(rejected.phase, Phase::Ended);
    }
}

#[tokio::test(start_paused = true)]
async fn a_voice_and_an_operator_accept_at_once_and_one_of_them_wins() {
    let world = World::new().await;
    let call = world.escalated(SILENT).await;
    // The supervisor has begun to say yes; it is not decided what they mean yet.
    world
        .until(&call, "the supervisor's answer", |view| {
            let is_answer = |l: &warmline_call::Line| {
                l.side == Side::Consult
                    && l.speaker == Speaker::Supervisor
                    && l.text.reveal().to_lowercase().contains("yes")
            };
            view.transcript.iter().any(is_answer)
        })
        .await;
    let console = world.act(&call, OperatorAction::Accept).await;
    world.until_phase(&call, Phase::Merged).await;
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    let view = ended(&world, &call).await;
    let by = view.attempts[0].by.unwrap();
    match console {
        Ok(_) => assert_eq!(by, DecidedBy::Console),
        Err(rejected) => {
            assert_eq!(by, DecidedBy::Voice);
            assert!(rejected.detail.contains("accepted by voice"), "{}", rejected.detail);
        }
    }
}
