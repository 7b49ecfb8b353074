//! The shapes of calls and events, for the document. A test holds them against what is really sent.
#![allow(dead_code, reason = "shapes for the document; nothing is ever made of them")]

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};
use warmline_api::{Details, call};

/// Declares the schema of a closed vocabulary.
macro_rules! words {
    ($($name:ident)+) => {$(
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = call::$name::ALL.iter().map(|word| word.as_str());
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

words! { Phase TransferOutcome EndReason Leg LegState MediaCause MediaState Side Speaker RequestedBy DecidedBy Action }

/// RFC 3339, milliseconds, UTC.
pub(crate) struct Moment;

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        let pattern = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$";
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).into()
    }
}

impl ToSchema for Moment {}

/// One call: the fold of its events.
#[derive(ToSchema)]
pub(crate) struct Call {
    /// The call's id.
    call: String,
    phase: Phase,
    /// Since when it is there.
    #[schema(inline)]
    phase_since: Moment,
    /// E.164.
    phone_number: String,
    /// The customer's name.
    #[schema(required)]
    name: Option<String>,
    language: String,
    emotion: String,
    /// Whether a human can be reached from it.
    escalation_enabled: bool,
    #[schema(inline)]
    placed_at: Moment,
    /// Every phase it was in, with its beginning.
    phases: Vec<PhaseAt>,
    legs: Vec<LegView>,
    /// The latest request for a human.
    #[schema(required)]
    escalation: Option<Escalation>,
    /// Transfer attempts, in order.
    attempts: Vec<Attempt>,
    #[schema(required)]
    briefing: Option<Briefing>,
    /// What was said, in the order in which it began.
    transcript: Vec<Line>,
    /// Whether hold music plays.
    hold_music: bool,
    /// Who has taken the escalation on.
    #[schema(required)]
    claimed_by: Option<String>,
    /// Who speaks with the customer in the agent's place.
    #[schema(required)]
    taken_over_by: Option<String>,
    /// Who listens in; somebody who listens twice is there twice.
    listeners: Vec<String>,
    /// What people did, in order; listening is not among it.
    acts: Vec<Act>,
    /// Where the time of the agent's turns went, in order.
    timings: Vec<Timings>,
    /// Whether the connection that carries the sound is lost, and being made again.
    degraded: bool,
    degraded_by: Vec<MediaCause>,
    #[schema(required)]
    end: Option<End>,
    /// The last event folded in.
    seq: u64,
}

/// One call with what its request was answered with.
#[derive(ToSchema)]
pub(crate) struct CallInFull {
    #[serde(flatten)]
    call: Call,
    /// `null` until the dial has begun.
    #[schema(required)]
    details: Option<Details>,
}

/// The latest state of a leg.
#[derive(ToSchema)]
pub(crate) struct LegView {
    leg: Leg,
    state: LegState,
    /// Why it left.
    #[schema(required)]
    reason: Option<String>,
    /// The SIP final status, where there was one.
    #[schema(required)]
    sip_status: Option<u16>,
    /// The network's name for the participant.
    #[schema(required)]
    participant_id: Option<String>,
    /// The network's name for the SIP call.
    #[schema(required)]
    sip_call_id: Option<String>,
}

/// The beginning of a phase.
#[derive(ToSchema)]
pub(crate) struct PhaseAt {
    phase: Phase,
    #[schema(inline)]
    at: Moment,
}

/// A request for a human.
#[derive(ToSchema)]
pub(crate) struct Escalation {
    by: RequestedBy,
    reason: String,
    #[schema(inline)]
    at: Moment,
}

/// What a person did.
#[derive(ToSchema)]
pub(crate) struct Act {
    action: Action,
    by: String,
    #[schema(inline)]
    at: Moment,
    #[schema(required)]
    reason: Option<String>,
}

/// Where the time of one turn of the agent went, in milliseconds.
#[derive(ToSchema)]
pub(crate) struct Timings {
    /// When the agent began to answer.
    #[schema(inline)]
    at: Moment,
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
}

/// A transfer attempt.
#[derive(ToSchema)]
pub(crate) struct Attempt {
    /// From 1.
    attempt: u32,
    #[schema(required)]
    supervisor_phone: Option<String>,
    state: LegState,
    #[schema(required)]
    outcome: Option<TransferOutcome>,
    #[schema(required)]
    by: Option<DecidedBy>,
    #[schema(required)]
    reason: Option<String>,
}

