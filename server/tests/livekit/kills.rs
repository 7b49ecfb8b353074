//! The program is killed, as by a power cut, and started again: in every phase nobody is left without somebody who ends
//! the call, nobody is dialled twice, and the log is whole.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use warmline_call::FixedLine;
use warmline_voice::lines::fixed;

use crate::{
    audio::share_heard,
    world::{CUSTOMER, More, SILENT, SUPERVISOR, Story, World},
};

const NO_ANSWER: &str = "+15550100018";
const SUPERVISOR_RINGS: &str = "+15550100207";
const SUPERVISOR_SILENT: &str = "+15550100212";
const SUPERVISOR_BY_KEY: &str = "+15550100203";

/// From the kill on nobody may be left without an owner for longer.
const OWNED: Duration = Duration::from_secs(30);

/// Kills the program and starts it again.
async fn kill(world: &mut World, story: &mut Story) -> Instant {
    world.program.kill().await;
    let begun = Instant::now();
    world.program.restart().await;
    let took = begun.elapsed();
    println!("ready {took:?} after the restart");
    story.reconnect(&world.program).await;
    begun
}

/// The call ends as one that the program was stopped in; what each phone heard last is that.
async fn ends_politely(world: &World, mut story: Story, since: Instant, told: &[(&str, FixedLine)]) -> Story {
    let ended = story.until_ended().await;
    let took = since.elapsed();
    println!("ended {took:?} after the restart");
    assert!(took < OWNED, "ended after {took:?}");
    assert_eq!(ended["reason"], "server_stopped", "{}", story.told());
    world.until_gone(&story).await;
    let view = world.view(&story).await;
    assert_eq!(view["phase"], "ended", "{view:#}");
    for leg in view["legs"].as_array().unwrap().iter().chain(view["attempts"].as_array().unwrap()) {
        assert_eq!(leg["state"], "left", "{view:#}");
    }
    for (leg, line) in told {
        let heard = world.words(&story, leg).await;
        let share = share_heard(fixed(*line), &heard);
        println!("{leg} heard: {heard}");
        assert!(share > 0.7 && heard.contains("sorry") == fixed(*line).contains("sorry"), "{share}: {heard}");
    }
    story
}

