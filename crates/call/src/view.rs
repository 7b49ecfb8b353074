use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Action, CallId, DecidedBy, EndReason, Event, Leg, LegState, MediaCause, MediaState, Phase, Private, Recorded,
    RequestedBy, Side, Speaker, TransferOutcome, machine::can_be_claimed,
};

/// One call as the world sees it: the fold of its events. The same on the server, in the store and in the browser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallView {
    /// The call's id.
    pub call: CallId,
    /// Where it is.
    pub phase: Phase,
    /// Since when it is there.
    #[serde(with = "crate::moment")]
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
    #[serde(with = "crate::moment")]
    pub placed_at: Timestamp,
    /// Every phase it was in, with its beginning.
    #[serde(default)]
    pub phases: Vec<PhaseAt>,
    /// The latest state of each leg that was ever dialled.
    pub legs: Vec<LegView>,
    /// The latest request for a human.
    #[serde(default)]
    pub escalation: Option<Escalation>,
    /// Transfer attempts, in order.
    pub attempts: Vec<Attempt>,
    /// The latest briefing.
    pub briefing: Option<Briefing>,
    /// What was said, in the order in which it began. Lines that are still being said are there too.
    pub transcript: Vec<Line>,
    /// Whether hold music plays.
    pub hold_music: bool,
    /// Who has taken the escalation on.
    #[serde(default)]
    pub claimed_by: Option<String>,
    /// Who speaks with the customer in the agent's place.
    #[serde(default)]
    pub taken_over_by: Option<String>,
    /// Who listens in; somebody who listens twice is there twice.
    #[serde(default)]
    pub listeners: Vec<String>,
    /// What people did, in order; listening is not among it.
    #[serde(default)]
    pub acts: Vec<Act>,
    /// Where the time of the agent's turns went, in order.
    #[serde(default)]
    pub timings: Vec<Timings>,
    /// Whether the call's sound suffers: a connection that is lost and made again, speech that does not keep up.
    #[serde(default)]
    pub degraded: bool,
    /// What of the sound suffers.
    #[serde(default)]
    pub degraded_by: Vec<MediaCause>,
    /// How it ended, once it has.
    pub end: Option<End>,
    /// The last event folded in.
    pub seq: u64,
}

/// The beginning of a phase, in a [`CallView`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseAt {
    /// Which.
    pub phase: Phase,
    /// Since when.
    #[serde(with = "crate::moment")]
    pub at: Timestamp,
}

/// A request for a human, in a [`CallView`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Escalation {
    /// Who asked.
    pub by: RequestedBy,
    /// Why, in plain words.
    pub reason: Private<String>,
    /// When.
    #[serde(with = "crate::moment")]
    pub at: Timestamp,
}

/// What a person did, in a [`CallView`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// What.
    pub action: Action,
    /// Who.
    pub by: String,
    /// When.
    #[serde(with = "crate::moment")]
    pub at: Timestamp,
    /// Why, where they said so, or where it was not theirs to decide.
    #[serde(default)]
    pub reason: Option<Private<String>>,
}

