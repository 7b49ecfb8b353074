use std::{collections::VecDeque, future::pending};

use tokio::sync::mpsc::{self, error::TrySendError};

use crate::Fact;

/// Facts that wait because nobody takes them. More than this means that nobody ever will.
const MOST_WAITING: usize = 256;

/// Reports facts in order, without ever waiting for whoever takes them.
#[derive(Debug)]
pub(super) struct Facts {
    to: mpsc::Sender<Fact>,
    waiting: VecDeque<Fact>,
    lost: bool,
}

impl Facts {
    pub(super) fn new(to: mpsc::Sender<Fact>) -> Self {
        Self { to, waiting: VecDeque::new(), lost: false }
    }

    /// Reports a fact. While others wait, partial utterances are left out: their finals tell it all.
    pub(super) fn tell(&mut self, fact: Fact) {
        if self.waiting.is_empty() {
            match self.to.try_send(fact) {
                Ok(()) => {}
                Err(TrySendError::Closed(_)) => self.lost = true,
                Err(TrySendError::Full(fact)) => self.keep(fact),
            }
        } else {
            self.keep(fact);
        }
    }

    /// Delivers one fact that waits; waits for ever where there is none. Whether somebody still takes them.
    pub(super) async fn deliver(&mut self) -> bool {
        if self.lost {
            return false;
        }
        if self.waiting.is_empty() {
            return pending().await;
        }
        let Ok(slot) = self.to.reserve().await else { return false };
        if let Some(fact) = self.waiting.pop_front() {
            slot.send(fact);
        }
        true
    }

    /// Delivers whatever waits.
    pub(super) async fn deliver_all(&mut self) {
        while !self.waiting.is_empty() && self.deliver().await {}
    }

    fn keep(&mut self, fact: Fact) {
        if matches!(&fact, Fact::Spoken(spoken) if !spoken.r#final) {
            return;
        }
        self.lost |= self.waiting.len() >= MOST_WAITING;
        self.waiting.push_back(fact);
    }
}
