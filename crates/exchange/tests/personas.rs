//! Personas in whole calls, with a scripted agent at the other end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod support;

use std::{path::Path, sync::Arc, time::Duration};

use support::*;
use tokio::time::{Instant, timeout};
use warmline_call::{Left, LeftCause, LegFact, LegRef};
use warmline_exchange::{Exchange, ExchangeOptions, Personas};
use warmline_telephony::{Dialled, Heard, HoldMusic, Mouth};

/// The agent's voice.
const AGENT: f64 = 400.0;

async fn agent_says(mouth: &Mouth, seconds: f64) {
    let mut speech = mouth.begin();
    speech.push(&syllables(AGENT, (16_000.0 * seconds) as usize));
    speech.finish();
    speech.over().await;
}

/// Waits until a leg has spoken and fallen silent for a second.
async fn hears(dialled: &mut Dialled) -> bool {
    let (mut spoke, mut quiet) = (false, 0);
    let listen = async {
        loop {
            match dialled.line.ear.hear().await {
                Some(Heard::Frame(frame)) if frame.iter().any(|s| s.unsigned_abs() > 300) => (spoke, quiet) = (true, 0),
                Some(_) => quiet += 1,
                None => return false,
            }
            if spoke && quiet > 50 {
                return true;
            }
        }
    };
    timeout(Duration::from_secs(60), listen).await.unwrap_or(false)
}

async fn dial(exchange: &Exchange, leg: LegRef, number: &str) -> (Arc<dyn warmline_telephony::Room>, Dialled) {
    let room = open(exchange).await;
    let mut dialled = room.dial(to(leg, number)).await.unwrap();
    answered(&mut dialled).await;
    (room, dialled)
}

fn exchange_with(dir: &Path, persona: &str) -> Exchange {
    std::fs::write(dir.join("persona.toml"), persona).unwrap();
    Exchange::new(ExchangeOptions { personas: Personas::load(dir).unwrap(), ..options() })
}

async fn gone(dialled: &mut Dialled) -> Option<LegFact> {
    // Somebody has to listen, or the line's ears overflow.
    let drain = async { while dialled.line.ear.hear().await.is_some() {} };
    timeout(Duration::from_secs(600), drain).await.expect("the line ends");
    fact(&mut dialled.progress).await
}

fn hung_up() -> Option<LegFact> {
    Some(LegFact::Left(Left { cause: LeftCause::HungUp, sip_status: None }))
}

