use std::collections::VecDeque;

use reqwest::Response;
use serde::Deserialize;
use warmline_voice::{ModelError, Token};

use crate::{failed, sse::Events};

/// Arguments of a tool call are short.
const LONGEST_ARGUMENTS: usize = 4096;
/// An answer on the phone is short.
const LONGEST_ANSWER: usize = 64 << 10;
/// Tool calls in one answer.
const MOST_CALLS: usize = 4;

/// An answer while it streams in.
pub(crate) struct Answer {
    response: Response,
    events: Events,
    ready: VecDeque<Token>,
    calls: Vec<Call>,
    length: usize,
    done: bool,
}

/// A tool call, put together from pieces.
#[derive(Default)]
struct Call {
    index: u64,
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<CallPiece>>,
}

#[derive(Deserialize)]
struct CallPiece {
    #[serde(default)]
    index: u64,
    #[serde(default)]
    function: Option<FunctionPiece>,
}

#[derive(Deserialize)]
struct FunctionPiece {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}

impl Answer {
    pub(crate) fn new(response: Response) -> Self {
        Self { response, events: Events::default(), ready: VecDeque::new(), calls: Vec::new(), length: 0, done: false }
    }

    /// The next token; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Token, ModelError>> {
        loop {
            if let Some(token) = self.ready.pop_front() {
                return Some(Ok(token));
            }
            if self.done {
                return None;
            }
            if let Err(error) = self.read().await {
                return Some(Err(error));
            }
        }
    }

    /// One more chunk of the body.
    async fn read(&mut self) -> Result<(), ModelError> {
        let Some(chunk) = self.response.chunk().await.map_err(|e| failed(&e))? else {
            if let Some(data) = self.events.rest() {
                self.take(&data)?;
            }
            return if self.done { Ok(()) } else { Err(broken("the language model's answer broke off")) };
        };
        self.length += chunk.len();
        if self.length > LONGEST_ANSWER * 16 {
            return Err(broken("the language model's answer does not end"));
        }
        for data in self.events.push(&chunk).map_err(|_| broken("the language model sent a line that is too long"))? {
            if !self.done {
                self.take(&data)?;
            }
        }
        Ok(())
    }

    /// One event.
    fn take(&mut self, data: &str) -> Result<(), ModelError> {
        if data == "[DONE]" {
            return self.finish();
        }
        let chunk: Chunk =
            serde_json::from_str(data).map_err(|_| broken("the language model sent something that is not JSON"))?;
        if chunk.error.is_some() {
            return Err(broken("the language model reported an error"));
        }
        let Some(choice) = chunk.choices.into_iter().next() else { return Ok(()) };
        if let Some(delta) = choice.delta {
            if let Some(text) = delta.content.filter(|t| !t.is_empty()) {
                self.ready.push_back(Token::Text(text));
            }
            for piece in delta.tool_calls.unwrap_or_default() {
                self.add(piece)?;
            }
        }
        if choice.finish_reason.is_some() { self.finish() } else { Ok(()) }
    }

    fn add(&mut self, piece: CallPiece) -> Result<(), ModelError> {
        let at = match self.calls.iter().position(|c| c.index == piece.index) {
            Some(at) => at,
            None if self.calls.len() < MOST_CALLS => {
                self.calls.push(Call { index: piece.index, ..Call::default() });
                self.calls.len() - 1
            }
            None => return Err(broken("the language model called too many tools")),
        };
        let (Some(call), Some(function)) = (self.calls.get_mut(at), piece.function) else { return Ok(()) };
        call.name.push_str(function.name.as_deref().unwrap_or_default());
        call.arguments.push_str(function.arguments.as_deref().unwrap_or_default());
        if call.arguments.len() + call.name.len() > LONGEST_ARGUMENTS {
            return Err(broken("the language model's tool call is too long"));
        }
        Ok(())
    }

    /// The answer is whole: its tool calls count now.
    fn finish(&mut self) -> Result<(), ModelError> {
        self.done = true;
        for call in std::mem::take(&mut self.calls) {
            self.ready.push_back(tool(&call)?);
        }
        Ok(())
    }
}

fn tool(call: &Call) -> Result<Token, ModelError> {
    #[derive(Deserialize)]
    struct Arguments {
        reason: String,
    }
    match call.name.as_str() {
        "escalate" => {
            let arguments: Arguments = serde_json::from_str(&call.arguments)
                .map_err(|_| broken("the language model called a tool with arguments that don't parse"))?;
            Ok(Token::Escalate { reason: arguments.reason.trim().to_owned() })
        }
        "end_call" if call.arguments.trim().is_empty() => Ok(Token::EndCall),
        "end_call" => match serde_json::from_str::<serde_json::Value>(&call.arguments) {
            Ok(_) => Ok(Token::EndCall),
            Err(_) => Err(broken("the language model called a tool with arguments that don't parse")),
        },
        _ => Err(broken("the language model called a tool that does not exist")),
    }
}

fn broken(what: &str) -> ModelError {
    ModelError::Failed(what.to_owned())
}
