//! The program on a real LiveKit server, in real time, with personas as its callees: started as a user starts it, killed
//! as power cuts kill it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "tests, with helpers of others"
)]

#[path = "../scenarios/audio.rs"]
mod audio;
mod captions;
#[path = "../program/kills/checks.rs"]
mod checks;
#[path = "../program/kills/crowd.rs"]
mod crowd;
mod front;
mod kills;
mod network;
#[path = "../program/phone.rs"]
mod phone;
mod points;
#[path = "../program/program.rs"]
mod program;
#[path = "../../../crates/livekit/tests/server/common/server.rs"]
mod server;
mod take_over;
#[path = "../program/kills/told.rs"]
mod told;
mod whole;
mod world;

use crate::{
    program::Program,
    server::Server,
    world::{CUSTOMER, Story, settings},
};

/// Kept for the server's helpers.
fn show_log() {}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_escalation_over_livekit_from_the_first_ring_to_the_last_word() {
    let server = Server::start().await;
    let program = Program::start_with(settings(&server, &[("WARMLINE_CARRIER", "simulated")])).await;
    program.ready().await;
    let mut story = Story::begin(&program, CUSTOMER).await;
    let ended = story.until_ended().await;
    assert_eq!(ended["reason"], "customer_hung_up", "{}", story.told());
    let expected =
        ["dialing", "ringing", "conversing", "on_hold", "calling_supervisor", "briefing", "merging", "merged", "ended"];
    assert_eq!(story.phases(), expected);
    let view = program.get(&format!("/calls/{}", story.call)).await;
    assert_eq!(view["attempts"][0]["outcome"], "connected", "{view:#}");
    let agent = story.said("call", "agent");
    assert!(agent.contains(&"Please hold while I connect you to a human agent."), "{agent:?}");
    assert!(story.said("consult", "agent").iter().any(|line| line.contains("Are you ready to take this call?")));
    // After the merge both are still understood, by a watcher whom nobody sees.
    assert!(!story.said("call", "supervisor").is_empty(), "{}", story.told());
}