/// The whole of the default customer and the default supervisor, as the product's own flow would have it.
#[tokio::test(start_paused = true)]
async fn the_default_customer_and_supervisor_go_through_a_warm_transfer() {
    let dir = tempfile::tempdir().unwrap();
    let exchange = Exchange::new(ExchangeOptions { record: Some(dir.path().to_owned()), ..options() });
    let (room, mut customer) = dial(&exchange, LegRef::Customer, "+15550199999").await;
    let on_the_line = Instant::now();
    agent_says(&customer.line.mouth, 2.0).await;
    assert!(hears(&mut customer).await, "the problem");
    agent_says(&customer.line.mouth, 2.0).await;
    assert!(hears(&mut customer).await, "the wish for a human");
    agent_says(&customer.line.mouth, 1.5).await;
    customer.line.mouth.play_music(HoldMusic::ours().track());

    let mut supervisor = room.dial(to(LegRef::Supervisor(1), "+15550188888")).await.unwrap();
    let rang = Instant::now();
    answered(&mut supervisor).await;
    assert_eq!(rang.elapsed().as_millis() / 100, 15);
    assert!(hears(&mut supervisor).await, "hello");
    agent_says(&supervisor.line.mouth, 6.0).await;
    assert!(hears(&mut supervisor).await, "yes");
    agent_says(&supervisor.line.mouth, 1.0).await;
    customer.line.mouth.stop_music();
    let merged = on_the_line.elapsed();
    room.merge().await.unwrap();
    tokio::join!(agent_says(&customer.line.mouth, 2.0), agent_says(&supervisor.line.mouth, 2.0));
    room.leave().await;
    // Nobody listens to the supervisor's line; the transcript of the customer's goes on.
    drop(supervisor.line.ear);
    assert_eq!(gone(&mut customer).await, hung_up());
    assert_eq!(fact(&mut customer.progress).await, None);
    room.close().await;
    assert_eq!(
        fact(&mut supervisor.progress).await,
        Some(LegFact::Left(Left { cause: LeftCause::Released, sip_status: None }))
    );

    exchange.recorded().await;
    let said = |leg: &str| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(dir.path().join(format!("{}-{leg}-lines.json", call()))).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let words = |leg: &str| said(leg).iter().map(|l| l["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(words("customer").len(), 4, "{:?}", words("customer"));
    assert_eq!(words("supervisor-1")[..2], ["Hello?", "Yes, please connect me."]);
    assert_eq!(words("supervisor-1").len(), 5, "{:?}", words("supervisor-1"));

    let wav = |name: &str| -> Vec<i16> {
        let path = dir.path().join(format!("{}-{name}.wav", call()));
        hound::WavReader::open(path).unwrap().samples().collect::<Result<_, _>>().unwrap()
    };
    let (spoken, heard) = (wav("customer-said"), wav("customer-heard"));
    assert_eq!(spoken.len(), heard.len());
    for line in said("customer") {
        let (start, end) = (line["start"].as_u64().unwrap() as usize, line["end"].as_u64().unwrap() as usize);
        assert!(spoken[start..start + 400].iter().any(|&s| s != 0), "it begins where the list says");
        assert!(end == spoken.len() || spoken[end..(end + 320).min(spoken.len())].iter().all(|&s| s == 0));
    }
    // Voice 2 is the supervisor's: 600 Hz. It is heard after the merge and not before.
    let merged = (merged.as_secs_f64() * 16_000.0) as usize;
    let loudest = |audio: &[i16]| audio.chunks_exact(1_600).map(|c| amplitude(c, 600.0)).fold(0.0, f64::max);
    let (before, after) = (loudest(&heard[..merged]), loudest(&heard[merged..]));
    assert!(after > 2_000.0 && before < 1_000.0, "{before} before the merge, {after} after it");
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_answers_with_a_key() {
    let exchange = exchange();
    for (number, key) in [("+15550100203", '1'), ("+15550100205", '2')] {
        let (_room, mut supervisor) = dial(&exchange, LegRef::Supervisor(1), number).await;
        assert!(hears(&mut supervisor).await);
        agent_says(&supervisor.line.mouth, 4.0).await;
        let pressed = async {
            loop {
                if let Some(Heard::Key(key)) = supervisor.line.ear.hear().await {
                    return key;
                }
            }
        };
        assert_eq!(timeout(Duration::from_secs(5), pressed).await, Ok(key));
    }
}

#[tokio::test(start_paused = true)]
async fn a_voicemail_speaks_beeps_and_hangs_up() {
    let exchange = exchange();
    let (_room, mut machine) = dial(&exchange, LegRef::Customer, "+15550100016").await;
    let (mut beeped, mut frames) = (false, 0);
    while let Some(heard) = machine.line.ear.hear().await {
        if let Heard::Frame(frame) = heard {
            frames += 1;
            beeped |= amplitude(&frame, 1_000.0) > 4_000.0;
        }
    }
    assert!(beeped && frames > 1_500, "{frames}");
    assert_eq!(fact(&mut machine.progress).await, hung_up());
}

#[tokio::test(start_paused = true)]
async fn customers_hang_up_when_their_file_says_so() {
    let exchange = exchange();
    let (_room, mut at_once) = dial(&exchange, LegRef::Customer, "+15550100011").await;
    let mouth = at_once.line.mouth.clone();
    let mut greeting = mouth.begin();
    greeting.push(&syllables(AGENT, 16_000 * 5));
    greeting.finish();
    assert_eq!(gone(&mut at_once).await, hung_up());
    let played = greeting.over().await;
    assert!(played.cut && (16_000..20_000).contains(&played.samples), "{played:?}");

    for (number, seconds_of_music) in [("+15550100013", 2.5..4.5), ("+15550100014", 7.5..9.5)] {
        let (_room, mut customer) = dial(&exchange, LegRef::Customer, number).await;
        for _ in 0..2 {
            agent_says(&customer.line.mouth, 2.0).await;
            assert!(hears(&mut customer).await);
        }
        customer.line.mouth.play_music(HoldMusic::ours().track());
        let since = Instant::now();
        assert_eq!(gone(&mut customer).await, hung_up());
        let took = since.elapsed().as_secs_f64();
        assert!(seconds_of_music.contains(&took), "{number}: {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_impatient_persona_breaks_in_and_a_patient_one_waits() {
    let exchange = exchange();
    let (_room, mut customer) = dial(&exchange, LegRef::Customer, "+15550100006").await;
    let speech = customer.line.mouth.begin();
    speech.push(&syllables(AGENT, 16_000 * 20));
    let first_sound = async {
        loop {
            match customer.line.ear.hear().await {
                Some(Heard::Frame(frame)) if frame.iter().any(|s| s.unsigned_abs() > 300) => return,
                Some(_) => {}
                None => panic!("the customer is gone"),
            }
        }
    };
    timeout(Duration::from_secs(10), first_sound).await.unwrap();
    let played = speech.played().samples;
    assert!((16_000..20_800).contains(&played), "it broke in after {played} samples");

    let (_room, mut patient) = dial(&exchange, LegRef::Customer, "+15550100001").await;
    let mut frames = 0;
    let listen = async {
        while let Some(Heard::Frame(frame)) = patient.line.ear.hear().await {
            assert!(frame.iter().all(|s| s.unsigned_abs() < 300), "it spoke too early");
            frames += 1;
        }
    };
    tokio::select! {
        () = agent_says(&patient.line.mouth, 5.0) => {}
        () = listen => panic!("the customer is gone"),
    }
    assert!(frames >= 240, "5 s were listened to: {frames} frames");
    assert!(hears(&mut patient).await);
}

#[tokio::test(start_paused = true)]
async fn a_script_understands_words_plays_files_and_gives_up_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(dir.path().join("yes.wav"), spec).unwrap();
    tone(1_500.0, 0, 16_000).into_iter().for_each(|s| writer.write_sample(s).unwrap());
    writer.finalize().unwrap();
    let exchange = exchange_with(
        dir.path(),
        r#"
        name = "Ann"
        numbers = ["+4915559999"]
        role = "supervisor"
        answer = "after 100ms"
        noise = 20
        script = [
            { wait = "hear:not these words", within = "4s" },
            { key = "7" },
            { wait = "hear:READY", within = "60s" },
            { recording = "yes.wav" },
            { hang_up = true },
        ]
        "#,
    );
    let (_room, ann) = dial(&exchange, LegRef::Supervisor(1), "+4915559999").await;
    let since = Instant::now();
    let (mouth, mut progress, heard) = (ann.line.mouth.clone(), ann.progress, keep(ann.line.ear));
    pass(1.0).await;
    agent_says(&mouth, 0.5).await;
    pass(5.0).await;
    let frames = |hz: f64| heard.lock().unwrap().iter().filter(|h| matches!(h, Heard::Frame(f) if has(f, hz))).count();
    assert!(heard.lock().unwrap().contains(&Heard::Key('7')), "it gave up waiting");
    assert_eq!(frames(1_500.0), 0, "it does not speak before it has understood");
    agent_says(&mouth, 1.0).await;
    assert_eq!(fact(&mut progress).await, hung_up());
    assert!(since.elapsed() < Duration::from_secs(15));
    assert!((49..=51).contains(&frames(1_500.0)), "{}", frames(1_500.0));
    let noisy =
        heard.lock().unwrap().iter().filter(|h| matches!(h, Heard::Frame(f) if f.iter().any(|s| *s != 0))).count();
    assert!(noisy > 300, "the noise is there all the time: {noisy}");
}
