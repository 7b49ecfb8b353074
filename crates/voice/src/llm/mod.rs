//! The brain with a model: its tokens as sentences, with everything that a model may do wrong bounded. Whatever fails
//! before a word was said is answered by rules instead.

mod prompt;
mod speakable;
#[cfg(test)]
mod tests;

use std::{future::Future, sync::Arc, time::Duration};

use futures::{
    SinkExt as _, StreamExt as _,
    channel::mpsc,
    stream::{self, BoxStream},
};
use tokio::time::{Instant, timeout_at};
use warmline_call::RequestedBy;

pub(crate) use prompt::untrusted;
pub(crate) use speakable::{Splitter, speakable};

use crate::{LanguageModel, ModelError, Prompt, Role, Setup, Token, Turn, brain::Step, intent, lines, rules};

/// 'One moment' is said when nothing was by then.
const FILLER: Duration = Duration::from_millis(1500);
/// The first token has to be there by then.
const FIRST_TOKEN: Duration = Duration::from_secs(3);
/// Each further token.
const NEXT_TOKEN: Duration = Duration::from_secs(5);
/// The whole answer.
const WHOLE: Duration = Duration::from_secs(20);
/// How often a model may be asked again after a tool that it may not use.
const TOOL_STEPS: usize = 3;
/// An answer on the phone is not longer than this many characters.
const LONGEST: usize = 900;

/// Said before the answer by rules after the model failed; a second one in a row tells that it failed twice.
const SORRY: &str = "I'm sorry, I'm having trouble on my side.";

/// Answers the last turn, which is the person's.
pub(crate) fn reply(setup: Arc<Setup>, model: Arc<dyn LanguageModel>, turns: Vec<Turn>) -> BoxStream<'static, Step> {
    stream_of(|steps| async move {
        let prompt = prompt::conversation(&setup, &turns, None);
        let refused = rules::Talk::of(&turns).refused_human();
        let mut answer = Answer::new(steps, setup.escalation && !refused);
        if answer.run(model.as_ref(), prompt).await.is_err() && !answer.said {
            answer.give(after_failure(&setup, &turns)).await;
        }
    })
}

/// Goes on without new input: after a transfer that failed, or a nudge.
pub(crate) fn go_on(setup: Arc<Setup>, model: Arc<dyn LanguageModel>, turns: Vec<Turn>) -> BoxStream<'static, Step> {
    stream_of(|steps| async move {
        let prompt = prompt::conversation(&setup, &turns, Some(prompt::GO_ON));
        // Nobody asked for anything just now: a transfer that failed must not start the next one by itself.
        let mut answer = Answer::new(steps, false);
        if answer.run(model.as_ref(), prompt).await.is_err() && !answer.said {
            answer.give(rules::go_on(&setup, &turns)).await;
        }
    })
}

/// Greets in the language of the call; `otherwise` is said where the model can't.
pub(crate) fn greet(
    setup: Arc<Setup>,
    model: Arc<dyn LanguageModel>,
    otherwise: Vec<Step>,
) -> BoxStream<'static, Step> {
    stream_of(|steps| async move {
        let prompt = prompt::conversation(&setup, &[], Some(prompt::GREET));
        let mut answer = Answer::new(steps, false);
        answer.filler = false;
        if answer.run(model.as_ref(), prompt).await.is_err() && !answer.said {
            answer.give(otherwise).await;
        }
    })
}

/// What is said instead when the model failed before a word.
fn after_failure(setup: &Setup, turns: &[Turn]) -> Vec<Step> {
    let last = turns.iter().rev().find(|t| t.role == Role::Agent);
    if last.is_some_and(|t| t.text.contains(SORRY)) {
        return rules::after_failures(setup, turns);
    }
    let mut steps = vec![Step::Say(SORRY.to_owned())];
    steps.extend(rules::reply(setup, turns));
    steps
}

/// Steps that a future makes. Dropping the stream drops the future, and with it the request to the model.
fn stream_of<F, D>(drive: F) -> BoxStream<'static, Step>
where
    F: FnOnce(mpsc::Sender<Step>) -> D,
    D: Future<Output = ()> + Send + 'static,
{
    let (sender, steps) = mpsc::channel(4);
    let driver = stream::once(drive(sender)).filter_map(|()| async { None });
    stream::select(steps, driver).boxed()
}

/// Why an answer did not come to its end.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    Model(ModelError),
    TooLate,
    Nothing,
    Tools,
}

/// One answer on its way.
struct Answer {
    steps: mpsc::Sender<Step>,
    splitter: Splitter,
    may_escalate: bool,
    /// Whether 'one moment' may still be said.
    filler: bool,
    /// Whether anything of the answer itself was said.
    said: bool,
    last: String,
}

