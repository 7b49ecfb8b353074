use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    CallId, DecidedBy, EndReason, Event, Leg, LegState, MediaState, Phase, Private, Recorded, Side, Speaker,
    TransferOutcome,
    event::{millis, millis_option},
};

/// One call as the world sees it: the fold of its events. The same on the server, in the store and in the browser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallView {
    /// The call's id.
    pub call: CallId,
    /// Where it is.
    pub phase: Phase,
    /// Since when it is there.
    #[serde(with = "millis")]
    pub phase_since: Timestamp,
    /// E.164.
    pub phone_number: Private<String>,
    /// The customer's name.
    pub name: Option<Private<String>>,
    /// Language of the call.
    pub language: String,
    /// Emotion of the agent's voice.
    pub emotion: String,
    /// Whether a human can be reached from it.
    pub escalation_enabled: bool,
    /// When it was written down.
    #[serde(with = "millis")]
    pub placed_at: Timestamp,
    /// The latest state of each leg that was ever dialled.
    pub legs: Vec<LegView>,
    /// Transfer attempts, in order.
    pub attempts: Vec<Attempt>,
    /// The latest briefing.
    pub briefing: Option<Briefing>,
    /// What was said, in the order in which it began. Lines that are still being said are there too.
    pub transcript: Vec<Line>,
    /// Whether hold music plays.
    pub hold_music: bool,
    /// Whether the connection that carries the sound is lost, and being made again.
    pub degraded: bool,
    /// How it ended, once it has.
    pub end: Option<End>,
    /// The last event folded in.
    pub seq: u64,
}

/// A leg in a [`CallView`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LegView {
    /// Whose.
    pub leg: Leg,
    /// Where it is.
    pub state: LegState,
    /// Why it left.
    pub reason: Option<String>,
    /// The SIP final status, where there was one.
    pub sip_status: Option<u16>,
}

/// A transfer attempt in a [`CallView`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub attempt: u32,
    /// The number dialled.
    pub supervisor_phone: Option<Private<String>>,
    /// Where the supervisor's leg is.
    pub state: LegState,
    /// How it came out, once it has.
    pub outcome: Option<TransferOutcome>,
    /// By what means.
    pub by: Option<DecidedBy>,
    /// Why.
    pub reason: Option<Private<String>>,
}

/// What a supervisor is told, in a [`CallView`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Briefing {
    /// The attempt it was made for.
    pub attempt: u32,
    /// Two or three sentences.
    pub summary: Private<String>,
    /// Who, what they want, what was tried, mood, last turns.
    pub points: Vec<Private<String>>,
}

/// One utterance in a [`CallView`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Names it within the call.
    pub utterance: u64,
    /// In which conversation.
    pub side: Side,
    /// Who.
    pub speaker: Speaker,
    /// What.
    pub text: Private<String>,
    /// When it began.
    #[serde(with = "millis")]
    pub started_at: Timestamp,
    /// When it ended; `None` while it is being said.
    #[serde(with = "millis_option")]
    pub ended_at: Option<Timestamp>,
    /// Whether the other side broke in.
    pub interrupted: bool,
    /// Whether the text is final.
    pub r#final: bool,
}

/// How a call ended, in a [`CallView`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Why.
    pub reason: EndReason,
    /// The same in one plain sentence.
    pub detail: String,
    /// Seconds from the customer's answer to the end.
    pub talk_s: f64,
    /// Seconds of hold music.
    pub hold_s: f64,
    /// Seconds from the escalation's request to the merge.
    pub time_to_human_s: Option<f64>,
}

impl CallView {
    /// The view of a call that has just been placed. `None` where the event is not `call_placed`.
    #[must_use]
    pub fn placed(recorded: &Recorded) -> Option<Self> {
        let Event::CallPlaced { phone_number, name, language, emotion, escalation_enabled, .. } = &recorded.event
        else {
            return None;
        };
        Some(Self {
            call: recorded.call.clone(),
            phase: Phase::Queued,
            phase_since: recorded.at,
            phone_number: phone_number.clone(),
            name: name.clone(),
            language: language.clone(),
            emotion: emotion.clone(),
            escalation_enabled: *escalation_enabled,
            placed_at: recorded.at,
            legs: Vec::new(),
            attempts: Vec::new(),
            briefing: None,
            transcript: Vec::new(),
            hold_music: false,
            degraded: false,
            end: None,
            seq: recorded.seq,
        })
    }

