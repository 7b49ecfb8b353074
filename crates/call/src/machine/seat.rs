//! Whoever speaks with the customer in the agent's place, from their wish to the end of it.
//!
//! | step | the customer hears | ends |
//! |---|---|---|
//! | awaited | the agent | when their microphone is heard of, or after `seat`: nobody was taken over then |
//! | taken | the person | by their or a colleague's hand, with their line, with too long a silence, with the phase |
//!
//! A seat is numbered: what is still on its way for an earlier one unseats nobody.

use std::time::Duration;

use super::{Because, Command, Machine, Person, state::State};
use crate::{Action, Event, Private};

/// A person's place on a call, counted from 1: every wish to speak gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seat(pub u32);

/// How far the person on a seat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatFact {
    /// Their microphone is there: from now on they can speak and be heard.
    Ready,
    /// Neither they nor the customer have said anything for too long.
    Silent,
    /// Their line is gone.
    Left,
}

/// Who has the seat, and who had it.
#[derive(Debug, Default)]
pub(super) struct Seating {
    /// Seats given so far.
    given: u32,
    present: Option<Sitting>,
    former: Vec<Person>,
}

#[derive(Debug)]
struct Sitting {
    seat: Seat,
    by: Person,
    /// Until when they are waited for; `None` once they speak.
    awaited: Option<Duration>,
}

impl Seating {
    /// The agent does not speak: a person does.
    pub(super) fn is_taken(&self) -> bool {
        self.speaker().is_some()
    }

    /// Who speaks in the agent's place.
    pub(super) fn speaker(&self) -> Option<&Person> {
        self.present.as_ref().filter(|sitting| sitting.awaited.is_none()).map(|sitting| &sitting.by)
    }

    /// Who is about to.
    pub(super) fn awaited(&self) -> Option<&Person> {
        self.present.as_ref().filter(|sitting| sitting.awaited.is_some()).map(|sitting| &sitting.by)
    }

    /// Whether that person spoke before, and does so no more.
    pub(super) fn is_former(&self, person: &Person) -> bool {
        self.speaker() != Some(person) && self.former.contains(person)
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.present.as_ref()?.awaited
    }
}

impl Machine {
    /// Keeps a place for somebody who wants to speak; the agent goes on until their microphone is there.
    pub(super) fn offer_seat(&mut self, by: Person) {
        self.unseat();
        self.seating.given += 1;
        let seat = Seat(self.seating.given);
        self.seating.present = Some(Sitting { seat, by, awaited: Some(self.after(self.config.timers.seat)) });
        self.command(Command::Seat(seat));
    }

    pub(super) fn on_seat(&mut self, seat: Seat, fact: SeatFact) {
        let Some(sitting) = self.seating.present.as_mut().filter(|sitting| sitting.seat == seat) else { return };
        match fact {
            SeatFact::Ready if sitting.awaited.take().is_some() => {
                let by = sitting.by.clone();
                self.emit(acted(Action::TakeOver, &by, None));
                self.command(Command::TakeOver(seat));
                if !self.seating.former.contains(&by) {
                    self.seating.former.push(by);
                }
            }
            SeatFact::Ready => {}
            SeatFact::Silent => self.give_back(None, Some("nothing was heard for too long")),
            SeatFact::Left => self.give_back(None, Some("the connection was lost")),
        }
    }

    /// The customer is the agent's again; by whoever sits there where nobody is named.
    pub(super) fn give_back(&mut self, by: Option<Person>, reason: Option<&str>) {
        let Some(speaker) = self.seating.speaker().cloned() else { return self.unseat() };
        self.emit(acted(Action::GiveBack, &by.unwrap_or(speaker), reason.map(Into::into)));
        self.unseat();
        if matches!(self.position.state(), State::Conversing) {
            self.command(Command::ResumeConversation { because: Because::GivenBack });
        }
    }

    /// Nobody sits there any more. What the customer hears next is somebody else's business.
    pub(super) fn unseat(&mut self) {
        if let Some(Sitting { seat, .. }) = self.seating.present.take() {
            self.command(Command::Unseat(seat));
        }
    }

    pub(super) fn on_seat_due(&mut self) {
        if self.seating.deadline().is_some_and(|until| until <= self.now) {
            self.unseat();
        }
    }
}

/// What a person did, or what was done in their name.
pub(super) fn acted(action: Action, by: &Person, reason: Option<Private<String>>) -> Event {
    Event::OperatorActed { action, by: by.name().to_owned(), reason }
}
