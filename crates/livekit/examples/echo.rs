//! Joins a room and says back to everybody what they say.
//!
//! `cargo run -p warmline-livekit --example echo -- ws://localhost:7880 TOKEN`

use std::error::Error;

use warmline_livekit::{LocalTrack, Options, Participant, ParticipantEvent, RemoteTrack, TrackOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(token)) = (arguments.next(), arguments.next()) else {
        return Err("usage: echo URL TOKEN".into());
    };
    let (participant, mut events) = Participant::connect(Options::new(url, token)).await?;
    println!("in {} as {}", participant.room(), participant.identity());
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                participant.close().await;
                return Ok(());
            }
        };
        match event {
            Some(ParticipantEvent::TrackSubscribed { identity, audio, .. }) => {
                // A track for each: their sounds would not mix in one.
                let track = participant.publish(TrackOptions::new(format!("echo of {identity}"))).await?;
                tokio::spawn(echo(audio, track));
            }
            Some(ParticipantEvent::Disconnected(reason)) => return Err(reason.into()),
            Some(event) => println!("{event:?}"),
            None => return Ok(()),
        }
    }
}

async fn echo(mut heard: RemoteTrack, said: LocalTrack) {
    while let Some(frame) = heard.next_frame().await {
        if said.write(&frame).await.is_err() {
            return;
        }
    }
    let _ = said.unpublish().await;
}
