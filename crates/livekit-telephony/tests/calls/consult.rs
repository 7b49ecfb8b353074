//! The supervisor's consult, the merge, and what is left when the agent has gone. Every voice is a tone of its own.

use std::sync::{Arc, Mutex};

use warmline_call::{LeftCause, LegRef};
use warmline_telephony::{Dialled, Frame, Heard, Line, Room};

use crate::common::*;

pub const TO_CUSTOMER: f64 = 600.0;
pub const TO_SUPERVISOR: f64 = 900.0;
pub const OF_CUSTOMER: f64 = 1_300.0;
pub const OF_SUPERVISOR: f64 = 1_700.0;

/// A call in which both are on the line, apart.
pub struct Consult {
    pub customer: Talker,
    pub supervisor: Talker,
    pub room: Arc<dyn Room>,
    pub legs: [AgentsEnd; 2],
}

pub struct AgentsEnd {
    pub progress: tokio::sync::mpsc::Receiver<warmline_call::LegFact>,
    pub heard: Arc<Mutex<Vec<Heard>>>,
}

impl AgentsEnd {
    fn new(dialled: Dialled, says: f64) -> Self {
        let Line { ear, mouth } = dialled.line;
        keep_saying(&mouth, says);
        Self { progress: dialled.progress, heard: keep(ear) }
    }
}

impl Consult {
    pub async fn begin(world: &World) -> Self {
        let call = call();
        let customer = world.phone(CUSTOMER, OF_CUSTOMER);
        let supervisor = world.ringing_phone(SUPERVISOR, OF_SUPERVISOR);
        let (room, leg) = open(world, &call).await;
        let to_customer = AgentsEnd::new(leg, TO_CUSTOMER);
        customer.hears(TO_CUSTOMER, 50).await;
        let mut leg = room.dial(to(&call, LegRef::Supervisor(1), SUPERVISOR)).await.unwrap();
        assert_eq!(fact(&mut leg).await, Some(warmline_call::LegFact::Ringing));
        customer.hears(TO_CUSTOMER, 50).await;
        supervisor.handle.answer();
        assert_eq!(fact(&mut leg).await, Some(warmline_call::LegFact::Answered));
        Self { customer, supervisor, room, legs: [to_customer, AgentsEnd::new(leg, TO_SUPERVISOR)] }
    }

    pub async fn merged(world: &World) -> Self {
        let consult = Self::begin(world).await;
        consult.room.merge().await.unwrap();
        consult.hear_each_other(25).await;
        consult
    }

    pub async fn hear_each_other(&self, frames: usize) {
        tokio::join!(self.customer.hears(OF_SUPERVISOR, frames), self.supervisor.hears(OF_CUSTOMER, frames));
    }
}

/// Frames that may be late on a machine that does other things as well, in some seconds.
const LATE: usize = 2;

/// Frames looked at together for a leak: 100 ms. A click, as a late frame makes it, is spread over the whole spectrum and counts
/// for little in them; 10 ms of somebody's tone are seen.
const WINDOW: usize = 5;

fn none_has(frames: &[Frame], hz: f64, who: &str) {
    let loudest = frames.windows(WINDOW).map(|window| amplitude(window.as_flattened(), hz)).fold(0.0, f64::max);
    assert!(frames.len() > WINDOW && loudest < 350.0, "{who} heard {hz} Hz, {loudest:.0} loud within 100 ms");
}

