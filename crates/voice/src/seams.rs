//! What the conversation needs from providers of speech and language. Local speech, cloud providers and the fakes of
//! tests implement these; a [`Speech`] is what settings chose.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{Load, Need};

/// Recognises speech.
#[async_trait]
pub trait SpeechToText: Send + Sync {
    /// Recognises one utterance.
    ///
    /// # Errors
    /// The provider failed; nothing was recognised.
    async fn recognise(&self, utterance: Utterance) -> Result<String, SpeechError>;

    /// Whether that language is understood (`en`, `es`, …).
    fn understands(&self, language: &str) -> bool;

    /// How busy it is now. Cheap.
    fn load(&self) -> Load {
        Load::default()
    }
}

/// What [`SpeechToText::recognise`] is given.
#[derive(Clone, Debug)]
pub struct Utterance {
    /// 16 kHz mono, trimmed by the VAD, at most 15 s.
    pub audio: Arc<[i16]>,
    /// Language of the call.
    pub language: String,
    /// A partial may be dropped or answered late under load; a final may not.
    pub urgency: Urgency,
    /// What is expected, so that short answers are weighed against each other.
    pub expect: Expect,
}

/// How much somebody waits for a recognition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// For show.
    Partial,
    /// The turn waits for it.
    Final,
}

/// What kind of answer is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    #[default]
    Anything,
    /// A yes or a no was asked for.
    YesOrNo,
}

/// Speaks.
pub trait TextToSpeech: Send + Sync {
    /// Speaks one sentence: chunks of 16 kHz mono PCM, the first as early as the provider can.
    fn speak(&self, sentence: &str, style: &VoiceStyle) -> BoxStream<'static, Result<Arc<[i16]>, SpeechError>>;

    /// The same, by a provider whose work waits for other work: what is needed first is made first.
    fn speak_when(
        &self,
        sentence: &str,
        style: &VoiceStyle,
        _need: &Need,
    ) -> BoxStream<'static, Result<Arc<[i16]>, SpeechError>> {
        self.speak(sentence, style)
    }

    /// Whether that language is spoken.
    fn speaks(&self, language: &str) -> bool;

    /// Whether anything of a text can be spoken: there is no sound for marks and pictures alone.
    fn can_speak(&self, text: &str) -> bool {
        text.chars().any(char::is_alphanumeric)
    }

    /// How busy it is now. Cheap.
    fn load(&self) -> Load {
        Load::default()
    }
}

/// How to speak.
#[derive(Clone, Debug, PartialEq)]
pub struct VoiceStyle {
    /// Language of the call.
    pub language: String,
    /// `Calm`, `Excited`, `Serious`, …: changes rate, pitch and energy audibly. Unknown ones are spoken calmly.
    pub emotion: String,
    /// Who speaks: 0 is the agent, other numbers are other people's voices.
    pub voice: u8,
}

/// A provider of speech failed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SpeechError {
    /// The models are not there (yet).
    #[error("speech is not ready: {0}")]
    NotReady(String),
    /// It took too long.
    #[error("speech took longer than {0:?}")]
    Timeout(Duration),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// A language model, streamed.
pub trait LanguageModel: Send + Sync {
    /// Continues a conversation. Dropping the stream cancels the request.
    fn reply(&self, prompt: Prompt) -> BoxStream<'static, Result<Token, ModelError>>;
}

/// What a [`LanguageModel`] is asked.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// Who the model is and what it is to do.
    pub system: String,
    /// What was said so far, oldest first.
    pub turns: Vec<Turn>,
    /// Whether it may call the two tools (escalate, end the call).
    pub tools: bool,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who.
    pub role: Role,
    /// What: of an interrupted agent only what was heard of it.
    pub text: String,
}

/// Who a turn is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The AI.
    Agent,
    /// The person on the phone. Untrusted text.
    Person,
    /// A human colleague who spoke with the person in the AI's place.
    Colleague,
    /// An operator's nudge, or a fact of the call ('the supervisor did not answer').
    Note,
}

/// A piece of a model's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// Some text to say.
    Text(String),
    /// Tool: connect the person with a human.
    Escalate {
        /// Why, in plain words.
        reason: String,
    },
    /// Tool: the call is done.
    EndCall,
}

/// A language model failed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ModelError {
    /// 401, 403.
    #[error("the language model refused the key (OPENAI_API_KEY)")]
    Unauthorized,
    /// 429.
    #[error("the language model is over its rate limit")]
    RateLimited,
    /// It took too long.
    #[error("the language model took longer than {0:?}")]
    Timeout(Duration),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// What a conversation speaks, hears and thinks with.
#[derive(Clone)]
pub struct Speech {
    /// Ears.
    pub stt: Arc<dyn SpeechToText>,
    /// Mouth.
    pub tts: Arc<dyn TextToSpeech>,
    /// Brain; `None`: the rule-based one.
    pub model: Option<Arc<dyn LanguageModel>>,
}

impl Speech {
    /// How busy ears and mouth are; of two that compute here, the ears.
    #[must_use]
    pub fn load(&self) -> Load {
        let ears = self.stt.load();
        if ears.workers > 0 { ears } else { self.tts.load() }
    }
}
