//! Personas of the exchange, reached through the carrier.

use warmline_call::{LeftCause, LegFact, LegRef};
use warmline_exchange::ExchangeOptions;
use warmline_telephony::Telephony;

use crate::common::*;

/// The pitch of every voice here.
const VOICE: f64 = 400.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persona_answers_speaks_and_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let speech = ExchangeOptions::new(std::sync::Arc::new(FakeStt("yes")), std::sync::Arc::new(FakeTts));
    let world = World::with(ExchangeOptions { record: Some(dir.path().to_owned()), ..speech }).await;
    let room = world.livekit.open(&call()).await.unwrap();
    let mut leg = room.dial(to(&call(), LegRef::Customer, warmline_exchange::DEFAULT_CUSTOMER)).await.unwrap();
    answered(&mut leg).await;
    let mut speech = leg.line.mouth.begin();
    speech.push(&tone(1_000.0, 0, 32_000));
    speech.finish();
    assert_eq!(soon("the agent's words", speech.over()).await.samples, 32_000);
    let heard = keep(leg.line.ear);
    until("the persona speaks when the agent has finished", || count(&heard, VOICE) > 25).await;
    room.close().await;
    assert_eq!(left(&mut leg.progress).await.0, LeftCause::Released);
    let file = |what: &str| dir.path().join(format!("{}-customer-{what}", call()));
    until("the recordings are there", || file("lines.json").is_file()).await;
    let samples: Vec<i16> = hound::WavReader::open(file("heard.wav")).unwrap().samples().map(Result::unwrap).collect();
    assert!(amplitude(&samples[16_000..24_000], 1_000.0) > 3_000.0, "the agent was not recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn personas_who_do_not_pick_up_fail_as_on_a_trunk() {
    let world = World::new().await;
    let table = [
        ("+15550100017", false, LeftCause::Busy, 486),
        ("+15550100019", true, LeftCause::Declined, 603),
        ("+15550100020", false, LeftCause::Unreachable, 480),
        ("+15550100021", false, LeftCause::InvalidNumber, 404),
        ("+15550100022", false, LeftCause::TrunkFailure, 503),
    ];
    for (n, (number, rings, cause, status)) in table.into_iter().enumerate() {
        let call = warmline_call::CallId::from_bits(n as u64);
        let room = world.livekit.open(&call).await.unwrap();
        let mut leg = room.dial(to(&call, LegRef::Customer, number)).await.unwrap();
        if rings {
            assert_eq!(fact(&mut leg).await, Some(LegFact::Ringing), "{number}");
        }
        let (said, sip_status, _) = left(&mut leg.progress).await;
        assert_eq!((said, sip_status), (cause, Some(status)), "{number}");
        room.close().await;
    }
}
