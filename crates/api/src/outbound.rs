use serde::{Deserialize, Serialize};
use warmline_call::{CallView, Private, Recorded};

/// Body of the two POSTs that start calls.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutboundRequest {
    /// Customer phone number with country code (e.g. `+1234567890`).
    pub phone_number: Private<String>,
    /// Customer's name, for personalisation.
    #[serde(default)]
    pub name: Option<Private<String>>,
    /// Custom instructions for the AI agent.
    #[serde(default)]
    pub dynamic_instruction: Option<Private<String>>,
    /// TTS language code (`en`, `es`, `fr`, …). Default: `TTS_LANGUAGE`, else `en`.
    #[serde(default)]
    pub language: Option<String>,
    /// TTS emotion (`Calm`, `Excited`, `Serious`, …). Default: `TTS_EMOTION`, else `Calm`.
    #[serde(default)]
    pub emotion: Option<String>,
}

/// The guide's success envelope.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutboundResponse {
    /// Always `success`.
    pub status: String,
    /// One sentence.
    pub message: String,
    /// What was placed.
    pub details: Details,
    /// What was said: `/calls/outbound` only.
    pub transcript: Option<Vec<TranscriptLine>>,
}

/// What was placed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Details {
    /// The call's id.
    pub call_id: String,
    /// E.164.
    pub phone_number: Private<String>,
    /// As it was sent.
    pub original_input: Private<String>,
    /// The customer's name.
    pub name: Option<Private<String>>,
    /// The room, which is the call's id.
    pub room_name: String,
    /// The customer's participant in the room.
    pub participant_id: String,
    /// The SIP call's id.
    pub sip_call_id: String,
    /// Whether the request brought instructions of its own.
    pub has_dynamic_instruction: bool,
    /// Language of the call.
    pub language: String,
    /// Emotion of the agent's voice.
    pub emotion: String,
    /// Whether a human can be reached from this call.
    pub escalation_enabled: bool,
    /// The first supervisor's number.
    pub supervisor_phone: Option<Private<String>>,
}

/// A line of the transcript that `/calls/outbound` returns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TranscriptLine {
    /// `customer`, `agent` or `supervisor`.
    pub speaker: String,
    /// What was said.
    pub text: Private<String>,
    /// When it began, RFC 3339.
    pub at: String,
}

/// Answer of `GET /calls`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CallPage {
    /// Newest first.
    pub calls: Vec<CallView>,
    /// For the next page, where there is one.
    pub next_cursor: Option<String>,
}

/// Answer of `GET /calls/{id}/events`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EventPage {
    /// In order, gap-free for that call.
    pub events: Vec<Recorded>,
}

/// Body of `POST /calls/{id}/escalate`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EscalateBody {
    /// Why.
    #[serde(default)]
    pub reason: Option<Private<String>>,
}

/// Body of `POST /calls/{id}/transfer/decline`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ReasonBody {
    /// Why.
    #[serde(default)]
    pub reason: Option<Private<String>>,
}

/// Body of `POST /calls/{id}/say` and `…/instruct`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TextBody {
    /// What to say, or to know.
    pub text: Private<String>,
}