/// Where the time of one turn went, in a [`CallView`]. Milliseconds, as in [`Event::TurnMetrics`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// When the agent began to answer.
    #[serde(with = "crate::moment")]
    pub at: Timestamp,
    /// End of speech to the decision that the turn is over.
    pub endpointing_ms: u32,
    /// Recognition.
    pub stt_ms: u32,
    /// Until the brain's first word.
    pub llm_first_token_ms: u32,
    /// Until the first audio.
    pub tts_first_audio_ms: u32,
    /// All in all.
    pub response_ms: u32,
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
    /// The network's name for the participant.
    #[serde(default)]
    pub participant_id: Option<String>,
    /// The network's name for the SIP call.
    #[serde(default)]
    pub sip_call_id: Option<String>,
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
    #[serde(with = "crate::moment")]
    pub started_at: Timestamp,
    /// When it ended; `None` while it is being said.
    #[serde(with = "crate::moment::option")]
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
            phases: vec![PhaseAt { phase: Phase::Queued, at: recorded.at }],
            legs: Vec::new(),
            escalation: None,
            attempts: Vec::new(),
            briefing: None,
            transcript: Vec::new(),
            hold_music: false,
            claimed_by: None,
            taken_over_by: None,
            listeners: Vec::new(),
            acts: Vec::new(),
            timings: Vec::new(),
            degraded: false,
            degraded_by: Vec::new(),
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
                self.phases.push(PhaseAt { phase: *to, at: recorded.at });
                self.taken_over_by = None;
                if !can_be_claimed(*to) {
                    self.claimed_by = None;
                }
            }
            Event::LegChanged { leg, state, attempt, phone, sip_status, reason } => {
                if self.is_latest(*attempt) {
                    let view = self.leg(*leg, *state);
                    view.state = *state;
                    view.reason.clone_from(reason);
                    view.sip_status = *sip_status;
                    if *state == LegState::Dialing {
                        (view.participant_id, view.sip_call_id) = (None, None);
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
            Event::LegIdentified { leg, attempt, participant_id, sip_call_id } => {
                if self.is_latest(*attempt) {
                    let view = self.leg(*leg, LegState::Dialing);
                    view.participant_id = Some(participant_id.clone());
                    view.sip_call_id = Some(sip_call_id.clone());
                }
            }
            Event::HoldMusic { playing } => self.hold_music = *playing,
            Event::MediaChanged { state, cause } => {
                let cause = cause.unwrap_or(MediaCause::Network);
                self.degraded_by.retain(|known| *known != cause);
                if *state == MediaState::Degraded {
                    self.degraded_by.push(cause);
                }
                self.degraded = !self.degraded_by.is_empty();
            }
            Event::Briefing { attempt, summary, points } => {
                self.briefing = Some(Briefing { attempt: *attempt, summary: summary.clone(), points: points.clone() });
            }
            Event::TransferDecided { attempt, outcome, by, reason } => {
                let attempt = self.attempt(*attempt);
                attempt.outcome = Some(*outcome);
                attempt.by = Some(*by);
                attempt.reason.clone_from(reason);
            }
            Event::EscalationRequested { by, reason } => {
                self.escalation = Some(Escalation { by: *by, reason: reason.clone(), at: recorded.at });
            }
            Event::TurnMetrics { endpointing_ms, stt_ms, llm_first_token_ms, tts_first_audio_ms, response_ms } => {
                self.timings.push(Timings {
                    at: recorded.at,
                    endpointing_ms: *endpointing_ms,
                    stt_ms: *stt_ms,
                    llm_first_token_ms: *llm_first_token_ms,
                    tts_first_audio_ms: *tts_first_audio_ms,
                    response_ms: *response_ms,
                });
            }
            Event::OperatorActed { action, by, reason } => self.acted(*action, by, reason.clone(), recorded.at),
            Event::CallEnded { reason, detail, talk_s, hold_s, time_to_human_s } => {
                self.hold_music = false;
                self.listeners.clear();
                self.degraded = false;
                self.degraded_by.clear();
                self.end = Some(End {
                    reason: *reason,
                    detail: detail.clone(),
                    talk_s: *talk_s,
                    hold_s: *hold_s,
                    time_to_human_s: *time_to_human_s,
                });
            }
            Event::CallPlaced { .. } => {}
        }
    }

    fn acted(&mut self, action: Action, by: &str, reason: Option<Private<String>>, at: Timestamp) {
        match action {
            Action::Listen => return self.listeners.push(by.to_owned()),
            Action::StopListening => {
                if let Some(at) = self.listeners.iter().position(|who| who == by) {
                    self.listeners.remove(at);
                }
                return;
            }
            Action::Claim => self.claimed_by = Some(by.to_owned()),
            Action::Release => self.claimed_by = None,
            Action::TakeOver => self.taken_over_by = Some(by.to_owned()),
            Action::GiveBack => self.taken_over_by = None,
            Action::Hangup | Action::Escalate | Action::Accept | Action::Decline | Action::Say | Action::Instruct => {}
        }
        self.acts.push(Act { action, by: by.to_owned(), at, reason });
    }

    /// Whether a leg of that attempt is what is shown: the leg of an earlier one may go when the next one rings already.
    fn is_latest(&self, attempt: Option<u32>) -> bool {
        attempt.is_none_or(|number| self.attempts.iter().all(|a| a.attempt <= number))
    }

    /// That leg, made if it is new.
    fn leg(&mut self, leg: Leg, state: LegState) -> &mut LegView {
        let at = match self.legs.iter().position(|l| l.leg == leg) {
            Some(at) => at,
            None => {
                let (reason, sip_status, participant_id, sip_call_id) = (None, None, None, None);
                self.legs.push(LegView { leg, state, reason, sip_status, participant_id, sip_call_id });
                self.legs.len() - 1
            }
        };
        &mut self.legs[at]
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
