//! The program itself, over its sockets, in real time: started as a user starts it, killed as power cuts kill it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod descriptors;
mod kills;
mod phone;
mod program;
mod stderr;
mod subject;

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    phone::{Phone, espeak},
    program::{Console, Program},
};

/// A whole sentence of the agent's to the customer.
fn agent_has_spoken(event: &Value) -> bool {
    event["type"] == "utterance" && event["speaker"] == "agent" && event["side"] == "call" && event["final"] == true
}

fn moment(of: &Value) -> jiff::Timestamp {
    of.as_str().unwrap().parse().unwrap()
}

/// A call by REST in which the customer is a phone over `/ws/phone` with another voice than ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_on_a_socket_phone_asks_for_a_human_and_hears_one() {
    let asks = espeak("Hello. Could I please talk to a human being?");
    let program = Program::start().await;
    program.ready().await;
    let mut console = Console::open(&program, 0).await;
    let mut phone = Phone::open(&program, "+15550100077").await;

    let answer =
        program.post("/calls/outbound-with-escalation", json!({"phone_number": "+15550100077", "name": "Ada"})).await;
    assert_eq!(answer["status"], "success", "{answer}");
    assert_eq!(answer["message"], "Outbound call with escalation initiated to +15550100077 for Ada");
    let call = answer["details"]["call_id"].as_str().unwrap().to_owned();
    assert_eq!(answer["details"]["room_name"], call.as_str());

    phone.answer().await;
    let greeting = phone.until_they_have_spoken().await;
    assert!(greeting > Duration::from_millis(800), "a greeting of {greeting:?}");
    // Who is not understood is answered something else, and asks again, as people do: this voice is hard to recognise.
    let mut asked = 0;
    loop {
        asked += 1;
        phone.say(&asks).await;
        let said = jiff::Timestamp::now();
        let answer =
            |e: &Value| e["type"] == "escalation_requested" || agent_has_spoken(e) && moment(&e["started_at"]) >= said;
        if console.until(&call, answer, &mut phone).await["type"] == "escalation_requested" {
            break;
        }
        assert!(asked < 4, "not understood in {asked} times: {:#?}", console.seen);
    }

    let merged = console.until(&call, |e| e["type"] == "phase_changed" && e["to"] == "merged", &mut phone).await;
    let asked = console.seen.iter().find(|e| e["type"] == "escalation_requested").unwrap();
    assert_eq!(asked["by"], "customer");
    let before = phone.voiced();
    // What they began to say before is not all heard from here on.
    let since = moment(&merged["at"]);
    let supervisor_spoke = |e: &Value| {
        let theirs = e["type"] == "utterance" && e["speaker"] == "supervisor" && e["side"] == "call";
        theirs && e["final"] == true && moment(&e["started_at"]) >= since
    };
    let said = console.until(&call, supervisor_spoke, &mut phone).await;
    let heard = phone.voiced().saturating_sub(before);
    // The first turn may be a mere 'Hello.'
    assert!(heard >= Duration::from_millis(200), "the customer's phone heard {heard:?} of {said}");
    phone.hang_up().await;
    let ended = console.until(&call, |e| e["type"] == "call_ended", &mut phone).await;
    assert_eq!(ended["reason"], "customer_hung_up");
    assert!(ended["seq"].as_u64() > merged["seq"].as_u64());
    console.assert_gap_free();

    let view = program.get(&format!("/calls/{call}")).await;
    assert_eq!(view["phase"], "ended");
    assert_eq!(view["attempts"][0]["outcome"], "connected");
    assert_eq!(view["briefing"]["summary"].as_str().map(str::is_empty), Some(false));
}

/// Consoles that come and go, each resuming where it was, while calls run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_that_reconnects_misses_nothing_and_sees_nothing_twice() {
    let program = Program::start().await;
    program.ready().await;
    let mut console = Console::open(&program, 0).await;
    for number in ["+15550100011", "+15550100012"] {
        let answer = program.post("/calls/outbound-with-escalation", json!({"phone_number": number})).await;
        assert_eq!(answer["status"], "success", "{answer}");
        console.some_events(2).await;
        console.reconnect(&program).await;
    }
    let calls = program.get("/calls?limit=10").await;
    for call in calls["calls"].as_array().unwrap() {
        program.post(&format!("/calls/{}/hangup", call["call"].as_str().unwrap()), json!({})).await;
        console.reconnect(&program).await;
    }
    let last = loop {
        let calls = program.get("/calls?limit=10").await;
        let calls = calls["calls"].as_array().unwrap().clone();
        if calls.iter().all(|c| c["phase"] == "ended") {
            break calls.iter().filter_map(|c| c["seq"].as_u64()).max().unwrap();
        }
        console.some_events(1).await;
        console.reconnect(&program).await;
    };
    while console.seen.last().and_then(|e| e["seq"].as_u64()) < Some(last) {
        console.some_events(1).await;
    }
    console.assert_gap_free();
}

/// Nothing that was acknowledged is lost when the process is killed, and nobody is dialled twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_program_knows_its_calls_and_dials_nobody_twice() {
    let mut program = Program::start().await;
    program.ready().await;
    let body = json!({"phone_number": "+15550100001", "name": "John Doe"});
    let first = program.post_with_key("/calls/outbound-with-escalation", body.clone(), "the-only-call").await;
    let call = first["details"]["call_id"].as_str().unwrap().to_owned();
    let mut console = Console::open(&program, 0).await;
    console.some_events(1).await;
    let acknowledged: Vec<Value> = program.events(&call).await;
    assert!(acknowledged.len() >= 3, "{acknowledged:?}");

    program.kill().await;
    program.restart().await;

    let after = program.events(&call).await;
    assert_eq!(after[..acknowledged.len()], acknowledged[..], "the log is whole");
    let ended = after.last().unwrap();
    assert_eq!((ended["type"].as_str(), ended["reason"].as_str()), (Some("call_ended"), Some("server_stopped")));
    for (one, next) in after.iter().zip(&after[1..]) {
        assert_eq!(one["seq"].as_u64().unwrap() + 1, next["seq"].as_u64().unwrap());
    }
    program.ready().await;
    let again = program.post_with_key("/calls/outbound-with-escalation", body, "the-only-call").await;
    assert_eq!(again["details"]["call_id"], call.as_str(), "the same key is the same call");
    assert_eq!(program.get("/calls").await["calls"].as_array().unwrap().len(), 1, "nobody was dialled twice");
}
