//! What the agent says next.

use std::sync::Arc;

use futures::{StreamExt as _, stream, stream::BoxStream};
use warmline_call::RequestedBy;

use crate::{LanguageModel, Setup, Turn};

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

/// Decides what the agent says. Cheap to clone, without state: everything derives from the setup and the turns.
#[derive(Clone)]
pub(crate) struct Brain {
    setup: Arc<Setup>,
    model: Option<Arc<dyn LanguageModel>>,
}

impl Brain {
    pub(crate) fn new(setup: Setup, model: Option<Arc<dyn LanguageModel>>) -> Self { Self { setup: Arc::new(setup), model } }
    pub(crate) fn greet(&self) -> BoxStream<'static, Step> { let _ = (&self.setup, &self.model); stream::empty().boxed() }
    pub(crate) fn reply(&self, _turns: &[Turn]) -> BoxStream<'static, Step> { stream::empty().boxed() }
    pub(crate) fn go_on(&self, _turns: &[Turn]) -> BoxStream<'static, Step> { stream::empty().boxed() }
}