/// From the first frame with that tone on (the edge aside), these have it not.
fn gaps(frames: &[Frame], hz: f64) -> Vec<usize> {
    let first = frames.iter().position(|frame| has(frame, hz)).expect("the tone is heard");
    (first + 1..frames.len()).filter(|at| !has(&frames[*at], hz)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_before_the_merge_and_both_stay_after_it() {
    let world = World::new().await;
    let mut consult = Consult::begin(&world).await;
    consult.customer.hears(TO_CUSTOMER, 100).await;
    consult.supervisor.hears(TO_SUPERVISOR, 100).await;
    let apart = (consult.customer.heard().len(), consult.supervisor.heard().len());

    let began = tokio::time::Instant::now();
    consult.room.merge().await.unwrap();
    let merging = began.elapsed();
    consult.hear_each_other(100).await;
    consult.customer.hears(TO_CUSTOMER, 25).await;
    consult.supervisor.hears(TO_SUPERVISOR, 25).await;
    consult.room.leave().await;
    consult.hear_each_other(25).await;
    let left = (consult.customer.heard().len(), consult.supervisor.heard().len());
    let ears = consult.legs.each_ref().map(|leg| leg.heard.lock().unwrap().len());
    consult.hear_each_other(150).await;

    let (customer, supervisor) = (consult.customer.heard(), consult.supervisor.heard());
    none_has(&customer[..apart.0], OF_SUPERVISOR, "the customer, before the merge,");
    none_has(&supervisor[..apart.1], OF_CUSTOMER, "the supervisor, before the merge,");
    none_has(&customer, TO_SUPERVISOR, "the customer");
    none_has(&supervisor, TO_CUSTOMER, "the supervisor");
    none_has(&customer[left.0..], TO_CUSTOMER, "the customer, after the agent had left,");
    none_has(&supervisor[left.1..], TO_SUPERVISOR, "the supervisor, after the agent had left,");
    assert!(gaps(&customer[..apart.0], TO_CUSTOMER).len() <= LATE, "the agent was heard by the customer with gaps");
    let between = (gaps(&customer[apart.0..], OF_SUPERVISOR), gaps(&supervisor[apart.1..], OF_CUSTOMER));
    println!("merged in {merging:?}; frames without the other's voice since it was first heard: {between:?}");
    assert!(
        between.0.len() <= LATE && between.1.len() <= LATE,
        "gaps after the merge, the agent left {} frames after it: {between:?}",
        left.0 - apart.0
    );

    // Nobody of ours is seen in the room; the watcher hears on.
    let members = world.members(&call()).await;
    assert!(!members.contains(&format!("{}-agent", call())), "{members:?}");
    let heard = consult.legs[0].heard.lock().unwrap()[ears[0]..]
        .iter()
        .filter(|h| matches!(h, Heard::Frame(f) if has(f, OF_CUSTOMER)))
        .count();
    assert!(heard >= 100, "the watcher heard {heard} frames of the customer");

    // It notices who hangs up.
    consult.supervisor.handle.hang_up();
    let (cause, _, took) = soon("the supervisor's end", crate::common::left(&mut consult.legs[1].progress)).await;
    assert_eq!(cause, LeftCause::HungUp);
    assert!(took.as_secs_f64() < 2.0, "{took:?}");
    consult.room.hang_up(LegRef::Customer).await;
    assert_eq!(crate::common::left(&mut consult.legs[0].progress).await.0, LeftCause::Released);
    consult.room.close().await;
    world.until_gone(&call()).await;
    until("the phones are free", || world.exchange.open_rooms() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leg_that_subscribes_by_itself_again_is_told_apart_within_a_second() {
    let world = World::new().await;
    let consult = Consult::begin(&world).await;
    consult.supervisor.hears(TO_SUPERVISOR, 25).await;
    let members = world.services.list_participants(call().as_str()).await.unwrap();
    let of_supervisor = members.iter().find(|m| m.participant.identity == call().supervisor()).unwrap();
    let tracks: Vec<String> = of_supervisor.tracks.iter().map(|track| track.sid.clone()).collect();
    let customer = format!("{}-customer", call());
    // Right after an answer the legs are told apart so often that this may be undone before anything is heard.
    soon("the isolation is broken", async {
        while consult.customer.heard_of(OF_SUPERVISOR) == 0 {
            world.services.update_subscriptions(call().as_str(), &customer, tracks.clone(), true).await.unwrap();
            consult.customer.hears(TO_CUSTOMER, 10).await;
        }
    })
    .await;
    soon("the isolation is back", async {
        loop {
            let before = consult.customer.heard_of(OF_SUPERVISOR);
            consult.customer.hears(TO_CUSTOMER, 25).await;
            if consult.customer.heard_of(OF_SUPERVISOR) == before {
                return;
            }
        }
    })
    .await;
    let leaked = consult.customer.heard_of(OF_SUPERVISOR);
    println!("{leaked} frames leaked");
    assert!(leaked <= 75, "{leaked} frames leaked: more than 1.5 s");
    consult.room.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_without_a_supervisor_changes_nothing() {
    let world = World::new().await;
    let phone = world.phone(CUSTOMER, OF_CUSTOMER);
    let (room, leg) = open(&world, &call()).await;
    let leg = AgentsEnd::new(leg, TO_CUSTOMER);
    assert!(room.merge().await.unwrap_err().to_string().contains("No supervisor"));
    phone.hears(TO_CUSTOMER, 25).await;
    drop(leg);
    room.close().await;
}
