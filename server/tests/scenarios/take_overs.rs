//! A person speaks with the customer in the agent's place, over a line of their own, and gives the customer back.

use std::time::Duration;

use futures::StreamExt;
use tokio::{
    sync::oneshot,
    time::{MissedTickBehavior, interval},
};
use warmline::calls::ActError;
use warmline_call::{Action, CallId, EndReason, Event, OperatorAction, Phase, Side, Speaker};
use warmline_telephony::{FRAME_SAMPLES, FRAME_TIME, Line, LineEnd, SILENCE};
use warmline_voice::{TextToSpeech, VoiceStyle, lines};

use crate::{
    audio::{share_heard, words},
    invariants::ended,
    world::{World, has_said},
};

const CUSTOMER: &str = "+15550100001";
const WORDS: &str = "Hello, this is Ann from the office. I am looking at your account now.";

/// Somebody's headset: speaks what it was given as soon as it is on, and keeps what it hears until the line ends.
struct Headset {
    off: oneshot::Sender<()>,
    heard: tokio::task::JoinHandle<(LineEnd, Vec<i16>)>,
}

impl Headset {
    fn on(end: LineEnd, to_say: Vec<i16>) -> Self {
        let (off, mut is_off) = oneshot::channel();
        let heard = tokio::spawn(async move {
            let mut heard = Vec::new();
            let mut said = to_say.chunks_exact(FRAME_SAMPLES);
            let mut ticks = interval(FRAME_TIME);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {
                        let frame = said.next().map_or(SILENCE, |frame| frame.try_into().unwrap());
                        end.hear(frame);
                        heard.extend(end.next_frame());
                    }
                    _ = &mut is_off => return (end, heard),
                    () = end.forsaken() => return (end, heard),
                }
            }
        });
        Self { off, heard }
    }

    /// Taken off; gives what it heard. The line is gone with it.
    async fn take_off(self) -> Vec<i16> {
        let _already_over = self.off.send(());
        self.heard.await.unwrap().1
    }
}

async fn spoken(world: &World, text: &str) -> Vec<i16> {
    let style = VoiceStyle { language: "en".into(), emotion: "Calm".into(), voice: 2 };
    let mut chunks = world.tts.speak(text, &style);
    let mut audio = Vec::new();
    while let Some(chunk) = chunks.next().await {
        audio.extend_from_slice(&chunk.unwrap());
    }
    audio
}

