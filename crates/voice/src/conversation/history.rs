use crate::{Role, Turn};

/// Turns that are kept: the first (what the call is about) and the latest.
const MOST_TURNS: usize = 400;

/// What was said so far.
#[derive(Debug, Default)]
pub(crate) struct History {
    turns: Vec<Turn>,
}

impl History {
    /// Adds a turn; nothing where there are no words.
    pub(crate) fn add(&mut self, role: Role, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if self.turns.len() == MOST_TURNS {
            self.turns.remove(1);
        }
        self.turns.push(Turn { role, text: text.to_owned() });
    }

    /// The turns, oldest first.
    pub(crate) fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// The turns as they will be, if these are added.
    pub(crate) fn with(&self, more: &[(Role, &str)]) -> Vec<Turn> {
        let more = more.iter().map(|(role, text)| (*role, text.trim())).filter(|(_, text)| !text.is_empty());
        self.turns.iter().cloned().chain(more.map(|(role, text)| Turn { role, text: text.to_owned() })).collect()
    }
}
