use serde::{Deserialize, Serialize};
use warmline_call::{CallView, Private, Recorded};

/// Body of the two POSTs that start calls.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutboundRequest {
    /// Customer phone number with country code (e.g. `+1234567890`).
    #[cfg_attr(feature = "openapi", schema(value_type = String, max_length = 64, pattern = r"^(\+|00)[ .()/-]*[1-9]([ .()/-]*[0-9]){6,14}[ .()/-]*$", examples("+1234567890")))]
    pub phone_number: Private<String>,
    /// Customer's name, for personalisation.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 200, examples("John Doe")))]
    pub name: Option<Private<String>>,
    /// Custom instructions for the AI agent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 4000))]
    pub dynamic_instruction: Option<Private<String>>,
    /// TTS language code (`en`, `es`, `fr`, …). Default: `TTS_LANGUAGE`, else `en`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 35, examples("en")))]
    pub language: Option<String>,
    /// TTS emotion (`Calm`, `Excited`, `Serious`, …). Default: `TTS_EMOTION`, else `Calm`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 64, examples("Calm")))]
    pub emotion: Option<String>,
}

/// The guide's success envelope.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutboundResponse {
    /// Always `success`.
    pub status: String,
    /// One sentence.
    pub message: String,
    /// What was placed.
    pub details: Details,
    /// What was said: `/calls/outbound` only.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub transcript: Option<Vec<TranscriptLine>>,
}

/// What was placed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Details {
    /// The call's id.
    pub call_id: String,
    /// E.164.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub phone_number: Private<String>,
    /// As it was sent.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub original_input: Private<String>,
    /// The customer's name.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required))]
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
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required))]
    pub supervisor_phone: Option<Private<String>>,
}

/// A line of the transcript that `/calls/outbound` returns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TranscriptLine {
    /// `customer`, `agent` or `supervisor`.
    pub speaker: String,
    /// What was said.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EscalateBody {
    /// Why.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 1000))]
    pub reason: Option<Private<String>>,
}

/// Body of `POST /calls/{id}/transfer/decline`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReasonBody {
    /// Why.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 1000))]
    pub reason: Option<Private<String>>,
}

/// Body of `POST /calls/{id}/say` and `…/instruct`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TextBody {
    /// What to say, or to know.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 2000))]
    pub text: Private<String>,
}
