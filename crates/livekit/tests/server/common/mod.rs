//! A real livekit-server for the tests, tokens for it, tones to send and to measure.

#[allow(dead_code, reason = "other tests share it, and each uses its own part")]
mod server;

use std::{future::Future, time::Duration};

pub use server::{KEY, SECRET, Server};
pub use warmline_testing::{Heard, Tone, measure};

use livekit_api::access_token::{AccessToken, VideoGrants};
use tokio::{sync::mpsc, time::timeout};
use warmline_livekit::{LocalTrack, Options, Participant, ParticipantEvent as Event, RemoteTrack, Secret};

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub type Events = mpsc::Receiver<Event>;

pub fn token(room: &str, identity: &str) -> Secret {
    let grants = VideoGrants {
        room_join: true,
        room: room.to_owned(),
        can_update_own_metadata: Some(true),
        ..VideoGrants::default()
    };
    let token = AccessToken::with_api_key(KEY, SECRET).with_identity(identity).with_kind("agent").with_grants(grants);
    Secret::new(token.to_jwt().unwrap())
}

pub fn options(server: &Server, room: &str, identity: &str) -> Options {
    Options::new(server.url(), token(room, identity))
}

/// Shows the log that `RUST_LOG` asks for.
pub fn show_log() {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
}

pub async fn join(server: &Server, room: &str, identity: &str) -> (Participant, Events) {
    Participant::connect(options(server, room, identity)).await.unwrap()
}

/// Fails instead of waiting for ever.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(done) => done,
        Err(_) => panic!("waited in vain: {what}"),
    }
}

/// Waits for an event that `pick` picks; those before it are passed over.
pub async fn event<T>(events: &mut Events, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
    let mut seen = Vec::new();
    let wait = async {
        loop {
            let event =
                events.recv().await.unwrap_or_else(|| panic!("no more events, waiting for {what}; saw {seen:?}"));
            seen.push(format!("{event:?}").chars().take(160).collect::<String>());
            if let Some(picked) = pick(event) {
                return picked;
            }
        }
    };
    match timeout(PATIENCE, wait).await {
        Ok(picked) => picked,
        Err(_) => panic!("waited in vain for {what}; saw {seen:#?}"),
    }
}

/// Waits until a track of that identity and name is heard.
pub async fn subscribed(events: &mut Events, who: &str, name: &str) -> RemoteTrack {
    event(events, &format!("{who}'s {name}"), |event| match event {
        Event::TrackSubscribed { identity, track, audio } if identity == who && track.name == name => Some(audio),
        _ => None,
    })
    .await
}

/// Keeps saying a tone until the track is gone.
pub fn say(track: &LocalTrack, hz: f64) -> tokio::task::JoinHandle<()> {
    let track = track.clone();
    tokio::spawn(async move {
        let mut tone = Tone::new(hz, 16_000);
        while track.write(&tone.next_frame()).await.is_ok() {}
    })
}

/// Listens for so many frames of 20 ms, after `skip` others.
pub async fn listen(track: &mut RemoteTrack, skip: usize, frames: usize) -> Vec<i16> {
    let mut heard = Vec::new();
    for n in 0..skip + frames {
        let frame = soon("a frame", track.next_frame()).await.expect("the track goes on");
        if n >= skip {
            heard.extend(frame);
        }
    }
    heard
}

/// Listens until that tone is heard.
pub async fn until_tone(track: &mut RemoteTrack, hz: f64) {
    let tone = async { while measure(&listen(track, 0, 5).await, hz).snr <= 10.0 {} };
    soon(&format!("{hz} Hz"), tone).await;
}

/// Listens until nothing is heard but what a codec makes of silence: after how many frames of 20 ms that is, five at a time.
pub async fn until_silence(track: &mut RemoteTrack) -> usize {
    let mut frames = 0;
    let silence = async {
        while listen(track, 0, 5).await.iter().any(|&sample| sample.unsigned_abs() >= 100) {
            frames += 5;
        }
    };
    soon("silence", silence).await;
    frames
}
