//! The whole warm transfer, heard at both phones.

use warmline_call::{EndReason, Event, Leg, LegState, Phase, RequestedBy, Side, Speaker, TransferOutcome};

use crate::{
    audio::{RATE, bag, music, share_heard, word_error_rate, words},
    world::{PersonaLine, World},
};

#[tokio::test(start_paused = true)]
async fn a_customer_asks_for_a_human_and_gets_one_warm() {
    let world = World::new().await;
    let call = world.call("+15550100001").await;
    let view = world.ended(&call).await;
    let story = world.story(&call).await;

    // Every phase, in order, once.
    let expected = [
        Phase::Dialing,
        Phase::Ringing,
        Phase::Conversing,
        Phase::OnHold,
        Phase::CallingSupervisor,
        Phase::Briefing,
        Phase::Merging,
        Phase::Merged,
        Phase::Ended,
    ];
    assert_eq!(world.phases(&call).await, expected, "{story}");
    let [attempt] = view.attempts.as_slice() else { panic!("one attempt, not {:?}", view.attempts) };
    assert_eq!(attempt.outcome, Some(TransferOutcome::Connected));
    assert_eq!(attempt.by.unwrap().as_str(), "voice");
    let end = view.end.clone().unwrap();
    assert!(matches!(end.reason, EndReason::CustomerHungUp | EndReason::SupervisorHungUp), "{end:?}");
    assert!(end.talk_s > 20.0 && end.hold_s > 3.0 && end.time_to_human_s.unwrap() > 5.0, "{end:?}");

    // The customer asked, in their own words, and the log knows who did.
    let events = world.events(&call).await;
    let asked = events.iter().find_map(|r| match &r.event {
        Event::EscalationRequested { by, .. } => Some(*by),
        _ => None,
    });
    assert_eq!(asked, Some(RequestedBy::Customer));
    for (before, after) in events.iter().zip(&events[1..]) {
        assert_eq!(before.seq + 1, after.seq, "the only call's events are gap-free");
        assert!(before.at <= after.at);
    }
    for leg in [Leg::Customer, Leg::Supervisor] {
        let states: Vec<_> = events
            .iter()
            .filter_map(|r| match &r.event {
                Event::LegChanged { leg: whose, state, .. } if *whose == leg => Some(*state),
                _ => None,
            })
            .collect();
        assert_eq!(states, [LegState::Dialing, LegState::Ringing, LegState::Answered, LegState::Left], "{leg}");
    }

    // What was recognised is what was said.
    let said: Vec<String> = texts(world.lines(&call, "customer").await);
    let recognised: Vec<String> = view
        .transcript
        .iter()
        .filter(|line| line.speaker == Speaker::Customer)
        .map(|line| line.text.reveal().clone())
        .collect();
    let wer = word_error_rate(&said.join(" "), &recognised.join(" "));
    println!("customer's word error rate in the transcript: {:.1} %", wer * 100.0);
    assert!(wer <= 0.15, "said {said:?}\nrecognised {recognised:?}");

    // The briefing is made of what this customer really said.
    let briefing = view.briefing.clone().unwrap();
    let summary = bag(briefing.summary.reveal());
    let own_words = bag(&said.join(" "));
    assert!(
        summary.iter().filter(|w| w.len() > 4 && own_words.contains(w)).count() >= 2,
        "{}",
        briefing.summary.reveal()
    );

    // The two conversations are apart in the transcript too.
    let consult: Vec<_> = view.transcript.iter().filter(|l| l.side == Side::Consult).collect();
    assert!(consult.iter().any(|l| l.speaker == Speaker::Supervisor));
    assert!(consult.iter().all(|l| l.speaker != Speaker::Customer));

    // At the customer's phone: the agent, then music and nothing but music, then the supervisor.
    let heard = world.recording(&call, "customer", "heard").await;
    let (began, lasted) = music(&heard, &world.music).expect("hold music at the customer's phone");
    println!("hold music lasted {lasted:.1} s of {:.1} s on hold", end.hold_s);
    assert!((lasted - end.hold_s).abs() < 1.0, "music {lasted} s, hold {} s", end.hold_s);
    let before = words(&world.stt, &heard[..began]).await;
    let after = words(&world.stt, &heard[began + (lasted * RATE as f64) as usize..]).await;
    assert!(share_heard("please hold while I connect you to a human agent", &before) > 0.8, "{before}");
    assert!(share_heard("you are on the line with my supervisor I'll be hanging up now", &after) > 0.8, "{after}");
    let supervisor_said = texts(world.lines(&call, "supervisor-1").await);
    let after_merge = supervisor_said.last().unwrap();
    assert!(share_heard(after_merge, &after) > 0.6, "supervisor said {after_merge:?}, customer heard {after:?}");

    // At the supervisor's phone: the briefing and no music, then the customer.
    let heard = world.recording(&call, "supervisor-1", "heard").await;
    assert!(music(&heard, &world.music).is_none(), "the supervisor heard hold music");
    let understood = words(&world.stt, &heard).await;
    assert!(share_heard("hello I have a customer who needs assistance", &understood) > 0.8, "{understood}");
    assert!(share_heard("are you ready to take this call", &understood) > 0.8, "{understood}");
    assert!(share_heard("connecting you to the customer now", &understood) > 0.6, "{understood}");
    let thanks = said.last().unwrap();
    assert!(share_heard(thanks, &understood) > 0.6, "customer said {thanks:?}, supervisor heard {understood:?}");
}

fn texts(lines: Vec<PersonaLine>) -> Vec<String> {
    lines.into_iter().map(|line| line.text).collect()
}