    /// Folds one more event in. Events of other calls and those already folded in change nothing.
    pub fn apply(&mut self, recorded: &Recorded) {
        if recorded.call != self.call || recorded.seq <= self.seq {
            return;
        }
        self.seq = recorded.seq;
        match &recorded.event {
            Event::PhaseChanged { to, .. } => {
                self.phase = *to;
                self.phase_since = recorded.at;
            }
            Event::LegChanged { leg, state, attempt, phone, sip_status, reason } => {
                // The leg of an earlier attempt may go when the next one rings already.
                if attempt.is_none_or(|number| self.attempts.iter().all(|a| a.attempt <= number)) {
                    let view = LegView { leg: *leg, state: *state, reason: reason.clone(), sip_status: *sip_status };
                    match self.legs.iter_mut().find(|l| l.leg == *leg) {
                        Some(known) => *known = view,
                        None => self.legs.push(view),
                    }
                }
                if let Some(number) = attempt {
                    let attempt = self.attempt(*number);
                    attempt.state = *state;
                    if phone.is_some() {
                        attempt.supervisor_phone.clone_from(phone);
                    }
                }
            }
            Event::Utterance { side, speaker, utterance, text, r#final, interrupted, started_at, ended_at } => {
                self.utter(Line {
                    utterance: *utterance,
                    side: *side,
                    speaker: *speaker,
                    text: text.clone(),
                    started_at: *started_at,
                    ended_at: *ended_at,
                    interrupted: *interrupted,
                    r#final: *r#final,
                });
            }
            Event::HoldMusic { playing } => self.hold_music = *playing,
            Event::MediaChanged { state } => self.degraded = *state == MediaState::Degraded,
            Event::Briefing { attempt, summary, points } => {
                self.briefing = Some(Briefing { attempt: *attempt, summary: summary.clone(), points: points.clone() });
            }
            Event::TransferDecided { attempt, outcome, by, reason } => {
                let attempt = self.attempt(*attempt);
                attempt.outcome = Some(*outcome);
                attempt.by = Some(*by);
                attempt.reason.clone_from(reason);
            }
            Event::CallEnded { reason, detail, talk_s, hold_s, time_to_human_s } => {
                self.hold_music = false;
                self.degraded = false;
                self.end = Some(End {
                    reason: *reason,
                    detail: detail.clone(),
                    talk_s: *talk_s,
                    hold_s: *hold_s,
                    time_to_human_s: *time_to_human_s,
                });
            }
            Event::CallPlaced { .. }
            | Event::EscalationRequested { .. }
            | Event::TurnMetrics { .. }
            | Event::OperatorActed { .. } => {}
        }
    }

    /// The attempt of that number, made if it is new.
    fn attempt(&mut self, number: u32) -> &mut Attempt {
        let at = match self.attempts.iter().position(|a| a.attempt == number) {
            Some(at) => at,
            None => {
                self.attempts.push(Attempt {
                    attempt: number,
                    supervisor_phone: None,
                    state: LegState::Dialing,
                    outcome: None,
                    by: None,
                    reason: None,
                });
                self.attempts.len() - 1
            }
        };
        &mut self.attempts[at]
    }

    /// Adds a line or replaces its earlier partial; a final line that came out empty is dropped.
    fn utter(&mut self, line: Line) {
        let known = self.transcript.iter().rposition(|l| l.utterance == line.utterance);
        match known {
            Some(at) if line.r#final && line.text.reveal().is_empty() => {
                self.transcript.remove(at);
            }
            Some(at) => self.transcript[at] = line,
            None if line.text.reveal().is_empty() => {}
            None => {
                let at = self.transcript.iter().rposition(|l| l.started_at <= line.started_at).map_or(0, |at| at + 1);
                self.transcript.insert(at, line);
            }
        }
    }
}
