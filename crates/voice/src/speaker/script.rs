use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::BoxStream};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, timeout},
};
use tokio_util::task::AbortOnDropHandle;
use warmline_call::RequestedBy;

use super::pieces::pieces;
use crate::{Need, TextToSpeech, VoiceStyle, brain::Step, listener::samples_time, load::patiently, turn::Timing};

/// Pieces that wait for their turn on the line.
const PIECES: usize = 64;
/// Sentences that are made ahead of the one that is heard.
const AHEAD: usize = 1;
/// More sentences than this in one go are no answer but a loop.
const MOST_SENTENCES: usize = 60;

/// What the agent is going to say, made while the beginning of it is already heard. Dropping it stops the making.
#[derive(Debug)]
pub(crate) struct Script {
    pieces: mpsc::Receiver<Piece>,
    ahead: Arc<Semaphore>,
    /// Of the first sentence.
    need: Need,
    _making: AbortOnDropHandle<()>,
}

/// A piece of a [`Script`].
#[derive(Debug)]
pub(crate) enum Piece {
    /// A sentence begins; the brain had it at that moment.
    Sentence(String, Instant),
    /// Some of its audio.
    Audio(Arc<[i16]>),
    /// All of its audio is there.
    SentenceOver,
    /// This sentence could not be spoken.
    Unspoken,
    /// The brain did not answer.
    Stuck,
    /// What is to be done when all before it was heard.
    Then(Then),
}

/// What is to be done when the agent has spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// A human is wanted.
    Escalate {
        /// Customer or agent.
        by: RequestedBy,
        /// Why.
        reason: String,
    },
    /// Both are done.
    EndCall,
}

impl Script {
    /// Begins to make speech of the brain's steps, on speculation until it is [`Self::wanted`].
    pub(crate) fn make(
        steps: BoxStream<'static, Step>,
        tts: Arc<dyn TextToSpeech>,
        style: VoiceStyle,
        timing: Timing,
    ) -> Self {
        let (tx, pieces) = mpsc::channel(PIECES);
        let (ahead, need) = (Arc::new(Semaphore::new(AHEAD)), Need::speculative());
        let mut maker =
            Maker { tts, style, timing, pieces: tx, ahead: Arc::clone(&ahead), need: need.clone(), lasted: None };
        let making = AbortOnDropHandle::new(tokio::spawn(async move {
            let _gone = maker.make(steps).await;
        }));
        Self { pieces, ahead, need, _making: making }
    }

    /// It is going to be heard: its first sentence is waited for from now on.
    pub(crate) fn wanted(&self) {
        self.need.raise(Instant::now());
    }

    /// The next piece; `None` after the last.
    pub(crate) async fn next(&mut self) -> Option<Piece> {
        self.pieces.recv().await
    }

    /// One more sentence may be made.
    pub(crate) fn proceed(&self) {
        self.ahead.add_permits(1);
    }
}

struct Maker {
    tts: Arc<dyn TextToSpeech>,
    style: VoiceStyle,
    timing: Timing,
    pieces: mpsc::Sender<Piece>,
    ahead: Arc<Semaphore>,
    /// Of the sentence that is made.
    need: Need,
    /// How long the one before it lasts.
    lasted: Option<Duration>,
}

/// Nobody takes the pieces any more.
struct Gone;

impl Maker {
    async fn make(&mut self, mut steps: BoxStream<'static, Step>) -> Result<(), Gone> {
        for _ in 0..MOST_SENTENCES {
            let Ok(step) = timeout(self.timing.thought, steps.next()).await else {
                return self.send(Piece::Stuck).await;
            };
            let then = match step {
                None => return Ok(()),
                Some(Step::Say(text)) => {
                    for piece in pieces(&text) {
                        self.speak(piece.to_owned()).await?;
                    }
                    continue;
                }
                Some(Step::Escalate { by, reason }) => Then::Escalate { by, reason },
                Some(Step::EndCall) => Then::EndCall,
            };
            return self.send(Piece::Then(then)).await;
        }
        Ok(())
    }

    async fn speak(&mut self, text: String) -> Result<(), Gone> {
        let thought = Instant::now();
        self.ahead.acquire().await.map_err(|_| Gone)?.forget();
        self.send(Piece::Sentence(text.clone(), thought)).await?;
        if let Some(before) = self.lasted {
            // The one before is heard now, and this one has to be there at its end.
            self.need = Need::by(Instant::now() + before);
        }
        for attempt in 0..2 {
            let lasts = self.synthesise(&text).await?;
            self.lasted = Some(lasts);
            if !lasts.is_zero() {
                return self.send(Piece::SentenceOver).await;
            }
            tracing::warn!(attempt, "a sentence could not be spoken");
        }
        self.send(Piece::Unspoken).await
    }

    /// How much audio there was. What broke off after some is left as it is: repeating would be worse.
    async fn synthesise(&self, text: &str) -> Result<Duration, Gone> {
        let mut audio = self.tts.speak_when(text, &self.style, &self.need);
        let mut lasts = Duration::ZERO;
        let patience = self.timing.synthesis;
        loop {
            match patiently(audio.next(), patience, || self.tts.load()).await {
                Some(Some(Ok(chunk))) if chunk.is_empty() => {}
                Some(Some(Ok(chunk))) => {
                    lasts += samples_time(chunk.len());
                    self.send(Piece::Audio(chunk)).await?;
                }
                Some(None) => return Ok(lasts),
                Some(Some(Err(error))) => {
                    tracing::warn!(%error, "speech synthesis failed");
                    return Ok(lasts);
                }
                None => {
                    tracing::warn!("speech synthesis took longer than {patience:?}");
                    return Ok(lasts);
                }
            }
        }
    }

    async fn send(&self, piece: Piece) -> Result<(), Gone> {
        self.pieces.send(piece).await.map_err(|_| Gone)
    }
}