/// What a supervisor is told.
#[derive(ToSchema)]
pub(crate) struct Briefing {
    /// The attempt it was made for.
    attempt: u32,
    summary: String,
    points: Vec<String>,
}

/// One utterance.
#[derive(ToSchema)]
pub(crate) struct Line {
    /// Names it within the call.
    utterance: u64,
    side: Side,
    speaker: Speaker,
    text: String,
    #[schema(inline)]
    started_at: Moment,
    /// `null` while it is being said.
    #[schema(inline, required)]
    ended_at: Option<Moment>,
    interrupted: bool,
    r#final: bool,
}

/// How a call ended.
#[derive(ToSchema)]
pub(crate) struct End {
    reason: EndReason,
    /// The same in one plain sentence.
    detail: String,
    talk_s: f64,
    hold_s: f64,
    #[schema(required)]
    time_to_human_s: Option<f64>,
}

/// Everything that is known of one call.
#[derive(ToSchema)]
pub(crate) struct Bundle {
    /// The program's version.
    warmline: String,
    #[schema(inline)]
    made_at: Moment,
    call: Call,
    #[schema(required)]
    details: Option<Details>,
    events: Vec<RecordedEvent>,
}

/// A page of calls, newest first.
#[derive(ToSchema)]
pub(crate) struct CallPage {
    calls: Vec<Call>,
    /// For the next page, where there is one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Events of a call, in order and without gaps.
#[derive(ToSchema)]
pub(crate) struct EventPage {
    events: Vec<RecordedEvent>,
}

/// An event as the log holds it.
#[derive(ToSchema)]
pub(crate) struct RecordedEvent {
    /// The log's own number: global, rising by one, without gaps.
    seq: u64,
    call: String,
    #[schema(inline)]
    at: Moment,
    #[serde(flatten)]
    event: Event,
}

/// What happened to a call.
#[derive(ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Event {
    CallPlaced {
        phone_number: String,
        #[schema(required)]
        name: Option<String>,
        language: String,
        emotion: String,
        has_dynamic_instruction: bool,
        escalation_enabled: bool,
    },
    PhaseChanged {
        from: Phase,
        to: Phase,
    },
    LegChanged {
        leg: Leg,
        state: LegState,
        #[schema(required)]
        attempt: Option<u32>,
        #[schema(required)]
        phone: Option<String>,
        #[schema(required)]
        sip_status: Option<u16>,
        #[schema(required)]
        reason: Option<String>,
    },
    LegIdentified {
        leg: Leg,
        #[schema(required)]
        attempt: Option<u32>,
        participant_id: String,
        sip_call_id: String,
    },
    Utterance {
        side: Side,
        speaker: Speaker,
        utterance: u64,
        text: String,
        r#final: bool,
        interrupted: bool,
        #[schema(inline)]
        started_at: Moment,
        #[schema(inline, required)]
        ended_at: Option<Moment>,
    },
    HoldMusic {
        playing: bool,
    },
    MediaChanged {
        state: MediaState,
        #[schema(required)]
        cause: Option<MediaCause>,
    },
    EscalationRequested {
        by: RequestedBy,
        reason: String,
    },
    Briefing {
        attempt: u32,
        summary: String,
        points: Vec<String>,
    },
    TransferDecided {
        attempt: u32,
        outcome: TransferOutcome,
        by: DecidedBy,
        #[schema(required)]
        reason: Option<String>,
    },
    TurnMetrics {
        endpointing_ms: u32,
        stt_ms: u32,
        llm_first_token_ms: u32,
        tts_first_audio_ms: u32,
        response_ms: u32,
    },
    OperatorActed {
        action: Action,
        by: String,
        #[schema(required)]
        reason: Option<String>,
    },
    CallEnded {
        reason: EndReason,
        detail: String,
        talk_s: f64,
        hold_s: f64,
        #[schema(required)]
        time_to_human_s: Option<f64>,
    },
}

/// What `/ws/console` sends.
#[derive(ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ConsoleMessage {
    Snapshot { seq: u64, calls: Vec<Call> },
    Event { event: RecordedEvent },
    Heartbeat { seq: u64 },
}

/// What `/ws/phone` sends to the phone.
#[derive(ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum PhoneMessage {
    Ringing { call: String, from: String },
    Answered,
    Ended { reason: String },
}

/// What the phone sends.
#[derive(ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum PhoneOrder {
    Answer,
    Decline,
    Hangup,
    Dtmf { digit: String },
}
