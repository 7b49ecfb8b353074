//! Joins a room and plays a tone of 440 Hz for ten seconds.
//!
//! `cargo run -p warmline-livekit --example tone -- ws://localhost:7880 TOKEN`

use std::{error::Error, f64::consts::TAU};

use warmline_livekit::{Options, Participant, TrackOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(token)) = (arguments.next(), arguments.next()) else {
        return Err("usage: tone URL TOKEN".into());
    };
    let (participant, _events) = Participant::connect(Options::new(url, token)).await?;
    let track = participant.publish(TrackOptions::new("tone")).await?;
    let tone: Vec<i16> =
        (0..160_000).map(|n| (8_000.0 * (TAU * 440.0 * f64::from(n) / 16_000.0).sin()) as i16).collect();
    // Paced by the track: it takes 60 ms ahead.
    track.write(&tone).await?;
    track.drained().await;
    println!("{} samples were played", track.played());
    participant.close().await;
    Ok(())
}