fn dialled(world: &World, numbers: &[(&str, usize)]) {
    for (number, times) in numbers {
        assert_eq!(world.carrier.dials(number), *times, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_customers_phone_rings() {
    let mut world = World::new(&[]).await;
    let mut story = world.place(NO_ANSWER).await;
    story.until_phase("ringing").await;
    let since = kill(&mut world, &mut story).await;
    story.until_ended().await;
    let story = ends_politely(&world, story, since, &[]).await;
    assert_eq!(story.phases(), ["dialing", "ringing", "ended"]);
    dialled(&world, &[(NO_ANSWER, 1)]);
}

/// Between the dial's beginning and the first ring: the dial may even come through after the restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_customer_is_dialled() {
    let mut world = World::new(&[]).await;
    let mut story = Story::listen(&world.program).await;
    let body = json!({"phone_number": NO_ANSWER});
    let post = reqwest::Client::new().post(world.program.url("/calls/outbound-with-escalation")).json(&body).send();
    // It gets no answer.
    let posting = tokio::spawn(post);
    let dialing = story.until_phase("dialing").await;
    story.call = dialing["call"].as_str().unwrap().to_owned();
    let since = kill(&mut world, &mut story).await;
    story.until_ended().await;
    ends_politely(&world, story, since, &[]).await;
    assert!(posting.await.unwrap().is_err(), "nobody has acknowledged it");
    assert!(world.carrier.dials(NO_ANSWER) <= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_agent_talks_with_the_customer() {
    let mut world = World::new(&[]).await;
    let mut story = world.place(SILENT).await;
    story.until("the greeting", |e| e["type"] == "utterance" && e["speaker"] == "agent" && e["final"] == true).await;
    let since = kill(&mut world, &mut story).await;
    let story = ends_politely(&world, story, since, &[("customer", FixedLine::Trouble)]).await;
    assert_eq!(story.phases().last(), Some(&"ended"));
    dialled(&world, &[(SILENT, 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_customer_is_put_on_hold() {
    let mut world = World::new(&[("LIVEKIT_SUPERVISOR_PHONE_NUMBER", SUPERVISOR_RINGS)]).await;
    let mut story = world.escalated().await;
    story.until_phase("on_hold").await;
    let since = kill(&mut world, &mut story).await;
    let story = ends_politely(&world, story, since, &[("customer", FixedLine::Trouble)]).await;
    assert!(!story.phases().contains(&"merged"), "{}", story.told());
    dialled(&world, &[(SILENT, 1)]);
    assert!(world.carrier.dials(SUPERVISOR_RINGS) <= 1, "the restarted program calls nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_supervisors_phone_rings() {
    let mut world = World::new(&[("LIVEKIT_SUPERVISOR_PHONE_NUMBER", SUPERVISOR_RINGS)]).await;
    let mut story = world.escalated().await;
    story.until("it rings", |e| e["leg"] == "supervisor" && e["state"] == "ringing").await;
    let since = kill(&mut world, &mut story).await;
    let story = ends_politely(&world, story, since, &[("customer", FixedLine::Trouble)]).await;
    assert_eq!(cancelled(&story), 1, "{}", story.told());
    let music: Vec<&Value> = story.events.iter().filter(|e| e["type"] == "hold_music").map(|e| &e["playing"]).collect();
    assert_eq!(music, [&json!(true), &json!(false)]);
    dialled(&world, &[(SILENT, 1), (SUPERVISOR_RINGS, 1)]);
}

fn cancelled(story: &Story) -> usize {
    story.events.iter().filter(|e| e["type"] == "transfer_decided" && e["outcome"] == "cancelled").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_supervisor_is_briefed() {
    briefed(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_supervisor_is_briefed_in_a_room_of_their_own() {
    briefed(&[("WARMLINE_LIVEKIT_CONSULT", "own-room")]).await;
}

async fn briefed(more: More<'_>) {
    let more = [&[("LIVEKIT_SUPERVISOR_PHONE_NUMBER", SUPERVISOR_SILENT)], more].concat();
    let mut world = World::new(&more).await;
    let mut story = world.escalated().await;
    story
        .until("the briefing", |e| e["type"] == "utterance" && e["side"] == "consult" && e["speaker"] == "agent")
        .await;
    let since = kill(&mut world, &mut story).await;
    let told = [("customer", FixedLine::Trouble), ("supervisor-1", FixedLine::Cancelled)];
    let story = ends_politely(&world, story, since, &told).await;
    assert_eq!(cancelled(&story), 1, "{}", story.told());
    let to_customer = world.words(&story, "customer").await;
    assert!(share_heard("no longer needs to be connected", &to_customer) < 0.5, "{to_customer}");
    dialled(&world, &[(SILENT, 1), (SUPERVISOR_SILENT, 1)]);
}

/// The supervisor has said yes and the two are about to be connected: whichever comes first, nobody is left alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_two_are_being_connected() {
    let mut world = World::new(&[("LIVEKIT_SUPERVISOR_PHONE_NUMBER", SUPERVISOR_BY_KEY)]).await;
    let mut story = world.escalated().await;
    story.until_phase("merging").await;
    let since = kill(&mut world, &mut story).await;
    let rests = |e: &Value| e["type"] == "phase_changed" && (e["to"] == "merged" || e["to"] == "ended");
    let rest = story.until("it comes to rest", rests).await;
    println!("the call is {}", rest["to"]);
    if rest["to"] == "merged" {
        assert_eq!(world.exchange.open_rooms(), 2, "both are still on the line");
        world.act(&story, "hangup", json!({})).await;
        story.until_ended().await;
        world.until_gone(&story).await;
    } else {
        let told = [("customer", FixedLine::Trouble), ("supervisor-1", FixedLine::Cancelled)];
        ends_politely(&world, story, since, &told).await;
    }
    dialled(&world, &[(SILENT, 1), (SUPERVISOR_BY_KEY, 1)]);
}

/// Both hear each other and the agent takes its leave: that is not in the log yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_agent_takes_its_leave_of_both() {
    let mut world = World::new(&[("LIVEKIT_SUPERVISOR_PHONE_NUMBER", SUPERVISOR_BY_KEY)]).await;
    let mut story = world.escalated().await;
    story.until_phase("merging").await;
    let taking_leave =
        |e: &Value| e["side"] == "call" && e["text"].as_str().is_some_and(|t| t.starts_with("You are on the line"));
    story.until("the last line", taking_leave).await;
    kill(&mut world, &mut story).await;
    story.until_phase("merged").await;
    let view = world.view(&story).await;
    assert_eq!(view["attempts"][0]["outcome"], "connected", "{view:#}");
    assert_eq!(world.exchange.open_rooms(), 2, "both are still on the line");
    world.act(&story, "hangup", json!({})).await;
    assert_eq!(story.until_ended().await["reason"], "operator_hung_up");
    world.until_gone(&story).await;
    dialled(&world, &[(SILENT, 1), (SUPERVISOR_BY_KEY, 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_customer_and_supervisor_talk() {
    let mut world = World::new(&[]).await;
    let mut story = world.place(CUSTOMER).await;
    story.until_phase("merged").await;
    kill(&mut world, &mut story).await;
    assert_eq!(world.view(&story).await["phase"], "merged", "it goes on: {}", story.told());
    let before = story.said("call", "supervisor").len();
    let ended = story.until_ended().await;
    assert_eq!(ended["reason"], "customer_hung_up", "{}", story.told());
    assert!(story.said("call", "supervisor").len() > before, "the restarted program listens: {}", story.told());
    world.until_gone(&story).await;
    dialled(&world, &[(CUSTOMER, 1), (SUPERVISOR, 1)]);
    let said = world.lines(&story, "customer").await;
    assert!(said.len() >= 4, "the customer went on talking to their goodbye: {said:#?}");
}

/// Told to stop a second time, the program says goodbye to whoever needs it, and lets those who talk with each other go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_stopped_lets_customer_and_supervisor_talk_on() {
    let mut world = World::new(&[]).await;
    let mut story = world.place(CUSTOMER).await;
    story.until_phase("merged").await;
    world.program.signal(rustix::process::Signal::TERM);
    world.program.draining().await;
    world.program.signal(rustix::process::Signal::TERM);
    assert_eq!(world.program.ended().await, Some(0));
    world.program.restart().await;
    story.reconnect(&world.program).await;
    assert_eq!(world.view(&story).await["phase"], "merged", "it goes on: {}", story.told());
    let ended = story.until_ended().await;
    assert_eq!(ended["reason"], "customer_hung_up", "{}", story.told());
    world.until_gone(&story).await;
    dialled(&world, &[(CUSTOMER, 1), (SUPERVISOR, 1)]);
}
