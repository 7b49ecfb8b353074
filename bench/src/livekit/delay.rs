//! How long sound takes from one participant to another, through the server.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use tokio::time::{Instant, sleep, timeout};
use warmline_livekit::{Options, Participant, ParticipantEvent, RemoteTrack, TrackOptions};
use warmline_testing::{RATE, amplitude, tone};

use super::server::Server;
use crate::{
    Context,
    report::Row,
    stats::{Samples, millis},
};

const HZ: f64 = 1_000.0;
const LOUD: f64 = 8_000.0;
const PATIENCE: Duration = Duration::from_secs(10);

/// What the talker's source is to do and has done.
#[derive(Default)]
struct Talk {
    on: AtomicBool,
    /// When the tone's first frame was fetched.
    began: Mutex<Option<Instant>>,
}

pub(crate) async fn run(context: &Context, server: &Server) -> anyhow::Result<Row> {
    let token = |who| server.token("delay", who);
    let (listener, mut events) = Participant::connect(Options::new(server.url(), token("listener")?)).await?;
    let (talker, _told) = Participant::connect(Options::new(server.url(), token("talker")?)).await?;
    let talk = Arc::new(Talk::default());
    talker.publish_source(TrackOptions::new("tone"), source(Arc::clone(&talk))).await?;
    let heard = async {
        loop {
            let event = events.recv().await.context("the room is gone")?;
            if let ParticipantEvent::TrackSubscribed { audio, .. } = event {
                return anyhow::Ok(audio);
            }
        }
    };
    let mut audio = timeout(PATIENCE, heard).await.context("the talker is not heard")??;
    let mut delays = Samples::default();
    // The jitter buffer has to learn the network first.
    sleep(context.pick(Duration::from_secs(6), Duration::from_millis(500))).await;
    for n in 0..context.pick(30, 2) {
        until(&mut audio, false).await?;
        // Onsets fall everywhere between two frames.
        sleep(Duration::from_millis(300 + 7 * n)).await;
        while audio.try_next_frame().is_some() {}
        talk.on.store(true, Relaxed);
        let heard = until(&mut audio, true).await?;
        let began = talk.began.lock().unwrap_or_else(PoisonError::into_inner).take().context("nothing was said")?;
        delays.push(millis(began, heard));
        talk.on.store(false, Relaxed);
    }
    ensure!(!delays.is_empty(), "nothing was heard");
    let stats = audio.stats();
    talker.close().await;
    listener.close().await;
    Ok(Row::times("sound from one participant to another, through the server", &delays)
        .at_most("p50", delays.at(0.5), 175.0 / 2.0, "ms")
        .why(format!(
            "a tone's first frame fetched → the first frame with it read: the jitter buffer holds 20 ms or more on \
             purpose; {} frames lost",
            stats.lost
        )))
}

/// Waits until the tone is heard, or no longer, and says when.
async fn until(audio: &mut RemoteTrack, on: bool) -> anyhow::Result<Instant> {
    let search = async {
        loop {
            let frame = audio.next_frame().await.context("the track is gone")?;
            if (amplitude(&frame, HZ) > LOUD / 4.0) == on {
                return anyhow::Ok(Instant::now());
            }
        }
    };
    timeout(PATIENCE, search).await.context("the tone did not come or go")?
}

fn source(talk: Arc<Talk>) -> impl FnMut(&mut [i16]) -> bool + Send + 'static {
    let frame_of_tone = tone(HZ, LOUD, 0, RATE as usize / 50);
    let mut on = false;
    move |frame| {
        let before = std::mem::replace(&mut on, talk.on.load(Relaxed));
        if on && !before {
            *talk.began.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        // A whole number of periods lies in a frame: they join without a step.
        if on {
            frame.copy_from_slice(&frame_of_tone)
        } else {
            frame.fill(0)
        }
        true
    }
}
