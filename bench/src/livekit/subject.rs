//! A process with nothing but participants in it, so that what they cost can be read from its process. `participants.py` is
//! the same with LiveKit's own SDK.
//!
//! Orders come on its standard input, a line each, and are answered with a line of JSON each: `join TOKEN` joins, publishes
//! a voice and hears the talker's; `measure SECONDS` tells what came of the talkers' voices meanwhile. It ends with its input.

use std::{
    f64::consts::TAU,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout},
};
use warmline_livekit::{AutoSubscribe, Options, Participant, ParticipantEvent, RemoteTrack, TrackOptions};
use warmline_telephony::FRAME_TIME;

/// Who is listened to.
pub(crate) const TALKER: &str = "talker";

/// How long it may take until the talker is heard.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is heard of the talkers.
#[derive(Default)]
struct Frames {
    heard: AtomicU64,
    late: AtomicU64,
    sound: AtomicU64,
}

/// Takes orders until there are no more.
pub(crate) async fn run(url: &str) -> anyhow::Result<()> {
    let frames = Arc::new(Frames::default());
    let mut participants = Vec::new();
    let mut orders = orders();
    while let Some(order) = orders.recv().await {
        let answer = match order.split_once(' ') {
            Some(("join", token)) => {
                let (participant, joined) = join(url, token, &frames).await?;
                participants.push(participant);
                json!({ "joined_ms": joined.as_secs_f64() * 1_000.0 })
            }
            Some(("measure", seconds)) => measure(&frames, Duration::from_secs_f64(seconds.parse()?)).await,
            _ => bail!("no such order: {order}"),
        };
        println!("{answer}");
    }
    for participant in participants {
        participant.close().await;
    }
    Ok(())
}

/// The lines of the standard input.
fn orders() -> mpsc::Receiver<String> {
    let (orders, received) = mpsc::channel(4);
    std::thread::spawn(move || {
        let mut lines = std::io::stdin().lines().map_while(Result::ok);
        while lines.next().is_some_and(|line| orders.blocking_send(line).is_ok()) {}
    });
    received
}

/// Joins, and says how long that alone took; comes back when a voice is published and the talker is heard.
async fn join(url: &str, token: &str, frames: &Arc<Frames>) -> anyhow::Result<(Participant, Duration)> {
    let mut options = Options::new(url, token);
    options.subscribe = AutoSubscribe::Nothing;
    let begun = Instant::now();
    let (participant, events) = Participant::connect(options).await?;
    let joined = begun.elapsed();
    participant.publish_source(TrackOptions::new("voice"), voice()).await?;
    let (wanted, mut sids) = mpsc::channel(4);
    let (hears, heard) = oneshot::channel();
    tokio::spawn(listen(events, wanted, hears, Arc::clone(frames)));
    let sid = timeout(PATIENCE, sids.recv()).await?.context("nobody talks")?;
    participant.subscribe(vec![sid], true).await?;
    timeout(PATIENCE, heard).await?.context("the talker is not heard")?;
    Ok((participant, joined))
}

/// Reads a participant's events, and the talker's voice.
async fn listen(
    mut events: mpsc::Receiver<ParticipantEvent>,
    wanted: mpsc::Sender<String>,
    hears: oneshot::Sender<()>,
    frames: Arc<Frames>,
) {
    let mut hears = Some(hears);
    while let Some(event) = events.recv().await {
        match event {
            ParticipantEvent::TrackPublished { identity, track } if identity == TALKER => {
                let _ = wanted.try_send(track.sid);
            }
            ParticipantEvent::TrackSubscribed { audio, .. } => {
                tokio::spawn(count(audio, Arc::clone(&frames)));
                if let Some(hears) = hears.take() {
                    let _ = hears.send(());
                }
            }
            _ => {}
        }
    }
}

/// Frames are counted from the earliest: one that came early moves what is due.
async fn count(mut audio: RemoteTrack, frames: Arc<Frames>) {
    let mut due: Option<Instant> = None;
    while let Some(frame) = audio.next_frame().await {
        let now = Instant::now();
        let expected = due.map_or(now, |due| (due + FRAME_TIME).min(now));
        frames.heard.fetch_add(1, Relaxed);
        frames.late.fetch_add(u64::from(now - expected > FRAME_TIME), Relaxed);
        frames.sound.fetch_add(u64::from(frame.iter().any(|sample| sample.unsigned_abs() > 100)), Relaxed);
        due = Some(expected);
    }
}

async fn measure(frames: &Frames, time: Duration) -> serde_json::Value {
    let read = || [&frames.heard, &frames.late, &frames.sound].map(|count| count.load(Relaxed));
    let (before, begun) = (read(), Instant::now());
    sleep(time).await;
    let [heard, late, sound] = std::array::from_fn(|n| read()[n] - before[n]);
    json!({ "heard": heard, "late": late, "sound": sound, "seconds": begun.elapsed().as_secs_f64() })
}

/// Something like a voice: harmonics whose loudness changes four times a second, and never silent.
pub(crate) fn voice() -> impl FnMut(&mut [i16]) -> bool + Send + 'static {
    let second: Vec<i16> = (0..16_000)
        .map(|n| {
            let t = f64::from(n) / 16_000.0;
            let wave = (TAU * 180.0 * t).sin() + 0.5 * (TAU * 360.0 * t).sin() + 0.3 * (TAU * 1_250.0 * t).sin();
            (wave * (0.55 + 0.45 * (TAU * 4.0 * t).sin()) * 5_000.0) as i16
        })
        .collect();
    let mut at = 0;
    move |frame| {
        for sample in frame {
            *sample = second[at];
            at = (at + 1) % second.len();
        }
        true
    }
}
