//! The agent and a customer, through a real livekit-server and the simulated carrier.

use crate::common::*;
use warmline_call::{LeftCause, LegRef};
use warmline_telephony::{Heard, Line, Telephony};

const AGENT: f64 = 1_000.0;
const PERSON: f64 = 700.0;

/// Frames that may be late on a machine that does other things as well, in three seconds.
const LATE: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_and_a_customer_hear_each_other() {
    let world = World::new().await;
    world.livekit.check().await.unwrap();
    let phone = world.phone(CUSTOMER, PERSON);
    let call = call();
    let room = world.livekit.open(&call).await.unwrap();
    let mut listener = room.listen();
    let mut dialled = room.dial(to(&call, LegRef::Customer, CUSTOMER)).await.unwrap();
    assert!(dialled.participant_id.starts_with("PA_") && dialled.sip_call_id.starts_with("SCL_"), "{dialled:?}");
    answered(&mut dialled).await;

    let Line { ear, mouth } = dialled.line;
    let (heard, saying) = (keep(ear), keep_saying(&mouth, AGENT));
    phone.hears(AGENT, 150).await;
    until("the agent hears the customer", || count(&heard, PERSON) >= 150).await;
    // From the first sound on there is no gap, either way. (A frame at each edge may be half full.)
    let whole = |frames: Vec<bool>| {
        let first = frames.iter().position(|has| *has).unwrap();
        frames[first + 2..].iter().filter(|has| !**has).count()
    };
    let at_agent = heard.lock().unwrap().iter().map(|h| matches!(h, Heard::Frame(f) if has(f, PERSON))).collect();
    assert!(whole(at_agent) <= LATE, "the agent heard the customer with gaps");
    let at_phone = phone.heard().iter().map(|frame| has(frame, AGENT)).collect();
    assert!(whole(at_phone) <= LATE, "the customer heard the agent with gaps");
    // A listener hears both.
    soon("a listener hears both", async {
        loop {
            match listener.recv().await {
                Ok(frame) if has(&frame, AGENT) && has(&frame, PERSON) => return,
                Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await;
    // Barge-in: cleared, it is silent at once.
    mouth.clear();
    saying.await.unwrap();
    until("the customer hears silence", || phone.heard().iter().rev().take(10).all(|frame| lacks(frame, AGENT))).await;
    // A key.
    phone.handle.dtmf('5');
    until("the key arrives", || heard.lock().unwrap().contains(&Heard::Key('5'))).await;

    // The customer hangs up.
    phone.handle.hang_up();
    let (cause, status, took) = left(&mut dialled.progress).await;
    assert_eq!((cause, status), (LeftCause::HungUp, None));
    assert!(took.as_secs() < 2, "{took:?}");
    room.close().await;
    world.until_gone(&call).await;
    assert_eq!(world.exchange.open_rooms(), 0);
}
