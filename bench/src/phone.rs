//! A phone held by a bench: it answers, says what it is given in real time, and knows when it hears something.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Context as _, bail};
use tokio::time::{Instant, timeout};
use warmline_exchange::{BrowserPhone, Exchange, PhoneEvent, PhoneHandle};
use warmline_telephony::{FRAME_SAMPLES, Frame};

/// From this root mean square on (−47 dBFS) a frame is heard.
const AUDIBLE: f64 = 150.0;

/// Nothing at all, not even silence, for so long: the exchange stands still.
const STUCK: Duration = Duration::from_secs(20);

/// A browser's phone, without the browser.
pub(crate) struct Phone {
    phone: BrowserPhone,
    handle: PhoneHandle,
    to_say: VecDeque<Frame>,
    /// When the first and the last audible frame of what was said last were sent.
    said: Option<(Instant, Instant)>,
}

/// 20 ms at a phone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    pub(crate) at: Instant,
    pub(crate) audible: bool,
    pub(crate) frame: Frame,
}

impl Phone {
    pub(crate) fn open(exchange: &Exchange, number: &str) -> anyhow::Result<Self> {
        let phone = exchange.register_phone(number)?;
        let handle = phone.handle();
        Ok(Self { phone, handle, to_say: VecDeque::new(), said: None })
    }

    /// Says this from the next frame on.
    pub(crate) fn say(&mut self, audio: &[i16]) {
        self.said = None;
        let frames = audio.chunks(FRAME_SAMPLES);
        self.to_say.extend(frames.map(|chunk| std::array::from_fn(|i| chunk.get(i).copied().unwrap_or(0))));
    }

    /// Whether all was said.
    pub(crate) fn is_silent(&self) -> bool {
        self.to_say.is_empty()
    }

    /// When the first audible frame of what was said last was sent.
    pub(crate) fn began(&self) -> Option<Instant> {
        self.said.map(|(began, _)| began)
    }

    /// When the last audible frame so far was sent.
    pub(crate) fn ended(&self) -> Option<Instant> {
        self.said.map(|(_, ended)| ended)
    }

    /// The next 20 ms; rings are answered on the way. `None`: the call is over.
    pub(crate) async fn tick(&mut self) -> anyhow::Result<Option<Tick>> {
        loop {
            match timeout(STUCK, self.phone.event()).await.context("no audio came")? {
                PhoneEvent::Ringing { .. } => self.handle.answer(),
                PhoneEvent::Answered => {}
                PhoneEvent::Ended { .. } => {
                    self.to_say.clear();
                    return Ok(None);
                }
                PhoneEvent::Audio(frame) => {
                    let at = Instant::now();
                    self.speak(at);
                    return Ok(Some(Tick { at, audible: is_audible(&frame), frame }));
                }
            }
        }
    }

    /// Waits until something is heard. `None`: not within that time, or the call is over.
    pub(crate) async fn until_audible(&mut self, within: Duration) -> anyhow::Result<Option<Instant>> {
        let deadline = Instant::now() + within;
        while let Some(tick) = self.tick().await? {
            if tick.audible {
                return Ok(Some(tick.at));
            }
            if tick.at > deadline {
                break;
            }
        }
        Ok(None)
    }

    /// Waits until nothing has been heard for so long. `false`: the call is over.
    pub(crate) async fn until_quiet(&mut self, quiet: Duration) -> anyhow::Result<bool> {
        let deadline = Instant::now() + Duration::from_secs(90);
        let mut last = Instant::now();
        while let Some(tick) = self.tick().await? {
            if tick.audible {
                last = tick.at;
            }
            if tick.at - last >= quiet {
                return Ok(true);
            }
            if tick.at > deadline {
                bail!("the agent did not stop speaking in a minute and a half");
            }
        }
        Ok(false)
    }

    pub(crate) fn press(&self, key: char) {
        self.handle.dtmf(key);
    }

    pub(crate) fn hang_up(&self) {
        self.handle.hang_up();
    }

    fn speak(&mut self, at: Instant) {
        let Some(frame) = self.to_say.pop_front() else { return };
        if is_audible(&frame) {
            self.said = Some((self.began().unwrap_or(at), at));
        }
        self.handle.audio(frame);
    }
}

/// Whether there is more in a frame than the line's own noise.
fn is_audible(frame: &Frame) -> bool {
    let energy: f64 = frame.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    (energy / FRAME_SAMPLES as f64).sqrt() > AUDIBLE
}
