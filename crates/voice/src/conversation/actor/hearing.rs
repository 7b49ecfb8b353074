//! What becomes of what the person says: whether it is a turn at all, what it asks for, and what is answered.

use tokio::time::Instant;
use warmline_call::{AgentMode as Mode, RequestedBy};

use super::{Actor, Prepared, Saying};
use crate::{
    Expect, Fact, Role, SpeechError,
    intent::{self, Wish},
    lines,
    listener::HeardTurn,
    speaker::Then,
};

/// The agent gives up after so many turns in a row that it could not hear.
const MOST_DEAF: u32 = 3;

impl Actor {
    /// The person has finished a turn.
    pub(super) fn on_turn(&mut self, turn: HeardTurn) {
        self.quiet_since = Instant::now();
        (self.prompts, self.deaf) = (0, 0);
        let prepared = self.prepared.take();
        self.look_for_machine(&turn.text, turn.began);
        if self.mode != Mode::Talking {
            self.history.add(Role::Person, &turn.text);
            if self.mode == Mode::Paused && intent::never_mind(&turn.text) {
                self.floor.tell(Fact::ChangedMind);
            }
            return;
        }
        if self.is_aside(&turn.text) {
            return self.floor.release();
        }
        self.interrupt();
        self.history.add(Role::Person, &turn.text);
        if let Some(reason) = self.wants_human(&turn.text) {
            return self.ask_for_human(RequestedBy::Customer, reason);
        }
        let script = match prepared.filter(|p| p.text == turn.text && p.turns == self.history.turns()) {
            Some(prepared) => prepared.script,
            None => self.floor.prepare(self.brain.reply(self.history.turns())),
        };
        self.answering = Some(turn);
        self.speak(script, Saying::Reply, true);
    }

    /// The person may have finished: think ahead.
    pub(super) fn on_guess(&mut self, text: String) {
        if self.mode != Mode::Talking || self.is_aside(&text) || self.wants_human(&text).is_some() {
            return;
        }
        let heard = self.floor.speaker().heard();
        let turns = self.history.with(&[(Role::Agent, &heard), (Role::Person, &text)]);
        let script = self.floor.prepare(self.brain.reply(&turns));
        self.prepared = Some(Prepared { text, turns, script });
    }

    pub(super) fn on_deaf(&mut self, error: &SpeechError) {
        self.deaf += 1;
        if self.mode != Mode::Talking {
            return;
        }
        if self.deaf >= MOST_DEAF {
            return self.fail(&format!("the person can't be understood: {error}"));
        }
        self.interrupt();
        let offer = self.deaf > 1 && self.escalation;
        self.say_text(if offer { lines::offer_human() } else { lines::not_understood() }, Saying::Reply);
    }

    /// Whether this is no turn of its own but said along with what the agent says.
    pub(super) fn is_aside(&self, text: &str) -> bool {
        let speaker = self.floor.speaker();
        if !speaker.is_busy() {
            return false;
        }
        let goodbye = speaker.then() == Some(&Then::EndCall) && intent::says_goodbye(text);
        // 'Yes' and the like are answers where the agent is asking something.
        let asking = speaker.sentence().is_none_or(|s| s.trim_end().ends_with('?'));
        !speaker.is_breakable() || goodbye || (intent::is_backchannel(text) && !asking)
    }

    pub(super) fn wants_human(&self, text: &str) -> Option<String> {
        match intent::wish(text) {
            Wish::Human { reason } if self.escalation => Some(reason),
            _ => None,
        }
    }

    pub(super) fn look_for_machine(&mut self, text: &str, began: Instant) {
        let early = self.started.is_some_and(|at| began.saturating_duration_since(at) <= self.timing.machine);
        if self.mode == Mode::Talking && early && intent::is_machine_greeting(text) {
            self.hand_over(Fact::Machine);
        }
    }

    /// What kind of answer the agent's last words ask for.
    pub(super) fn expect_of_agent(&self) -> Expect {
        let last = self.history.turns().last().filter(|t| t.role == Role::Agent).map(|t| t.text.as_str());
        let text = self.floor.speaker().sentence().or(last).unwrap_or_default();
        if text.ends_with(lines::offer_human()) { Expect::YesOrNo } else { Expect::Anything }
    }
}
