//! What the agent says next: by the model where there is one, else, and whenever it fails, by rules.

use std::sync::Arc;

use futures::{StreamExt as _, stream, stream::BoxStream};
use warmline_call::RequestedBy;

use crate::{LanguageModel, Setup, Turn, intent, lines, llm, rules};

/// One step of the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// One speakable sentence or clause.
    Say(String),
    /// A human is wanted.
    Escalate {
        /// Customer or agent.
        by: RequestedBy,
        /// Why, in plain words.
        reason: String,
    },
    /// Both are done.
    EndCall,
}

/// Decides what the agent says. Cheap to clone, and without state: everything derives from the setup and the turns, so
/// that a speculative reply can be thrown away.
#[derive(Clone)]
pub(crate) struct Brain {
    setup: Arc<Setup>,
    model: Option<Arc<dyn LanguageModel>>,
}

impl Brain {
    pub(crate) fn new(setup: Setup, model: Option<Arc<dyn LanguageModel>>) -> Self {
        Self { setup: Arc::new(setup), model }
    }

    /// The first words. In English they never wait for a model.
    pub(crate) fn greet(&self) -> BoxStream<'static, Step> {
        let greeting = rules::greet(&self.setup);
        match &self.model {
            Some(model) if !is_english(&self.setup) => llm::greet(Arc::clone(&self.setup), Arc::clone(model), greeting),
            _ => at_once(greeting),
        }
    }

    /// The answer to the last turn, which is the person's.
    pub(crate) fn reply(&self, turns: &[Turn]) -> BoxStream<'static, Step> {
        if let Some(steps) = self.decided_here(turns) {
            return at_once(steps);
        }
        match &self.model {
            Some(model) => llm::reply(Arc::clone(&self.setup), Arc::clone(model), turns.to_vec()),
            None => at_once(rules::reply(&self.setup, turns)),
        }
    }

    /// Goes on without anything new from the person: after a transfer that failed, or a nudge.
    pub(crate) fn go_on(&self, turns: &[Turn]) -> BoxStream<'static, Step> {
        match &self.model {
            Some(model) => llm::go_on(Arc::clone(&self.setup), Arc::clone(model), turns.to_vec()),
            None => at_once(rules::go_on(&self.setup, turns)),
        }
    }

    /// A plain request for a human, and a yes to the offer of one, never depend on a model.
    fn decided_here(&self, turns: &[Turn]) -> Option<Vec<Step>> {
        let talk = rules::Talk::of(turns);
        if let intent::Wish::Human { reason } = intent::wish(&talk.heard) {
            return Some(if self.setup.escalation {
                vec![Step::Escalate { by: RequestedBy::Customer, reason }]
            } else {
                rules::no_human(&talk)
            });
        }
        let agreed = self.setup.escalation && talk.was_offered() && intent::yes_or_no(&talk.heard) == Some(true);
        agreed.then(|| vec![Step::Escalate { by: RequestedBy::Customer, reason: talk.reason_of_yes() }])
    }
}

fn is_english(setup: &Setup) -> bool {
    setup.style.language.is_empty() || setup.style.language.to_ascii_lowercase().starts_with("en")
}

fn at_once(steps: Vec<Step>) -> BoxStream<'static, Step> {
    stream::iter(steps).boxed()
}

/// Whether a sentence of the agent's offers a human.
pub(crate) fn offers_human(said: &str) -> bool {
    let said = said.to_lowercase();
    said.contains(&lines::offer_human().to_lowercase())
        || said.split_inclusive(['.', '!']).any(|sentence| {
            let has = |any: &[&str]| any.iter().any(|word| sentence.contains(word));
            sentence.contains('?')
                && has(&["supervisor", "human", "real person", "colleague", "representative", "someone", "somebody"])
                && has(&["connect", "transfer", "speak", "talk", "put you", "get ", "hand you"])
                && has(&[
                    "would you",
                    "shall i",
                    "should i",
                    "do you want",
                    "may i",
                    "can i",
                    "want me",
                    "like me",
                    "like that",
                ])
        })
}
