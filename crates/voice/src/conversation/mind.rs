use futures::stream::BoxStream;

use crate::{
    Turn,
    brain::{Brain, Step},
};

/// What a conversation asks its brain. Tests put a scripted one in its place.
pub(super) trait Mind: Send {
    /// The first words.
    fn greet(&self) -> BoxStream<'static, Step>;
    /// The answer to the last turn.
    fn reply(&self, turns: &[Turn]) -> BoxStream<'static, Step>;
    /// What to say when nobody has said anything new.
    fn go_on(&self, turns: &[Turn]) -> BoxStream<'static, Step>;
}

impl Mind for Brain {
    fn greet(&self) -> BoxStream<'static, Step> {
        Brain::greet(self)
    }

    fn reply(&self, turns: &[Turn]) -> BoxStream<'static, Step> {
        Brain::reply(self, turns)
    }

    fn go_on(&self, turns: &[Turn]) -> BoxStream<'static, Step> {
        Brain::go_on(self, turns)
    }
}
