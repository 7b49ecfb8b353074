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

#[path = "../program/phone.rs"]
mod phone;
#[path = "../program/program.rs"]
mod program;
#[path = "../../../crates/livekit/tests/common/server.rs"]
mod server;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use warmline_exchange::{Exchange, ExchangeOptions};
use warmline_livekit::services::Project;
use warmline_livekit_telephony::carrier::{Carrier, CarrierOptions};
use warmline_speech_local::{LocalSpeech, models};

use crate::{
    program::Program,
    server::{KEY, SECRET, Server},
};

const TRUNK: &str = "ST_test";

/// Kept for the server's helpers.
fn show_log() {}

fn settings(server: &Server, more: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    let livekit = [
        ("LIVEKIT_URL", server.url()),
        ("LIVEKIT_API_KEY", KEY.to_owned()),
        ("LIVEKIT_API_SECRET", SECRET.to_owned()),
        ("LIVEKIT_SUPERVISOR_PHONE_NUMBER", "+15550100002".to_owned()),
    ];
    livekit.into_iter().chain(more.iter().cloned()).collect()
}

/// The call as soon as it is so; it has to be within two minutes.
async fn until(program: &Program, call: &str, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let begun = tokio::time::Instant::now();
    loop {
        let view = program.get(&format!("/calls/{call}")).await;
        if is_it(&view) {
            return view;
        }
        let late = begun.elapsed() > Duration::from_secs(120);
        assert!(!late && view["end"].is_null(), "not '{what}': {view:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn said(view: &Value, side: &str, speaker: &str) -> Vec<String> {
    let lines = view["transcript"].as_array().unwrap().iter();
    let lines = lines.filter(|line| line["side"] == side && line["speaker"] == speaker);
    lines.map(|line| line["text"].as_str().unwrap().to_owned()).collect()
}

async fn escalate(program: &Program) -> String {
    program.ready().await;
    let body = json!({"phone_number": "+15550100001", "name": "John Doe"});
    let answer = program.post("/calls/outbound-with-escalation", body).await;
    assert_eq!(answer["status"], "success", "{answer}");
    answer["details"]["call_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_escalation_over_livekit_from_the_first_ring_to_the_last_word() {
    let server = Server::start().await;
    let program = Program::start_with(settings(&server, &[("WARMLINE_CARRIER", "simulated".to_owned())])).await;
    let call = escalate(&program).await;
    let view = until(&program, &call, "ended", |view| view["phase"] == "ended").await;
    assert_eq!(view["attempts"][0]["outcome"], "connected", "{view:#}");
    assert_eq!(view["end"]["reason"], "customer_hung_up", "{view:#}");
    let phases: Vec<Value> =
        program.events(&call).await.iter().filter(|e| e["type"] == "phase_changed").map(|e| e["to"].clone()).collect();
    let expected =
        ["dialing", "ringing", "conversing", "on_hold", "calling_supervisor", "briefing", "merging", "merged", "ended"];
    assert_eq!(phases, expected);
    let agent = said(&view, "call", "agent");
    assert!(agent.iter().any(|line| line == "Please hold while I connect you to a human agent."), "{agent:?}");
    assert!(said(&view, "consult", "agent").iter().any(|line| line.contains("Are you ready to take this call?")));
    // After the merge both are still understood, by a watcher whom nobody sees.
    assert!(!said(&view, "call", "supervisor").is_empty(), "{view:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merged_call_goes_on_through_a_kill_and_is_ended_by_the_restarted_program() {
    let server = Server::start().await;
    // The carrier outlives the program, as a real one does.
    let (stt, tts) = tokio::task::spawn_blocking(|| LocalSpeech::load(models::default_dir()).unwrap()).await.unwrap();
    let recordings = tempfile::tempdir().unwrap();
    let exchange = Exchange::new(ExchangeOptions {
        record: Some(recordings.path().to_owned()),
        ..ExchangeOptions::new(stt as Arc<_>, tts as Arc<_>)
    });
    let project = Project { url: server.url(), key: KEY.to_owned(), secret: SECRET.into() };
    let options =
        CarrierOptions { server: project, exchange, trunk: TRUNK.to_owned(), from_number: "+15550100000".to_owned() };
    let carrier = Carrier::start(([127, 0, 0, 1], 0).into(), options).await.unwrap();
    let more = [("WARMLINE_LIVEKIT_API_URL", carrier.url()), ("LIVEKIT_SIP_OUTBOUND_TRUNK", TRUNK.to_owned())];
    let mut program = Program::start_with(settings(&server, &more)).await;
    let call = escalate(&program).await;
    until(&program, &call, "merged", |view| view["phase"] == "merged").await;

    program.kill().await;
    program.restart().await;

    let view = program.get(&format!("/calls/{call}")).await;
    assert_eq!(view["phase"], "merged", "it goes on: {view:#}");
    let view = until(&program, &call, "ended", |view| view["phase"] == "ended").await;
    assert_eq!(view["end"]["reason"], "customer_hung_up", "{view:#}");
    assert!(!said(&view, "call", "supervisor").is_empty(), "the restarted program listens: {view:#}");
    assert_eq!((carrier.dials("+15550100001"), carrier.dials("+15550100002")), (1, 1), "nobody was dialled twice");
    let lines = std::fs::read_to_string(recordings.path().join(format!("{call}-customer-lines.json"))).unwrap();
    let said: Value = serde_json::from_str(&lines).unwrap();
    assert!(said.as_array().unwrap().len() >= 4, "the customer went on talking to their goodbye: {said:#}");
}
