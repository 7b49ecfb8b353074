//! The agent's voice on one line: a script's sentences one after the other, cut at once when somebody breaks in, resumed
//! when they did not mean it, and always knowing what of it was really heard.

mod pieces;
mod saying;
mod script;

use std::future::pending;

use tokio::time::Instant;
use warmline_telephony::{FRAME_SAMPLES, Mouth};

use self::saying::Saying;

#[cfg(test)]
pub(crate) use self::script::Piece;
pub(crate) use self::script::{Script, Then};

/// What happens to what the agent says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    /// Its first sample is on the line.
    Started {
        /// The first sentence.
        text: String,
        /// When the brain had it.
        thought: Instant,
        /// When its first audio was there.
        audio: Instant,
        /// When it was on the line.
        at: Instant,
    },
    /// A further sentence is on the line.
    Further {
        /// All sentences so far.
        text: String,
    },
    /// It is over.
    Over(Said),
}

/// What the agent has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// What of it was heard.
    pub(crate) text: String,
    /// Whether it was cut short.
    pub(crate) interrupted: bool,
    /// What is to be done now; never after an interruption.
    pub(crate) then: Option<Then>,
    /// Whether there was something to say and nothing of it could be.
    pub(crate) failed: bool,
    /// Whether there was something to say at all.
    pub(crate) empty: bool,
}

/// The agent's voice on one line.
#[derive(Debug)]
pub(crate) struct Speaker {
    mouth: Mouth,
    saying: Option<Saying>,
}

impl Speaker {
    pub(crate) fn new(mouth: Mouth) -> Self {
        Self { mouth, saying: None }
    }

    /// Speaks a script, after cutting what was being said (which is not reported).
    pub(crate) fn say(&mut self, script: Script, breakable: bool) {
        self.mouth.clear();
        self.saying = Some(Saying::new(script, breakable));
    }

    /// Whether something is being said, or made to be.
    pub(crate) fn is_busy(&self) -> bool {
        self.saying.is_some()
    }

    /// Whether somebody may break into what is being said.
    pub(crate) fn is_breakable(&self) -> bool {
        self.saying.as_ref().is_some_and(|s| s.breakable)
    }

    /// What is to be done when all was heard, where that is known already.
    pub(crate) fn then(&self) -> Option<&Then> {
        self.saying.as_ref()?.then.as_ref()
    }

    /// What was heard so far of what is being said.
    pub(crate) fn heard(&self) -> String {
        self.saying.as_ref().map(Saying::heard).unwrap_or_default()
    }

    /// The sentence that is heard now, all of it.
    pub(crate) fn sentence(&self) -> Option<&str> {
        self.saying.as_ref()?.sentence()
    }

    /// Falls silent at once, and keeps what is left.
    pub(crate) fn hold(&mut self) {
        if let Some(saying) = &mut self.saying {
            saying.hold();
        }
    }

    /// Goes on where it was held.
    pub(crate) fn release(&mut self) {
        if let Some(saying) = &mut self.saying {
            saying.release(&self.mouth);
        }
    }

    /// Falls silent at once, for good. Gives what was said, if anything was being said.
    pub(crate) fn cut(&mut self) -> Option<Said> {
        let mut saying = self.saying.take()?;
        saying.hold();
        self.mouth.clear();
        Some(saying.said(true))
    }

    /// Leaves out what follows the sentence that is heard now. Gives what was said if that is nothing yet.
    pub(crate) fn finish_sentence(&mut self) -> Option<Said> {
        let saying = self.saying.as_mut()?;
        if saying.has_started() {
            saying.leave_out_the_rest();
            return None;
        }
        self.cut()
    }

    /// The next thing that happens. Cancel-safe; waits for ever while nothing is said.
    pub(crate) async fn next(&mut self) -> Progress {
        let Some(saying) = &mut self.saying else { return pending().await };
        let progress = saying.next(&self.mouth).await;
        if matches!(progress, Progress::Over(_)) {
            self.saying = None;
        }
        progress
    }

    /// What was put on the line since this was asked last: about a frame of it.
    pub(crate) fn played(&mut self) -> Vec<i16> {
        let played = self.saying.as_mut().map(Saying::take_played).unwrap_or_default();
        if played.is_empty() { vec![0; FRAME_SAMPLES] } else { played }
    }

    /// Music on this line, whenever nothing is said.
    pub(crate) fn mouth(&self) -> &Mouth {
        &self.mouth
    }
}
