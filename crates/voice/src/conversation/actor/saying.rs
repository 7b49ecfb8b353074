//! How the agent speaks, and what it does when it has spoken.

use futures::{StreamExt as _, stream};
use tokio::{sync::oneshot, time::Instant};
use warmline_call::FixedLine;

use super::{Actor, Saying};
use crate::{
    Fact, Role, TurnTimes,
    brain::Step,
    lines,
    speaker::{Said, Script, Then},
};

/// The agent gives up after so many turns in a row that it could not speak.
const MOST_FAILED: u32 = 2;

impl Actor {
    pub(super) fn on_began(&mut self, thought: Instant, audio: Instant, at: Instant) {
        let Some(turn) = self.answering.take() else { return };
        self.floor.tell(Fact::Turn(TurnTimes {
            endpointing_ms: millis(turn.ended, turn.decided),
            stt_ms: millis(turn.decided, turn.known),
            llm_first_token_ms: millis(turn.known, thought),
            tts_first_audio_ms: millis(thought.max(turn.known), audio),
            response_ms: millis(turn.ended, at),
        }));
    }

    /// The agent has said what it had to say.
    pub(super) fn on_spoke(&mut self, said: Said) {
        self.remember(Some(&said));
        self.answering = None;
        let saying = std::mem::replace(&mut self.saying, Saying::Reply);
        if !matches!(saying, Saying::Prompt) {
            self.quiet_since = Instant::now();
        }
        if let Saying::Fixed(done) = saying {
            let _gone = done.send(());
        } else if said.failed {
            return self.on_unspoken();
        } else {
            self.failed = 0;
        }
        match said.then {
            Some(Then::Escalate { by, reason }) => self.ask_for_human(by, reason),
            Some(Then::EndCall) => self.hand_over(Fact::Finished),
            None => self.say_next(),
        }
    }

    pub(super) fn on_unspoken(&mut self) {
        self.failed += 1;
        if self.failed >= MOST_FAILED {
            return self.fail("the agent's voice can't be made");
        }
        let text = if self.escalation { lines::offer_human() } else { lines::still_there() };
        self.say_text(text, Saying::Reply);
    }

    /// Goes on with the conversation after such a sentence.
    pub(super) fn go_on_after(&mut self, first: String) {
        let turns = self.history.with(&[(Role::Agent, &first)]);
        let script = self.floor.prepare(stream::iter([Step::Say(first)]).chain(self.brain.go_on(&turns)).boxed());
        self.speak(script, Saying::Reply, true);
    }

    pub(super) fn say_fixed(&mut self, line: FixedLine, done: oneshot::Sender<()>) {
        let script = self.floor.prepare(stream::iter([Step::Say(lines::fixed(line).to_owned())]).boxed());
        self.speak(script, Saying::Fixed(done), false);
    }

    pub(super) fn go_on(&mut self) {
        let script = self.floor.prepare(self.brain.go_on(self.history.turns()));
        self.speak(script, Saying::Reply, true);
    }

    pub(super) fn say_next(&mut self) {
        if self.floor.speaker().is_busy() {
            return;
        }
        if let Some(text) = self.sayings.pop_front() {
            self.say_text(&text, Saying::Reply);
        }
    }

    pub(super) fn say_text(&mut self, text: &str, saying: Saying) {
        let script = self.floor.prepare(stream::iter([Step::Say(text.to_owned())]).boxed());
        self.speak(script, saying, true);
    }

    pub(super) fn speak(&mut self, script: Script, saying: Saying, breakable: bool) {
        self.interrupt();
        self.saying = saying;
        self.floor.say(script, breakable);
    }

    /// Silences the agent; what was heard of it is remembered.
    pub(super) fn interrupt(&mut self) {
        let said = self.floor.cut();
        self.remember(said.as_ref());
        if said.is_some() {
            // Whoever waits for a fixed sentence is told by the drop.
            self.saying = Saying::Reply;
        }
    }

    pub(super) fn remember(&mut self, said: Option<&Said>) {
        let Some(said) = said else { return };
        self.history.add(Role::Agent, &said.text);
        self.floor.expect = self.expect_of_agent();
    }
}

fn millis(from: Instant, to: Instant) -> u32 {
    u32::try_from(to.saturating_duration_since(from).as_millis()).unwrap_or(u32::MAX)
}
