use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Action, CallId, DecidedBy, EndReason, Leg, LegState, MediaCause, MediaState, Phase, Private, RequestedBy, Side,
    Speaker, TransferOutcome,
};

/// An event as the log holds it: numbered, dated, and of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The log's own number: global, rising by one, without gaps.
    pub seq: u64,
    /// Whose event it is.
    pub call: CallId,
    /// When it was written down: UTC, milliseconds.
    #[serde(with = "crate::moment")]
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened to a call: a flat object with its `type` on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The call was written down. Always the first.
    CallPlaced {
        /// E.164.
        phone_number: Private<String>,
        /// The customer's name, for the greeting.
        name: Option<Private<String>>,
        /// Language of speech and model, as in the request.
        language: String,
        /// Emotion of the agent's voice, as in the request.
        emotion: String,
        /// Whether the request brought instructions of its own.
        has_dynamic_instruction: bool,
        /// Whether a human can be reached from this call.
        escalation_enabled: bool,
    },
    /// The call moved on.
    PhaseChanged {
        /// Where it was.
        from: Phase,
        /// Where it is.
        to: Phase,
    },
    /// A leg moved on. Each dial starts with `dialing` and ends with `left`.
    LegChanged {
        /// Whose.
        leg: Leg,
        /// Where it is now.
        state: LegState,
        /// The transfer attempt a supervisor's leg belongs to, counted from 1.
        attempt: Option<u32>,
        /// The number dialled (with a supervisor's `dialing`).
        phone: Option<Private<String>>,
        /// The SIP final status, where there was one.
        sip_status: Option<u16>,
        /// Why, in one word or a short sentence (with `left`).
        reason: Option<String>,
    },
    /// The network's names for a leg, as soon as its dial has begun: what a provider asks for.
    LegIdentified {
        /// Whose.
        leg: Leg,
        /// The transfer attempt a supervisor's leg belongs to, counted from 1.
        attempt: Option<u32>,
        /// The participant in the room.
        participant_id: String,
        /// The SIP call.
        sip_call_id: String,
    },
    /// Somebody says something. Partials carry the whole text so far; the final one closes the utterance.
    Utterance {
        /// In which conversation.
        side: Side,
        /// Who.
        speaker: Speaker,
        /// Names the utterance within its call; partials and final share it.
        utterance: u64,
        /// What was said; of an interrupted agent, what was heard of it.
        text: Private<String>,
        /// Whether this is the last word on it.
        r#final: bool,
        /// Whether the other side broke in.
        interrupted: bool,
        /// When it began.
        #[serde(with = "crate::moment")]
        started_at: Timestamp,
        /// When it ended, once it has.
        #[serde(with = "crate::moment::option", default)]
        ended_at: Option<Timestamp>,
    },
    /// The customer's hold music started or stopped.
    HoldMusic {
        /// Whether it plays now.
        playing: bool,
    },
    /// The call's sound suffers, or is well again.
    MediaChanged {
        /// Which of the two.
        state: MediaState,
        /// What of it; each has an end of its own.
        cause: Option<MediaCause>,
    },
    /// Somebody asked for a human.
    EscalationRequested {
        /// Who.
        by: RequestedBy,
        /// Why, in plain words.
        reason: Private<String>,
    },
    /// What the supervisor is told before deciding.
    Briefing {
        /// Counts the transfer attempts of this call from 1.
        attempt: u32,
        /// Two or three sentences.
        summary: Private<String>,
        /// Who, what they want, what was tried, mood, last turns.
        points: Vec<Private<String>>,
    },
    /// A transfer attempt came out one way or the other. The first decision wins; there is one an attempt.
    TransferDecided {
        /// Counts the transfer attempts of this call from 1.
        attempt: u32,
        /// How.
        outcome: TransferOutcome,
        /// By what means.
        by: DecidedBy,
        /// Why, in plain words.
        reason: Option<Private<String>>,
    },
    /// Where the time of one turn of the agent went. Milliseconds.
    TurnMetrics {
        /// End of speech to the decision that the turn is over.
        endpointing_ms: u32,
        /// Recognition.
        stt_ms: u32,
        /// Until the brain's first word.
        llm_first_token_ms: u32,
        /// Until the first audio of the first sentence.
        tts_first_audio_ms: u32,
        /// End of the customer's speech to the agent's first audio on the line.
        response_ms: u32,
    },
    /// A person acted on the call.
    OperatorActed {
        /// What they did.
        action: Action,
        /// Who, as far as it is known ("console", "api", a name).
        by: String,
        /// Why: of a decline, in their words; of a give-back that nobody asked for, what was wrong.
        reason: Option<Private<String>>,
    },
    /// The call is over. Always the last.
    CallEnded {
        /// Why.
        reason: EndReason,
        /// The same in one plain sentence.
        detail: String,
        /// Seconds from the customer's answer to the end.
        talk_s: f64,
        /// Seconds of hold music.
        hold_s: f64,
        /// Seconds from the escalation's request to the merge, where there was one.
        time_to_human_s: Option<f64>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_flat_on_the_wire_and_comes_back_the_same() {
        let recorded = Recorded {
            seq: 1234,
            call: CallId::from_bits(0xa1b2_c3d4_e5f6),
            at: "2026-11-22T10:00:00.5Z".parse().unwrap(),
            event: Event::PhaseChanged { from: Phase::OnHold, to: Phase::CallingSupervisor },
        };
        let json = serde_json::to_string(&recorded).unwrap();
        assert_eq!(
            json,
            r#"{"seq":1234,"call":"outbound-a1b2c3d4e5f6","at":"2026-11-22T10:00:00.500Z","type":"phase_changed","from":"on_hold","to":"calling_supervisor"}"#
        );
        assert_eq!(serde_json::from_str::<Recorded>(&json).unwrap(), recorded);
    }

    #[test]
    fn what_may_be_missing_may_and_what_is_wrong_is_named() {
        let read = |fields: &str| serde_json::from_str::<Event>(&format!("{{{fields}}}")).map_err(|e| e.to_string());
        let left = Event::LegChanged {
            leg: Leg::Customer,
            state: LegState::Left,
            attempt: None,
            phone: None,
            sip_status: Some(486),
            reason: None,
        };
        let fields = r#""type":"leg_changed","leg":"customer","state":"left","sip_status":486,"more":[1]"#;
        assert_eq!(read(fields), Ok(left));
        for (fields, error) in [
            (r#""from":"on_hold""#, "missing field `type`"),
            (r#""type":"danced""#, "unknown variant `danced`"),
            (r#""type":"hold_music""#, "missing field `playing`"),
            (r#""type":"hold_music","playing":"yes""#, "invalid type: string \"yes\", expected a boolean"),
            (r#""type":"phase_changed","from":"on_hold","to":"dreaming""#, "unknown variant `dreaming`"),
        ] {
            let refused = read(fields).unwrap_err();
            assert!(refused.starts_with(error), "{fields}: {refused}");
        }
    }
}
