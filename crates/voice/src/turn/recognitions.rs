use std::{future::pending, sync::Arc, time::Duration};

use tokio::{
    task::{AbortHandle, JoinSet},
    time::Instant,
};
use tokio_util::task::AbortOnDropHandle;

use super::strain::LATE;
use crate::{SpeechError, SpeechToText, Urgency, Utterance, listener::samples_time, load::patiently};

/// A line's recognitions that are under way.
#[derive(Default)]
pub(super) struct Recognitions {
    running: JoinSet<Recognised>,
    asked: Vec<(u64, AbortHandle)>,
}

/// What came of a recognition.
pub(super) struct Recognised {
    /// The listener's name for it.
    pub(super) job: u64,
    pub(super) text: Result<String, SpeechError>,
    /// Where a turn waited for it: whether it did for too long.
    pub(super) late: Option<bool>,
}

impl Recognitions {
    pub(super) fn ask(&mut self, job: u64, stt: Arc<dyn SpeechToText>, utterance: Utterance, patience: Duration) {
        let (asked, lasts) = (Instant::now(), samples_time(utterance.audio.len()));
        let waited_for = utterance.urgency == Urgency::Final;
        let handle = self.running.spawn(async move {
            let text = recognise(stt, utterance, patience).await;
            let late = text.is_err() || asked.elapsed() >= LATE + lasts / 2;
            Recognised { job, text, late: waited_for.then_some(late) }
        });
        self.asked.push((job, handle));
    }

    /// The next one that is done. Cancel-safe; waits for ever while none is under way.
    pub(super) async fn next(&mut self) -> Recognised {
        loop {
            match self.running.join_next().await {
                Some(Ok(recognised)) => {
                    self.asked.retain(|(job, _)| *job != recognised.job);
                    return recognised;
                }
                // Given up.
                Some(Err(_)) => {}
                None => return pending().await,
            }
        }
    }

    /// Gives up those that nobody waits for any more, so that others have their turn.
    pub(super) fn keep(&mut self, wanted: impl Fn(u64) -> bool) {
        self.asked.retain(|(job, handle)| {
            let keep = wanted(*job);
            if !keep {
                handle.abort();
            }
            keep
        });
    }
}

/// Recognises on a task of its own, so that a provider's panic is an error. What a turn waits for is tried twice, and waited
/// for while the provider works off what came before.
async fn recognise(
    stt: Arc<dyn SpeechToText>,
    utterance: Utterance,
    patience: Duration,
) -> Result<String, SpeechError> {
    let waited_for = utterance.urgency == Urgency::Final;
    let tries = if waited_for { 2 } else { 1 };
    let mut failure = SpeechError::Timeout(patience);
    for _ in 0..tries {
        let (ears, utterance) = (Arc::clone(&stt), utterance.clone());
        let work = AbortOnDropHandle::new(tokio::spawn(async move { ears.recognise(utterance).await }));
        failure = match patiently(work, patience, || stt.load()).await {
            Some(Ok(Ok(text))) => return Ok(text.trim().to_owned()),
            Some(Ok(Err(error))) => error,
            Some(Err(_)) => SpeechError::Failed("recognition broke down".into()),
            None => SpeechError::Timeout(patience),
        };
        if waited_for {
            tracing::warn!(error = %failure, "speech recognition failed");
        }
    }
    Err(failure)
}
