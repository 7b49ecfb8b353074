//! A language model behind any OpenAI-compatible endpoint, streamed, with tools.
//!
//! [`OpenAi`] asks `POST {base}/chat/completions` with `stream: true`. The model has two tools and no others: `escalate`
//! and `end_call`.

mod answer;
mod request;
mod sse;

use std::{fmt, time::Duration};

use futures::{StreamExt as _, stream, stream::BoxStream};
use reqwest::{Client, StatusCode, redirect};
use tokio::time::Instant;
use warmline_voice::{LanguageModel, ModelError, Prompt, Token};

use answer::Answer;

const CONNECT: Duration = Duration::from_secs(3);
/// The longest silence of an endpoint. The conversation gives up long before.
const SILENCE: Duration = Duration::from_secs(20);
const WHOLE: Duration = Duration::from_secs(60);
const CHECK: Duration = Duration::from_secs(5);

/// An OpenAI-compatible endpoint and a model there. Cheap to clone.
#[derive(Clone)]
pub struct OpenAi {
    client: Client,
    base_url: String,
    key: Option<String>,
    model: String,
}

/// The HTTP client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the client for the language model could not be set up")]
pub struct SetupError(#[source] reqwest::Error);

/// What [`OpenAi::check`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Whether the endpoint answers, takes the key and knows the model.
    pub ok: bool,
    /// One plain sentence, with the fix where something is wrong. Never holds the key.
    pub sentence: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

impl OpenAi {
    /// A model at `base_url` (`https://api.openai.com/v1`); many local endpoints need no key.
    ///
    /// # Errors
    /// The HTTP client could not be set up.
    pub fn new(base_url: &str, key: Option<String>, model: &str) -> Result<Self, SetupError> {
        // A redirect could carry the key elsewhere.
        let client =
            Client::builder().connect_timeout(CONNECT).read_timeout(SILENCE).redirect(redirect::Policy::none());
        let client = client.build().map_err(SetupError)?;
        let key = key.map(|k| k.trim().to_owned()).filter(|k| !k.is_empty());
        Ok(Self { client, base_url: base_url.trim_end_matches('/').to_owned(), key, model: model.to_owned() })
    }

    /// Asks `GET {base}/models`: whether the endpoint answers, takes the key and knows the model. Takes at most 5 s.
    pub async fn check(&self) -> Check {
        let start = Instant::now();
        let (ok, sentence) = match self.models().await {
            Ok(models) if models.is_empty() || models.contains(&self.model) => {
                (true, format!("The language model {} answers.", self.model))
            }
            Ok(models) => {
                let some: Vec<&str> = models.iter().take(5).map(String::as_str).collect();
                let sentence = format!(
                    "The endpoint answers but does not list the model {} (OPENAI_MODEL); it lists {}.",
                    self.model,
                    some.join(", ")
                );
                (false, sentence)
            }
            Err(error) => (false, format!("No answer from the language model: {error}.")),
        };
        Check { ok, sentence, ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX) }
    }

    async fn models(&self) -> Result<Vec<String>, ModelError> {
        let request = self.authorised(self.client.get(format!("{}/models", self.base_url))).timeout(CHECK);
        let mut response = request.send().await.map_err(|e| failed(&e))?;
        refused(response.status())?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| failed(&e))? {
            body.extend_from_slice(&chunk);
            if body.len() > 4 << 20 {
                return Err(ModelError::Failed("the list of models is too long".to_owned()));
            }
        }
        Ok(request::model_ids(&body))
    }

    fn authorised(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// The request, sent; the answer's head is good.
    async fn asked(&self, prompt: &Prompt) -> Result<Answer, ModelError> {
        let url = format!("{}/chat/completions", self.base_url);
        let body = request::body(&self.model, prompt).to_string();
        let request = self.client.post(url).header("content-type", "application/json").timeout(WHOLE).body(body);
        let response = self.authorised(request).send().await.map_err(|e| failed(&e))?;
        refused(response.status())?;
        Ok(Answer::new(response))
    }
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.as_ref().map(|_| "…");
        // An address may hold a user and a password.
        let base_url = match (self.base_url.split_once("://"), self.base_url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
            _ => self.base_url.clone(),
        };
        f.debug_struct("OpenAi").field("base_url", &base_url).field("key", &key).field("model", &self.model).finish()
    }
}

/// Where an answer is.
enum State {
    Ask(OpenAi, Box<Prompt>),
    Read(Box<Answer>),
    Done,
}

impl LanguageModel for OpenAi {
    fn reply(&self, prompt: Prompt) -> BoxStream<'static, Result<Token, ModelError>> {
        let state = State::Ask(self.clone(), Box::new(prompt));
        stream::unfold(state, |state| async move {
            let mut answer = match state {
                State::Ask(model, prompt) => match model.asked(&prompt).await {
                    Ok(answer) => Box::new(answer),
                    Err(error) => return Some((Err(error), State::Done)),
                },
                State::Read(answer) => answer,
                State::Done => return None,
            };
            match answer.next().await? {
                Ok(token) => Some((Ok(token), State::Read(answer))),
                Err(error) => Some((Err(error), State::Done)),
            }
        })
        .boxed()
    }
}

fn refused(status: StatusCode) -> Result<(), ModelError> {
    match status.as_u16() {
        200..=299 => Ok(()),
        401 | 403 => Err(ModelError::Unauthorized),
        429 => Err(ModelError::RateLimited),
        code @ 500.. => Err(ModelError::Failed(format!("the language model's server failed (HTTP {code})"))),
        code => Err(ModelError::Failed(format!("the language model's server refused the request (HTTP {code})"))),
    }
}

/// What went wrong on the way, without addresses: a base URL may hold credentials.
fn failed(error: &reqwest::Error) -> ModelError {
    if error.is_builder() {
        let what = "the language model's address or key is malformed (OPENAI_BASE_URL, OPENAI_API_KEY)";
        return ModelError::Failed(what.to_owned());
    }
    if error.is_connect() {
        return ModelError::Failed("the language model's server can't be reached (OPENAI_BASE_URL)".to_owned());
    }
    if error.is_timeout() {
        return ModelError::Timeout(SILENCE);
    }
    ModelError::Failed("the connection to the language model broke".to_owned())
}
