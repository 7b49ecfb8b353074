//! Whole calls whose ends, merges and phones are looked at closely.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::Ordering::Relaxed,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;
use warmline_call::{FixedLine, TransferOutcome};
use warmline_telephony::HoldMusic;
use warmline_voice::lines::{fixed, no_human_because};

use crate::{
    audio::{RATE, by_telephone, likeness, longest_silence, share_heard},
    front::{HalfMerges, Signalling},
    server::{KEY, Server},
    world::{CUSTOMER, More, SILENT, SUPERVISOR, World},
};

const BUSY: &str = "+15550100206";
const BY_KEY: &str = "+15550100203";
const NUMBER: &str = "+15550100077";

/// How much a recording is like a second of the hold music, wherever that is in it: 1 is the same. At 2 kHz.
fn music_in(heard: &[i16]) -> f64 {
    let slow = |audio: &[i16]| -> Vec<i16> {
        audio.chunks_exact(8).map(|eight| (eight.iter().map(|s| i32::from(*s)).sum::<i32>() / 8) as i16).collect()
    };
    let music = slow(&by_telephone(&HoldMusic::ours().track(), 4 * RATE));
    let (heard, second) = (slow(heard), &music[music.len() / 4..music.len() / 2]);
    let at = 0..heard.len().saturating_sub(second.len());
    at.map(|at| likeness(&heard[at..at + second.len()], second)).fold(0.0, f64::max)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_supervisor_takes_over_from_a_busy_one_and_each_phone_hears_what_is_meant_for_it() {
    second_takes_it(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_with_the_supervisor_in_a_room_of_their_own() {
    second_takes_it(&[("WARMLINE_LIVEKIT_CONSULT", "own-room")]).await;
}

async fn second_takes_it(more: More<'_>) {
    let supervisors = format!("{BUSY},{SUPERVISOR}");
    let more = [&[("LIVEKIT_SUPERVISOR_PHONE_NUMBER", supervisors.as_str())], more].concat();
    let world = World::new(&more).await;
    let mut story = world.place(CUSTOMER).await;
    assert_eq!(story.until_ended().await["reason"], "customer_hung_up", "{}", story.told());
    let view = world.view(&story).await;
    let outcomes: Vec<&Value> = view["attempts"].as_array().unwrap().iter().map(|a| &a["outcome"]).collect();
    assert_eq!(outcomes, [&json!("busy"), &json!("connected")], "{view:#}");
    world.until_gone(&story).await;

    let (customer, supervisor) = (world.heard(&story, "customer").await, world.heard(&story, "supervisor-2").await);
    let (music, leak) = (music_in(&customer), music_in(&supervisor));
    println!("hold music at the customer {music:.2}, at the supervisor {leak:.2}");
    assert!(music > 0.55 && leak < 0.4 && music > 2.0 * leak, "{music} {leak}");
    // On hold; people who talk, or could, may be silent as long as they like.
    let [held, merging] = ["on_hold", "merging"].map(|phase| (story.since_answer(phase) * RATE as f64) as usize);
    let silence = longest_silence(&customer[held..merging]);
    println!("on hold the customer heard nothing for {silence} s at the longest");
    assert!(silence < 3.0, "the customer heard nothing for {silence} s: {}", story.told());

    let (at_customer, at_supervisor) =
        (world.words(&story, "customer").await, world.words(&story, "supervisor-2").await);
    println!("the customer heard: {at_customer}\nthe supervisor heard: {at_supervisor}");
    for line in [FixedLine::Hold, FixedLine::Merged] {
        assert!(share_heard(fixed(line), &at_customer) > 0.7, "{line:?}: {at_customer}");
    }
    for line in
        ["I have a customer who needs assistance", "Are you ready to take this call?", fixed(FixedLine::Connecting)]
    {
        assert!(share_heard(line, &at_supervisor) > 0.7, "{line}: {at_supervisor}");
    }
    assert!(
        !at_customer.contains("needs assistance") && !at_customer.to_lowercase().contains("ready to take"),
        "{at_customer}"
    );
    assert!(!at_supervisor.contains("Please hold"), "{at_supervisor}");
    // What the two say to each other after the merge is heard at the other phone.
    let merged: Vec<&str> = story.said("call", "supervisor");
    assert!(!merged.is_empty() && share_heard(&merged.join(" "), &at_customer) > 0.6, "{merged:?}: {at_customer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_merge_is_undone_and_the_customer_told() {
    let mut world = World::new(&[("LIVEKIT_SUPERVISOR_PHONE_NUMBER", BY_KEY)]).await;
    let front = HalfMerges::before(world.carrier.url()).await;
    world.restart_with(&[("WARMLINE_LIVEKIT_API_URL", &front.url)]).await;
    let mut story = world.escalated().await;
    let decided = story.until("the outcome", |e| e["type"] == "transfer_decided").await;
    assert_eq!(decided["outcome"], "merge_failed", "{}", story.told());
    assert!(front.granted.load(Relaxed) >= 2 && front.taken_back.load(Relaxed) >= 2, "both halves were taken back");
    story.until("the supervisor is let go", |e| e["leg"] == "supervisor" && e["state"] == "left").await;
    let why = no_human_because(TransferOutcome::MergeFailed);
    story
        .until("the customer is told", |e| e["final"] == true && e["text"].as_str().is_some_and(|t| t.contains(why)))
        .await;
    assert_eq!(world.view(&story).await["phase"], "conversing");
    world.act(&story, "hangup", json!({})).await;
    story.until_ended().await;
    world.until_gone(&story).await;
    let heard = world.words(&story, "customer").await;
    assert!(share_heard(why, &heard) > 0.7, "{heard}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_ends_when_its_time_is_over() {
    let world = World::new(&[("WARMLINE_MAX_CALL_S", "8")]).await;
    let mut story = world.place(SILENT).await;
    assert_eq!(story.until_ended().await["reason"], "max_duration", "{}", story.told());
    world.until_gone(&story).await;
    let heard = world.words(&story, "customer").await;
    assert!(share_heard("the time for this call is over", &heard) > 0.7, "{heard}");
}

/// The program's signalling is dead, and nobody knows it yet: what the server's webhook says is all there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_that_only_a_webhook_tells_of_ends_the_call() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let hook = format!("webhook: {{ api_key: {KEY}, urls: [ \"http://{address}/livekit/webhook\" ] }}\n");
    let server = Server::configured(&hook).await;
    let signalling = Signalling::to(&server.url()).await;
    let world = World::on(server, &[("WARMLINE_ADDR", &address), ("LIVEKIT_URL", &signalling.url)]).await;
    let phone = world.phone(NUMBER);
    let mut story = world.place(NUMBER).await;
    story.until("the greeting", |e| e["type"] == "utterance" && e["speaker"] == "agent" && e["final"] == true).await;
    signalling.freeze();
    phone.handle.hang_up();
    let hung_up = Instant::now();
    let ended = story.until_ended().await;
    println!("ended {:?} after the hang-up", hung_up.elapsed());
    assert_eq!(ended["reason"], "customer_hung_up", "{}", story.told());
    // Three looks, a second apart, from the webhook on; without it the first of them alone may take 5 s.
    assert!(hung_up.elapsed() < Duration::from_secs(4), "{:?}", hung_up.elapsed());
    let metrics = world.program.text("/metrics").await;
    let taken = metrics
        .lines()
        .find(|line| line.contains("_count") && line.contains("/livekit/webhook") && line.contains("status=\"200\""));
    assert!(taken.is_some_and(|line| !line.ends_with(" 0")), "no webhook was taken in");
    world.until_gone(&story).await;
}
