//! The network between the program and the people it talks with fails, and comes back or does not.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    audio::share_heard,
    world::{Story, World},
};

const NUMBER: &str = "+15550100077";
const AGAIN: &str = "Good. I can hear you clearly once more.";

/// Half a minute of trying, and what a busy machine adds.
const GIVEN_UP: Duration = Duration::from_secs(45);

fn media(state: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == "media_changed" && event["state"] == state
}

/// The agent has greeted the customer, and the server is gone.
async fn loses_its_server(world: &World) -> Story {
    let mut story = world.place(NUMBER).await;
    story.until("the greeting", |e| e["type"] == "utterance" && e["speaker"] == "agent" && e["final"] == true).await;
    world.server.kill();
    story.until("the console says so", media("degraded")).await;
    let view = world.view(&story).await;
    assert_eq!((&view["degraded"], &view["phase"]), (&json!(true), &json!("conversing")));
    story
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_started_again_costs_a_call_some_seconds() {
    let world = World::new(&[]).await;
    let phone = world.phone(NUMBER);
    let asks = world.speak("Could I please talk to a human being?").await;
    let mut story = loses_its_server(&world).await;
    world.server.run().await;
    let back = Instant::now();
    story.until("it is back", media("restored")).await;
    println!("restored {:?} after the server was there again", back.elapsed());
    assert_eq!(world.view(&story).await["degraded"], false);
    world.until_back(&story).await;
    world.act(&story, "say", json!({ "text": AGAIN })).await;
    story.until("it is said", |e| e["speaker"] == "agent" && e["final"] == true && e["text"] == AGAIN).await;
    phone.say(&asks);
    let asked = story.until("it is heard", |e| e["type"] == "escalation_requested").await;
    assert_eq!(asked["by"], "customer", "{}", story.told());
    phone.handle.hang_up();
    assert_eq!(story.until_ended().await["reason"], "customer_hung_up", "{}", story.told());
    world.until_gone(&story).await;
    let heard = world.words(&story, "customer").await;
    assert!(share_heard(AGAIN, &heard) > 0.7, "{heard}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stays_away_ends_its_calls() {
    let world = World::new(&[]).await;
    let _phone = world.phone(NUMBER);
    let mut story = loses_its_server(&world).await;
    let lost = Instant::now();
    let ended = story.until_ended().await;
    println!("given up {:?} after the loss", lost.elapsed());
    assert!(lost.elapsed() < GIVEN_UP, "{:?}", lost.elapsed());
    assert_eq!(ended["reason"], "media_lost", "{}", story.told());
    assert_eq!(world.view(&story).await["degraded"], false);
}
