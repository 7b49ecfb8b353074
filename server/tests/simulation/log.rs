//! What the log must be like: told once, in order, kept by the disk, and for each call a way through the phases to its end.

use std::collections::BTreeMap;

use warmline_call::{
    Action, CallId, CallView, Event, Leg, LegState,
    Phase::{self, *},
    Recorded,
};

use crate::{graph::successors, people::is_one};

/// Everything that anybody was told, of every process.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) told: Vec<Recorded>,
    calls: BTreeMap<CallId, Story>,
}

struct Story {
    view: CallView,
    legs: BTreeMap<(Leg, Option<u32>), LegState>,
    decided: Vec<u32>,
    claimed: bool,
    /// Who speaks in the agent's place, and who ever did.
    speaker: Option<String>,
    speakers: Vec<String>,
}

impl Log {
    /// Takes an event in that was told.
    pub(crate) fn tell(&mut self, recorded: &Recorded) -> Result<(), String> {
        let expected = self.told.len() as u64 + 1;
        if recorded.seq != expected {
            return Err(format!("event {} is told where {expected} is due", recorded.seq));
        }
        self.told.push(recorded.clone());
        self.follow(recorded).map_err(|why| format!("{}: {why}: {:?}", recorded.call, recorded.event))
    }

    /// A new process finds that on its disk.
    pub(crate) fn found(&mut self, there: &[Recorded]) -> Result<(), String> {
        if !there.starts_with(&self.told) {
            return Err(format!("{} events were told and are not on the disk as they were", self.told.len()));
        }
        there[self.told.len()..].iter().try_for_each(|recorded| self.tell(recorded))
    }

    fn follow(&mut self, recorded: &Recorded) -> Result<(), String> {
        let Some(story) = self.calls.get_mut(&recorded.call) else {
            let view = CallView::placed(recorded).ok_or("a call does not begin with its placing")?;
            let (legs, decided, claimed, speaker, speakers) = Default::default();
            let fresh = Story { view, legs, decided, claimed, speaker, speakers };
            self.calls.insert(recorded.call.clone(), fresh);
            return Ok(());
        };
        let Story { view, legs, decided, claimed, speaker, speakers } = story;
        if view.end.is_some() {
            return Err("after the end".into());
        }
        match &recorded.event {
            Event::CallPlaced { .. } => return Err("placed twice".into()),
            Event::PhaseChanged { from, to } => {
                if *from != view.phase || !successors(*from).contains(to) {
                    return Err(format!("in phase {}", view.phase));
                }
                *claimed &= matches!(to, OnHold | CallingSupervisor | Briefing | Merging | Merged);
                *speaker = None;
            }
            Event::LegChanged { leg, state, attempt, .. } => {
                let before = legs.insert((*leg, *attempt), *state);
                let follows = match before {
                    None => *state == LegState::Dialing,
                    Some(LegState::Left) => false,
                    Some(before) => before < *state,
                };
                if !follows {
                    return Err(format!("the leg was {before:?}"));
                }
            }
            Event::HoldMusic { playing } if *playing == view.hold_music => return Err("as it was".into()),
            Event::TransferDecided { attempt, .. } => {
                if decided.contains(attempt) {
                    return Err("decided twice".into());
                }
                decided.push(*attempt);
            }
            Event::OperatorActed { action: Action::Claim, .. } => {
                if *claimed {
                    return Err("claimed by two".into());
                }
                *claimed = true;
            }
            Event::OperatorActed { action: Action::Release, .. } => *claimed = false,
            Event::OperatorActed { action: Action::TakeOver, by, .. } => {
                if let Some(other) = speaker.replace(by.clone()) {
                    return Err(format!("{other} speaks in the agent's place"));
                }
                speakers.push(by.clone());
            }
            Event::OperatorActed { action: Action::GiveBack, by, .. } => {
                let Some(speaker) = speaker.take() else { return Err("nobody speaks in the agent's place".into()) };
                // A colleague may take the customer back; whoever has been relieved may not.
                if *by != speaker && is_one(by) && speakers.contains(by) {
                    return Err(format!("{speaker} speaks in the agent's place"));
                }
            }
            Event::CallEnded { .. } => {
                if view.phase != Phase::Ended {
                    return Err("its phase is not the last".into());
                }
                if legs.values().any(|state| *state != LegState::Left) {
                    return Err("an ended call has legs".into());
                }
                if view.attempts.len() != decided.len() {
                    return Err("attempts are not decided".into());
                }
            }
            _ => {}
        }
        view.apply(recorded);
        Ok(())
    }

    /// Calls as they come out of what was told.
    pub(crate) fn views(&self) -> impl Iterator<Item = &CallView> {
        self.calls.values().map(|story| &story.view)
    }
}