/// A call in which the customer has told their problem, and Ann has taken over.
async fn taken_over(world: &World) -> (CallId, Headset) {
    let voice = spoken(world, WORDS).await;
    let call = world.call(CUSTOMER).await;
    world.until(&call, "the problem", |v| has_said(v, Speaker::Customer, "")).await;
    let (line, end) = Line::new();
    let view = world.calls.take_over(&call, line, "Ann".into()).await.unwrap();
    assert_eq!(view.taken_over_by, None, "her microphone is not there yet");
    let headset = Headset::on(end, voice);
    world.until(&call, "Ann", |v| v.taken_over_by.as_deref() == Some("Ann")).await;
    (call, headset)
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_takes_over_is_heard_hears_and_gives_back() {
    let world = World::new().await;
    let (call, headset) = taken_over(&world).await;
    let (line, _end) = Line::new();
    match world.calls.take_over(&call, line, "Bob".into()).await {
        Err(ActError::Rejected(why)) => {
            assert!(why.detail.starts_with("Ann speaks with the customer"), "{}", why.detail)
        }
        other => panic!("{other:?}"),
    }
    // The persona has heard a voice, and asks for a person: it talks with one, so that nothing comes of it.
    let view = world.until(&call, "the wish", |v| has_said(v, Speaker::Customer, "person")).await;
    assert_eq!((view.phase, view.escalation), (Phase::Conversing, None));
    let ann: Vec<_> = view.transcript.iter().filter(|l| l.speaker == Speaker::Supervisor).collect();
    assert!(ann.iter().all(|line| line.side == Side::Call));
    let said = ann.iter().map(|line| line.text.reveal().as_str()).collect::<Vec<_>>().join(" ");
    assert!(share_heard(WORDS, &said) > 0.7, "{said}\n{}", world.story(&call).await);
    let wish = view.transcript.iter().rev().find(|l| l.speaker == Speaker::Customer).unwrap().text.reveal().clone();

    let view = world.act(&call, OperatorAction::GiveBack).await.unwrap();
    assert_eq!(view.taken_over_by, None);
    let heard_by_ann = headset.take_off().await;
    let heard_by_ann = words(&world.stt, &heard_by_ann).await;
    assert!(share_heard(&wish, &heard_by_ann) > 0.7, "Ann heard {heard_by_ann:?}, the customer said {wish:?}");
    world.until_said(&call, lines::back_again()).await;
    world.act(&call, OperatorAction::Hangup).await.unwrap();

    let view = ended(&world, &call).await;
    assert_eq!(view.end.unwrap().reason, EndReason::OperatorHungUp);
    let acts: Vec<_> = view.acts.iter().map(|act| (act.action, act.by.as_str())).collect();
    assert_eq!(acts, [(Action::TakeOver, "Ann"), (Action::GiveBack, "console"), (Action::Hangup, "console")]);
    let heard_by_customer = words(&world.stt, &world.recording(&call, "customer", "heard").await).await;
    assert!(share_heard(WORDS, &heard_by_customer) > 0.7, "the customer heard {heard_by_customer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_headset_that_is_taken_off_leaves_no_customer_alone() {
    let world = World::new().await;
    let (call, headset) = taken_over(&world).await;
    headset.take_off().await;
    world.until_said(&call, lines::back_again()).await;
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    let view = ended(&world, &call).await;
    let back = view.acts.iter().find(|act| act.action == Action::GiveBack).unwrap();
    let why = back.reason.as_ref().map(|reason| reason.reveal().as_str());
    assert_eq!((back.by.as_str(), why), ("Ann", Some("the connection was lost")));
}

#[tokio::test(start_paused = true)]
async fn a_microphone_that_never_comes_takes_nobody_over_and_a_mute_one_not_for_long() {
    let world = World::new().await;
    let call = world.call(CUSTOMER).await;
    world.until(&call, "the problem", |v| has_said(v, Speaker::Customer, "")).await;
    let (line, end) = Line::new();
    world.calls.take_over(&call, line, "Ann".into()).await.unwrap();
    // The line is let go of, while the agent has gone on with the customer.
    end.forsaken().await;
    assert_eq!(world.calls.store().view(&call).await.unwrap().acts, []);
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    ended(&world, &call).await;

    let call = world.call(CUSTOMER).await;
    world.until(&call, "the problem", |v| has_said(v, Speaker::Customer, "")).await;
    let (line, end) = Line::new();
    world.calls.take_over(&call, line, "Ann".into()).await.unwrap();
    let headset = Headset::on(end, Vec::new());
    world.until(&call, "Ann", |v| v.taken_over_by.is_some()).await;
    world.until_said(&call, lines::back_again()).await;
    headset.heard.await.unwrap();
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    ended(&world, &call).await;
}

#[tokio::test(start_paused = true)]
async fn the_line_ends_with_the_call() {
    let world = World::new().await;
    let (call, headset) = taken_over(&world).await;
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    let over = tokio::time::timeout(Duration::from_secs(5), headset.heard).await;
    assert!(over.is_ok(), "the line of whoever took over must end");
    let view = ended(&world, &call).await;
    assert_eq!(view.taken_over_by, None);
}

#[tokio::test(start_paused = true)]
async fn everybody_sees_who_listens() {
    let world = World::new().await;
    let call = world.call(CUSTOMER).await;
    world.until_phase(&call, Phase::Conversing).await;
    let ann = world.calls.listen(&call, "Ann".into()).await.unwrap();
    let _bob = world.calls.listen(&call, "Bob".into()).await.unwrap();
    drop(ann);
    world.until(&call, "Ann to be gone", |v| v.listeners == ["Bob"]).await;
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    let view = ended(&world, &call).await;
    assert_eq!((view.listeners, view.acts.len()), (vec![], 1));
    let heard_of =
        |r: &&warmline_call::Recorded| matches!(&r.event, Event::OperatorActed { action: Action::Listen, .. });
    assert_eq!(world.events(&call).await.iter().filter(heard_of).count(), 2);
}