/// How one request to the model ended.
enum Ended {
    Done,
    /// It wanted a human though it must not.
    MustNotEscalate,
}

impl Answer {
    fn new(steps: mpsc::Sender<Step>, may_escalate: bool) -> Self {
        Self { steps, splitter: Splitter::default(), may_escalate, filler: true, said: false, last: String::new() }
    }

    /// Asks the model, again after a tool that it must not use, and speaks.
    async fn run(&mut self, model: &dyn LanguageModel, mut prompt: Prompt) -> Result<(), Failure> {
        let start = Instant::now();
        for _ in 0..TOOL_STEPS {
            let ended = self.one(model, prompt.clone(), start).await;
            if let Err(failure) = &ended {
                tracing::warn!(failure = ?failure, "the language model failed");
            }
            match ended? {
                Ended::Done if self.said => return Ok(()),
                Ended::Done => return Err(Failure::Nothing),
                Ended::MustNotEscalate if self.said => return Ok(()),
                Ended::MustNotEscalate => prompt.turns.push(prompt::must_not_escalate()),
            }
        }
        Err(Failure::Tools)
    }

    async fn one(&mut self, model: &dyn LanguageModel, prompt: Prompt, start: Instant) -> Result<Ended, Failure> {
        let mut tokens = model.reply(prompt);
        let mut length = 0;
        let mut due = start.max(Instant::now() - FIRST_TOKEN) + FIRST_TOKEN;
        loop {
            let filler_due = start + FILLER;
            let waits_for_filler = self.filler && !self.said && filler_due < due;
            let until = if waits_for_filler { filler_due } else { due }.min(start + WHOLE);
            let token = match timeout_at(until, tokens.next()).await {
                Ok(token) => token,
                Err(_) if waits_for_filler && until == filler_due => {
                    self.filler = false;
                    self.send(Step::Say(lines::filler().to_owned())).await;
                    continue;
                }
                Err(_) => return Err(Failure::TooLate),
            };
            match token {
                Some(Ok(Token::Text(text))) => {
                    length += text.len();
                    for piece in self.splitter.push(&text) {
                        self.speak(&piece).await;
                    }
                    if length > LONGEST {
                        return Ok(Ended::Done);
                    }
                }
                Some(Ok(Token::Escalate { .. })) if !self.may_escalate => {
                    self.flush().await;
                    return Ok(Ended::MustNotEscalate);
                }
                Some(Ok(Token::Escalate { reason })) => {
                    self.flush().await;
                    self.escalate(&reason).await;
                    return Ok(Ended::Done);
                }
                Some(Ok(Token::EndCall)) => {
                    self.flush().await;
                    self.end_call().await;
                    return Ok(Ended::Done);
                }
                Some(Err(error)) => return Err(Failure::Model(error)),
                None => {
                    self.flush().await;
                    return Ok(Ended::Done);
                }
            }
            due = Instant::now() + NEXT_TOKEN;
        }
    }

    async fn flush(&mut self) {
        if let Some(piece) = self.splitter.rest() {
            self.speak(&piece).await;
        }
    }

    /// Speaks a sentence, unless the model repeats itself or there is nothing in it to speak.
    async fn speak(&mut self, piece: &str) {
        let Some(text) = speakable(piece).filter(|text| *text != self.last) else { return };
        self.said = true;
        self.last.clone_from(&text);
        self.send(Step::Say(text)).await;
    }

    async fn escalate(&mut self, reason: &str) {
        let reason = lines::shortened(reason, 200);
        let reason = if reason.is_empty() { "The agent could not help any further.".to_owned() } else { reason };
        self.said = true;
        self.send(Step::Escalate { by: RequestedBy::Agent, reason }).await;
    }

    async fn end_call(&mut self) {
        if !intent::says_goodbye(&self.last) {
            self.send(Step::Say("Thank you for your time. Goodbye.".to_owned())).await;
        }
        self.said = true;
        self.send(Step::EndCall).await;
    }

    async fn give(&mut self, steps: Vec<Step>) {
        for step in steps {
            self.send(step).await;
        }
    }

    /// A receiver that is gone drops this future as well, so that there is nothing to do about it.
    async fn send(&mut self, step: Step) {
        let _ = self.steps.send(step).await;
    }
}

/// What a model says to a prompt without tools, within a time; `None` where it fails.
pub(crate) async fn written(model: &dyn LanguageModel, prompt: Prompt, within: Duration) -> Option<String> {
    let until = Instant::now() + within;
    let mut tokens = model.reply(prompt);
    let mut text = String::new();
    while let Some(token) = timeout_at(until, tokens.next()).await.ok()? {
        match token.ok()? {
            Token::Text(more) if text.len() < LONGEST => text.push_str(&more),
            Token::Text(_) => break,
            Token::Escalate { .. } | Token::EndCall => {}
        }
    }
    Some(text)
}
