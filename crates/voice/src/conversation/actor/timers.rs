//! What the agent does because nobody has done anything for a while.

use tokio::time::Instant;
use warmline_call::{AgentMode as Mode, FixedLine};

use super::{Actor, Saying};
use crate::{Fact, lines, turn::Timing};

impl Actor {
    pub(super) fn on_due(&mut self) {
        match self.message.take() {
            Some(message) => self.say_fixed(FixedLine::VoicemailMessage, message.done),
            None => self.on_silence(),
        }
    }

    pub(super) fn on_silence(&mut self) {
        if self.mode == Mode::Replaced {
            // Told once for each stretch of silence.
            self.quiet_since = Instant::now();
            return self.floor.tell(Fact::ColleagueSilent);
        }
        if self.quiet_since.elapsed() >= self.timing.inaudible {
            return self.hand_over(Fact::Inaudible);
        }
        self.prompts += 1;
        self.say_text(lines::still_there(), Saying::Prompt);
    }

    /// When something is done because nobody has done anything.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let message = self.message.as_ref();
        message.map(|message| message.by.min(self.floor.last_sound() + self.timing.tone)).or_else(|| self.next_prompt())
    }

    /// When to ask whether somebody is there, or to give up. Not while anybody speaks.
    pub(super) fn next_prompt(&self) -> Option<Instant> {
        if self.mode == Mode::Replaced {
            let Timing { colleague_mute, colleague_silent, .. } = self.timing;
            let after = if self.colleague_heard { colleague_silent } else { colleague_mute };
            return Some(self.quiet_since + after);
        }
        let silent = self.mode == Mode::Talking && !self.floor.speaker().is_busy() && !self.floor.hears_somebody();
        let after = (self.timing.still_there * (self.prompts + 1)).min(self.timing.inaudible);
        silent.then(|| self.quiet_since + after)
    }
}
