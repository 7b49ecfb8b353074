//! Speech seams, turn-taking and the conversation: what the agent hears, thinks and says on a line.
//!
//! Frames → VAD → STT → turn-taking → brain → TTS → line. Audio stays in here; what leaves are [`Fact`]s.

mod agents;
mod brain;
mod briefing;
mod consult;
mod conversation;
mod intent;
pub mod lines;
mod listener;
mod llm;
mod load;
mod rules;
mod seams;
mod speaker;
mod stand_in;
mod turn;
mod vad;

pub use agents::{Agents, Colleague, CustomerAgent, LocalAgents, SupervisorAgent};
pub use briefing::prepare_briefing;
pub use consult::Consult;
pub use conversation::{Conversation, Fact, Setup, Spoken, Strain, TurnTimes};
pub use load::{Load, Need};
pub use seams::{
    Expect, LanguageModel, ModelError, Prompt, Role, Speech, SpeechError, SpeechToText, TextToSpeech, Token, Turn,
    Urgency, Utterance, VoiceStyle,
};
pub use stand_in::StandIn;
