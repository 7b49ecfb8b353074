use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, stream, stream::BoxStream};
use tokio::time::{Instant, sleep};

use super::*;
use crate::{LanguageModel, ModelError, SpeechError, SpeechToText, TextToSpeech, Token, Utterance, VoiceStyle};

struct Deaf;

#[async_trait]
impl SpeechToText for Deaf {
    async fn recognise(&self, _: Utterance) -> Result<String, SpeechError> {
        Ok(String::new())
    }
    fn understands(&self, _: &str) -> bool {
        true
    }
}

impl TextToSpeech for Deaf {
    fn speak(&self, _: &str, _: &VoiceStyle) -> BoxStream<'static, Result<Arc<[i16]>, SpeechError>> {
        stream::empty().boxed()
    }
    fn speaks(&self, _: &str) -> bool {
        true
    }
}

/// Says one text after a while.
struct Writes(u64, &'static str);

impl LanguageModel for Writes {
    fn reply(&self, prompt: Prompt) -> BoxStream<'static, Result<Token, ModelError>> {
        assert!(!prompt.tools);
        let Self(ms, text) = *self;
        stream::once(async move {
            sleep(Duration::from_millis(ms)).await;
            Ok(Token::Text(text.to_owned()))
        })
        .boxed()
    }
}

async fn briefing(turns: &[(Role, &str)], model: Option<Writes>) -> (String, Vec<String>) {
    let setup = Setup {
        name: Some("John Doe".into()),
        caller_name: None,
        instructions: String::new(),
        dynamic_instruction: Some("You are calling to follow up on their ticket.".into()),
        escalation: true,
        style: VoiceStyle { language: "en".to_owned(), emotion: "Calm".to_owned(), voice: 0 },
    };
    let turns: Vec<Turn> = turns.iter().map(|(role, text)| Turn { role: *role, text: (*text).to_owned() }).collect();
    let model = model.map(|m| Arc::new(m) as Arc<dyn LanguageModel>);
    let speech = Speech { stt: Arc::new(Deaf), tts: Arc::new(Deaf), model };
    let (summary, points) = prepare_briefing(&setup, &turns, "The customer asked for a human", &speech).await;
    (summary.into_inner(), points.into_iter().map(Private::into_inner).collect())
}

const TALK: &[(Role, &str)] = &[
    (Role::Agent, "Hello John Doe, this is the LiveKit support team. Do you have a moment?"),
    (Role::Person, "Yes."),
    (Role::Person, "I can't log in to my account since Monday. It is so frustrating."),
    (Role::Agent, "Please try to reset your password. Did that help?"),
    (Role::Person, "No. I want to talk to a real person."),
];

#[tokio::test(start_paused = true)]
async fn without_a_model_their_own_words_are_told() {
    let (summary, points) = briefing(TALK, None).await;
    assert_eq!(
        summary,
        "John Doe said: they can't log in to their account since Monday. They requested to speak with someone. They sound frustrated."
    );
    let all = points.join("\n");
    for part in [
        "Who: John Doe",
        "Wants: “I can't log in to my account since Monday.”",
        "Why a human: The customer asked for a human",
        "About: the agent called to follow up on their ticket.",
        "Tried: “Please try to reset your password.”",
        "Mood: frustrated",
        "customer: “No. I want to talk to a real person.”",
    ] {
        assert!(all.contains(part), "{part} is not in\n{all}");
    }
    assert!(!points.iter().any(|p| p.starts_with("Wants") && p.contains("“Yes.”")));
}

#[tokio::test(start_paused = true)]
async fn somebody_who_said_nothing_is_not_made_up() {
    let (summary, points) = briefing(&[(Role::Agent, "Hello."), (Role::Person, "Operator.")], None).await;
    assert_eq!(
        summary,
        "The call was about this: the agent called to follow up on their ticket. They requested to speak with someone."
    );
    assert!(
        points.contains(&"Wants: a human; they gave no details".to_owned())
            && points.contains(&"Tried: nothing yet".to_owned())
    );
    let (summary, _) = briefing(&[], None).await;
    assert!(summary.starts_with("The call was about this"), "{summary}");
}

#[tokio::test(start_paused = true)]
async fn a_model_writes_the_summary_within_three_seconds() {
    let good = "**John** can't log in since Monday. A reset did not help. He is upset. And so on. And on.";
    let (summary, _) = briefing(TALK, Some(Writes(2900, good))).await;
    assert_eq!(summary, "John can't log in since Monday. A reset did not help. He is upset.");

    let start = Instant::now();
    let (summary, _) = briefing(TALK, Some(Writes(10_000, good))).await;
    assert_eq!(start.elapsed(), WITHIN);
    assert!(summary.starts_with("John Doe said: they can't log in"), "{summary}");
    for bad in ["", "{\"a\": 1}", "ok"] {
        assert!(briefing(TALK, Some(Writes(0, bad))).await.0.starts_with("John Doe said"), "{bad}");
    }
}
