//! What participants cost: each is in a room with one other, publishes a voice-like sound and hears the other's.
//!
//! `cargo run --release -p warmline-livekit --example participants -- ws://localhost:7880 KEY SECRET [COUNTS]`, with the
//! counts separated by commas (`2,10,50,100`).

use std::{
    error::Error,
    f64::consts::TAU,
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use livekit_api::access_token::{AccessToken, VideoGrants};
use warmline_livekit::{Options, Participant, ParticipantEvent, TrackOptions};

const MEASURED: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, key, secret, ..] = arguments.as_slice() else {
        return Err("usage: participants URL KEY SECRET [COUNTS]".into());
    };
    let counts = arguments.get(3).map_or("2,10,50,100", String::as_str);
    println!("participants  joined  CPU of a core  a participant    RSS  a participant  threads  heard  worst");
    for count in counts.split(',') {
        measure(url, key, secret, count.trim().parse()?).await?;
    }
    Ok(())
}

async fn measure(url: &str, key: &str, secret: &str, count: usize) -> Result<(), Box<dyn Error>> {
    let (base, heard) = (resident_kb()?, Arc::new((0..count).map(|_| AtomicU64::new(0)).collect::<Vec<_>>()));
    let started = Instant::now();
    let mut participants = Vec::new();
    for n in 0..count {
        let room = format!("bench-{count}-{}", n / 2);
        let grants = VideoGrants { room_join: true, room, ..VideoGrants::default() };
        let token =
            AccessToken::with_api_key(key, secret).with_identity(&format!("p{n}")).with_grants(grants).to_jwt()?;
        let (participant, mut events) = Participant::connect(Options::new(url, token)).await?;
        let mut at = 0_u64;
        let voice = move |frame: &mut [i16]| {
            for sample in frame {
                let t = at as f64 / 16_000.0;
                let wave = (TAU * 180.0 * t).sin() + 0.5 * (TAU * 360.0 * t).sin() + 0.3 * (TAU * 1_250.0 * t).sin();
                *sample = (wave * (0.55 + 0.45 * (TAU * 4.0 * t).sin()) * 5_000.0) as i16;
                at += 1;
            }
            true
        };
        participant.publish_source(TrackOptions::new("voice"), voice).await?;
        let heard = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let ParticipantEvent::TrackSubscribed { mut audio, .. } = event {
                    let heard = Arc::clone(&heard);
                    tokio::spawn(async move {
                        while let Some(frame) = audio.next_frame().await {
                            let sound = frame.iter().any(|sample| sample.unsigned_abs() > 100);
                            heard[n].fetch_add(u64::from(sound), Relaxed);
                        }
                    });
                }
            }
        });
        participants.push(participant);
    }
    let joined = started.elapsed();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before: Vec<u64> = heard.iter().map(|frames| frames.load(Relaxed)).collect();
    let (cpu, clock) = (cpu_seconds()?, Instant::now());
    tokio::time::sleep(MEASURED).await;
    let passed = clock.elapsed().as_secs_f64();
    let cpu = (cpu_seconds()? - cpu) / passed * 100.0;
    let shares: Vec<f64> =
        heard.iter().zip(before).map(|(now, before)| (now.load(Relaxed) - before) as f64 / 50.0 / passed).collect();
    let resident = resident_kb()?;
    println!(
        "{count:12}  {joined:6.1?}  {cpu:11.1} %  {:11.2} %  {:4.0} MB  {:10.2} MB  {:7}  {:4.1} %  {:4.1} %",
        cpu / count as f64,
        resident / 1_024.0,
        (resident - base) / 1_024.0 / count as f64,
        fs::read_dir("/proc/self/task")?.count(),
        shares.iter().sum::<f64>() / count as f64 * 100.0,
        shares.iter().copied().fold(f64::MAX, f64::min) * 100.0,
    );
    for participant in participants {
        participant.close().await;
    }
    Ok(())
}

/// User and system time of this process, in seconds (Linux; a tick is 10 ms).
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?.1;
    let ticks: Result<Vec<f64>, _> = after_name.split_whitespace().skip(11).take(2).map(str::parse).collect();
    Ok(ticks?.iter().sum::<f64>() / 100.0)
}

fn resident_kb() -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
