//! Rooms, legs and browser phones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod support;

use std::{collections::HashMap, sync::Arc, time::Duration};

use support::*;
use tokio::{sync::broadcast::error::RecvError, time::Instant};
use warmline_call::{Left, LeftCause, LegFact, LegRef};
use warmline_exchange::{Ended, NumberTaken, PhoneEvent};
use warmline_telephony::{FRAME_SAMPLES, Frame, Heard, SILENCE, Telephony};

fn left(cause: LeftCause, sip_status: Option<u16>) -> Option<LegFact> {
    Some(LegFact::Left(Left { cause, sip_status }))
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_pick_up_is_reported_as_the_network_would() {
    let exchange = exchange();
    for (number, rings, cause, status) in [
        ("+15550100017", false, LeftCause::Busy, 486),
        ("+15550100019", true, LeftCause::Declined, 603),
        ("+15550100018", true, LeftCause::NoAnswer, 408),
        ("+15550100020", false, LeftCause::Unreachable, 480),
        ("+15550100021", false, LeftCause::InvalidNumber, 404),
        ("+15550100022", false, LeftCause::TrunkFailure, 503),
    ] {
        let room = open(&exchange).await;
        let mut dialled = room.dial(to(LegRef::Customer, number)).await.unwrap();
        if rings {
            assert_eq!(fact(&mut dialled.progress).await, Some(LegFact::Ringing), "{number}");
        }
        assert_eq!(fact(&mut dialled.progress).await, left(cause, Some(status)), "{number}");
        assert_eq!(fact(&mut dialled.progress).await, None, "{number}");
        assert_eq!(dialled.line.ear.hear().await, None, "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_rings_no_longer_than_told() {
    let exchange = exchange();
    let room = open(&exchange).await;
    let started = Instant::now();
    let dial = warmline_telephony::Dial { ring: Duration::from_secs(5), ..to(LegRef::Supervisor(1), "+15550100207") };
    let mut dialled = room.dial(dial).await.unwrap();
    assert_eq!(fact(&mut dialled.progress).await, Some(LegFact::Ringing));
    assert_eq!(fact(&mut dialled.progress).await, left(LeftCause::NoAnswer, Some(408)));
    assert_eq!(started.elapsed().as_millis().div_ceil(20), 250);
}

#[tokio::test(start_paused = true)]
async fn ids_look_like_the_trunks_and_differ() {
    let exchange = exchange();
    let room = open(&exchange).await;
    let one = room.dial(to(LegRef::Customer, CUSTOMER)).await.unwrap();
    let two = room.dial(to(LegRef::Supervisor(1), SUPERVISOR)).await.unwrap();
    for (id, prefix) in [(&one.participant_id, "PA_"), (&one.sip_call_id, "SCL_"), (&two.sip_call_id, "SCL_")] {
        let random = id.strip_prefix(prefix).unwrap();
        assert!(random.len() == 12 && random.bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
    }
    assert_ne!(one.participant_id, two.participant_id);
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_can_not_begin_says_why() {
    let exchange = exchange();
    let room = open(&exchange).await;
    for number in ["", "15550100001", "+0123456789", "+12345", "+1555010000x"] {
        let error = room.dial(to(LegRef::Customer, number)).await.expect_err("it is no number");
        assert_eq!((error.cause, error.sip_status), (LeftCause::InvalidNumber, Some(404)));
    }
    let _first = room.dial(to(LegRef::Customer, CUSTOMER)).await.unwrap();
    assert!(room.dial(to(LegRef::Customer, CUSTOMER)).await.is_err(), "the same leg twice");
    room.close().await;
    assert!(room.dial(to(LegRef::Supervisor(1), SUPERVISOR)).await.is_err(), "a closed room");
}

/// Two talkers, the agent's two lines, and everybody's tone.
#[tokio::test(start_paused = true)]
async fn nobody_hears_what_is_not_meant_for_them_and_the_merge_has_no_gap() {
    const AGENT_TO_CUSTOMER: f64 = 500.0;
    const AGENT_TO_SUPERVISOR: f64 = 800.0;
    const FROM_CUSTOMER: f64 = 1_150.0;
    const FROM_SUPERVISOR: f64 = 1_850.0;
    let exchange = exchange();
    let customer = Talker::on(exchange.register_phone(CUSTOMER).unwrap(), FROM_CUSTOMER);
    let supervisor = Talker::on(exchange.register_phone(SUPERVISOR).unwrap(), FROM_SUPERVISOR);
    let room = open(&exchange).await;
    let mut listener = room.listen();
    let mut to_customer = room.dial(to(LegRef::Customer, CUSTOMER)).await.unwrap();
    let mut to_supervisor = room.dial(to(LegRef::Supervisor(1), SUPERVISOR)).await.unwrap();
    answered(&mut to_customer).await;
    answered(&mut to_supervisor).await;
    let (customers_words, supervisors_words) = (keep(to_customer.line.ear), keep(to_supervisor.line.ear));
    for (mouth, hz) in [(&to_customer.line.mouth, AGENT_TO_CUSTOMER), (&to_supervisor.line.mouth, AGENT_TO_SUPERVISOR)]
    {
        mouth.begin().push(&tone(hz, 0, 16_000 * 10));
    }
    let listening = tokio::spawn(async move {
        let mut heard = Vec::new();
        loop {
            match listener.recv().await {
                Ok(frame) => heard.push(frame),
                Err(RecvError::Lagged(_)) => panic!("a listener who keeps up misses nothing"),
                Err(RecvError::Closed) => return heard,
            }
        }
    });

    pass(1.01).await;
    let merged_at = (customer.heard().len(), supervisor.heard().len());
    room.merge().await.unwrap();
    pass(1.0).await;
    let left_at = (customer.heard().len(), supervisor.heard().len());
    room.leave().await;
    pass(1.0).await;
    room.close().await;
    let listened = listening.await.unwrap();

    // A frame whose beginning belongs to the state before it is left out: the filters are 2 ms late.
    let (heard_by_customer, heard_by_supervisor) = (customer.heard(), supervisor.heard());
    for (heard, mine, other, agent, others_agent, merged, gone) in [
        (
            &heard_by_customer,
            FROM_CUSTOMER,
            FROM_SUPERVISOR,
            AGENT_TO_CUSTOMER,
            AGENT_TO_SUPERVISOR,
            merged_at.0,
            left_at.0,
        ),
        (
            &heard_by_supervisor,
            FROM_SUPERVISOR,
            FROM_CUSTOMER,
            AGENT_TO_SUPERVISOR,
            AGENT_TO_CUSTOMER,
            merged_at.1,
            left_at.1,
        ),
    ] {
        assert!(merged >= 49 && gone - merged >= 50 && heard.len() - gone >= 49, "{merged} {gone} {}", heard.len());
        for (at, frame) in heard.iter().enumerate().skip(2) {
            // A tone that begins or ends within a frame is heard at every pitch.
            let begins = at.abs_diff(merged) < 2 || at.abs_diff(gone) < 2;
            assert!(begins || lacks(frame, others_agent), "frame {at}: what the agent says to the other is heard");
            assert!(begins || lacks(frame, mine), "frame {at}: an echo");
            if at + 1 < merged {
                assert!(lacks(frame, other), "frame {at}: the other is heard before the merge");
            } else if at > merged + 1 {
                assert!(has(frame, other), "frame {at}: a gap after the merge");
            }
            if at < gone {
                assert!(has(frame, agent), "frame {at}: the agent is not heard");
            } else if at > gone + 1 {
                assert!(lacks(frame, agent), "frame {at}: the agent is heard after it left");
            }
        }
        assert!(has(&heard[merged], other) || has(&heard[merged + 1], other), "the merge took more than a tick");
    }
    for (words, hz, others) in
        [(&customers_words, FROM_CUSTOMER, FROM_SUPERVISOR), (&supervisors_words, FROM_SUPERVISOR, FROM_CUSTOMER)]
    {
        let words = words.lock().unwrap();
        assert!(words.len() > 145, "{}", words.len());
        for (at, word) in words.iter().enumerate().skip(3) {
            let Heard::Frame(frame) = word else { panic!("no key was pressed") };
            assert!(has(frame, hz) && lacks(frame, others), "frame {at}: a line carries its own leg alone");
        }
    }
    assert!(listened.len() >= 150, "{}", listened.len());
    for hz in [AGENT_TO_CUSTOMER, AGENT_TO_SUPERVISOR, FROM_CUSTOMER, FROM_SUPERVISOR] {
        assert!(has(&listened[40], hz), "the listener misses {hz} Hz");
    }
    assert!(lacks(&listened[140], AGENT_TO_CUSTOMER) && has(&listened[140], FROM_SUPERVISOR));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_heard_before_the_answer_and_what_was_said_meanwhile_is_not_lost() {
    let exchange = exchange();
    let mut phone = exchange.register_phone(CUSTOMER).unwrap();
    let handle = phone.handle();
    let room = open(&exchange).await;
    let mut dialled = room.dial(to(LegRef::Customer, CUSTOMER)).await.unwrap();
    let speech = dialled.line.mouth.begin();
    speech.push(&tone(500.0, 0, 3_200));
    speech.finish();
    handle.audio([900; FRAME_SAMPLES]);
    assert_eq!(phone.event().await, PhoneEvent::Ringing { call: call(), from: "+15550100000".to_owned() });
    pass(3.0).await;
    assert_eq!(speech.played().samples, 0);
    handle.dtmf('5');
    handle.answer();
    answered(&mut dialled).await;
    assert_eq!(phone.event().await, PhoneEvent::Answered);
    let PhoneEvent::Audio(first) = phone.event().await else { panic!("audio follows the answer") };
    let PhoneEvent::Audio(second) = phone.event().await else { panic!("audio goes on") };
    assert!(first != SILENCE && has(&second, 500.0));
    assert_eq!(dialled.line.ear.hear().await, Some(Heard::Frame(SILENCE)), "what was said before is not heard");
}

#[tokio::test(start_paused = true)]
async fn a_phone_presses_keys_declines_and_hangs_up() {
    let exchange = exchange();
    let mut phone = exchange.register_phone(CUSTOMER).unwrap();
    let handle = phone.handle();
    let room = open(&exchange).await;

    let mut dialled = room.dial(to(LegRef::Customer, CUSTOMER)).await.unwrap();
    handle.decline();
    assert_eq!(fact(&mut dialled.progress).await, Some(LegFact::Ringing));
    assert_eq!(fact(&mut dialled.progress).await, left(LeftCause::Declined, Some(603)));

    let mut dialled = room.dial(to(LegRef::Customer, CUSTOMER)).await.unwrap();
    handle.answer();
    answered(&mut dialled).await;
    "1x*".chars().for_each(|key| handle.dtmf(key));
    let heard = keep(dialled.line.ear);
    pass(0.1).await;
    handle.hang_up();
    assert_eq!(fact(&mut dialled.progress).await, left(LeftCause::HungUp, None));
    assert_eq!(fact(&mut dialled.progress).await, None);
    assert!(dialled.line.mouth.begin().over().await.cut);
    let keys: Vec<_> = heard.lock().unwrap().iter().filter(|h| matches!(h, Heard::Key(_))).copied().collect();
    assert_eq!(keys, [Heard::Key('1'), Heard::Key('*')]);

    let mut told = HashMap::<&str, u32>::new();
    while let Ok(event) = tokio::time::timeout(Duration::from_secs(1), phone.event()).await {
        let what = match event {
            PhoneEvent::Ringing { .. } => "ringing",
            PhoneEvent::Answered => "answered",
            PhoneEvent::Audio(_) => "audio",
            PhoneEvent::Ended { reason } => reason.as_str(),
        };
        *told.entry(what).or_default() += 1;
    }
    told.remove("audio");
    assert_eq!(told, HashMap::from([("ringing", 2), ("declined", 1), ("answered", 1), ("hung_up", 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_number_has_one_phone_and_a_phone_one_call() {
    let exchange = exchange();
    let phone = exchange.register_phone(CUSTOMER).unwrap();
    assert_eq!(exchange.register_phone(CUSTOMER).err(), Some(NumberTaken));
    let (room, other) = (open(&exchange).await, open(&exchange).await);
    let mut first = room.dial(to(LegRef::Customer, CUSTOMER)).await.unwrap();
    let mut second = other.dial(to(LegRef::Customer, CUSTOMER)).await.unwrap();
    assert_eq!(fact(&mut second.progress).await, left(LeftCause::Busy, Some(486)));
    phone.handle().answer();
    answered(&mut first).await;
    drop(phone);
    assert_eq!(fact(&mut first.progress).await, left(LeftCause::HungUp, None));
    assert!(exchange.register_phone(CUSTOMER).is_ok(), "the number is free again");
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_goes_away_while_it_rings_does_not_answer() {
    let exchange = exchange();
    let phone = exchange.register_phone(CUSTOMER).unwrap();
    let room = open(&exchange).await;
    let mut dialled = room.dial(to(LegRef::Customer, CUSTOMER)).await.unwrap();
    assert_eq!(fact(&mut dialled.progress).await, Some(LegFact::Ringing));
    drop(phone);
    assert_eq!(fact(&mut dialled.progress).await, left(LeftCause::NoAnswer, Some(480)));
}

#[tokio::test(start_paused = true)]
async fn hanging_up_releases_a_leg_and_cancels_a_dial() {
    let exchange = exchange();
    let mut phone = exchange.register_phone(CUSTOMER).unwrap();
    let room = open(&exchange).await;
    let mut dialled = room.dial(to(LegRef::Customer, CUSTOMER)).await.unwrap();
    room.hang_up(LegRef::Customer).await;
    room.hang_up(LegRef::Supervisor(4)).await;
    assert_eq!(fact(&mut dialled.progress).await, left(LeftCause::Released, None));
    assert!(matches!(phone.event().await, PhoneEvent::Ringing { .. }));
    assert_eq!(phone.event().await, PhoneEvent::Ended { reason: Ended::Cancelled });

    let mut dialled = room.dial(to(LegRef::Customer, CUSTOMER)).await.unwrap();
    phone.handle().answer();
    answered(&mut dialled).await;
    room.hang_up(LegRef::Customer).await;
    assert_eq!(fact(&mut dialled.progress).await, left(LeftCause::Released, None));
    assert_eq!(fact(&mut dialled.progress).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_leg_lasts_no_longer_than_told() {
    let exchange = exchange();
    let phone = exchange.register_phone(CUSTOMER).unwrap();
    let room = open(&exchange).await;
    let dial = warmline_telephony::Dial { max_duration: Duration::from_secs(7), ..to(LegRef::Customer, CUSTOMER) };
    let mut dialled = room.dial(dial).await.unwrap();
    phone.handle().answer();
    answered(&mut dialled).await;
    let at = Instant::now();
    assert_eq!(fact(&mut dialled.progress).await, left(LeftCause::Released, None));
    assert_eq!(at.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_room_closes_with_its_last_handle_and_leaves_nothing_behind() {
    let exchange = exchange();
    let room = exchange.open(&call()).await.unwrap();
    let mut dialled = room.dial(to(LegRef::Customer, "+15550100007")).await.unwrap();
    answered(&mut dialled).await;
    let mut listener = room.listen();
    assert_eq!(exchange.open_rooms(), 1);
    let again = Arc::clone(&room);
    drop(room);
    assert_eq!(exchange.open_rooms(), 1);
    again.close().await;
    again.close().await;
    assert_eq!(fact(&mut dialled.progress).await, left(LeftCause::Released, None));
    assert!(matches!(again.listen().try_recv(), Err(tokio::sync::broadcast::error::TryRecvError::Closed)));
    while listener.recv().await.is_ok() {}
    drop(again);
    assert_eq!(exchange.open_rooms(), 0);
    pass(1.0).await;
    let alive = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    assert_eq!(alive, 0, "a task outlived its room");
}

#[tokio::test(start_paused = true)]
async fn merging_needs_both() {
    let exchange = exchange();
    let room = open(&exchange).await;
    assert!(room.merge().await.is_err());
    let mut customer = room.dial(to(LegRef::Customer, "+15550100007")).await.unwrap();
    answered(&mut customer).await;
    let _rings = room.dial(to(LegRef::Supervisor(1), "+15550100207")).await.unwrap();
    assert!(room.merge().await.is_err(), "the supervisor's phone still rings");
    let mut second = room.dial(to(LegRef::Supervisor(2), "+15550100212")).await.unwrap();
    answered(&mut second).await;
    assert!(room.merge().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_phone_far_ahead_of_time_is_never_late() {
    let exchange = exchange();
    let mut phone = exchange.register_phone(CUSTOMER).unwrap();
    let handle = phone.handle();
    let room = open(&exchange).await;
    let mut dialled = room.dial(to(LegRef::Customer, CUSTOMER)).await.unwrap();
    handle.answer();
    answered(&mut dialled).await;
    let frames =
        |hz: f64| (0..10).map(move |f| -> Frame { tone(hz, f * FRAME_SAMPLES, FRAME_SAMPLES).try_into().unwrap() });
    frames(500.0).chain(frames(800.0)).for_each(|frame| handle.audio(frame));
    let heard = keep(dialled.line.ear);
    pass(0.4).await;
    let loud = |hz: f64| heard.lock().unwrap().iter().filter(|h| matches!(h, Heard::Frame(f) if has(f, hz))).count();
    assert_eq!((loud(500.0), loud(800.0)), (0, 10), "of 400 ms only the last 200 are kept");
    // The other way round: a phone that does not read gets the newest half second.
    pass(5.0).await;
    let mut waiting = 0;
    while let Ok(event) = tokio::time::timeout(Duration::from_millis(1), phone.event()).await {
        waiting += u32::from(matches!(event, PhoneEvent::Audio(_)));
    }
    assert!(waiting <= 25, "{waiting} frames waited");
}

/// What a hundred merged calls cost: printed, not judged (`cargo test -- --nocapture`). Judged is that no frame is missing.
#[tokio::test(start_paused = true)]
async fn a_hundred_rooms_tick_on_time() {
    const ROOMS: u64 = 100;
    let exchange = exchange();
    let mut rooms = Vec::new();
    for n in 0..ROOMS {
        let numbers = [format!("+4915551{n:03}"), format!("+4915552{n:03}")];
        let [customer, supervisor] =
            numbers.clone().map(|number| Talker::on(exchange.register_phone(&number).unwrap(), 700.0));
        let room = exchange.open(&warmline_call::CallId::from_bits(n)).await.unwrap();
        let mut one = room.dial(to(LegRef::Customer, &numbers[0])).await.unwrap();
        let mut two = room.dial(to(LegRef::Supervisor(1), &numbers[1])).await.unwrap();
        answered(&mut one).await;
        answered(&mut two).await;
        room.merge().await.unwrap();
        let ears = (keep(one.line.ear), keep(two.line.ear));
        rooms.push((room, customer, supervisor, one.line.mouth, two.line.mouth, ears));
    }
    let before: Vec<usize> = rooms.iter().map(|r| r.1.heard().len()).collect();
    let started = std::time::Instant::now();
    pass(10.0).await;
    let cost = started.elapsed();
    for (room, before) in rooms.iter().zip(before) {
        assert!((499..=501).contains(&(room.1.heard().len() - before)));
    }
    let per_tick = cost.as_secs_f64() * 1e6 / (ROOMS as f64 * 500.0);
    println!("{ROOMS} merged rooms, phones and ears included: {per_tick:.1} us a room and tick");
}
