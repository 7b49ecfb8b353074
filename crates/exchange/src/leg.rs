use std::time::Duration;

use tokio::{sync::mpsc, time::Instant};
use warmline_call::{Left, LeftCause, LegFact, LegRef};
use warmline_telephony::{Frame, LineEnd, SILENCE, TelephoneFilter};

use crate::{
    phone::{Ended, Order, PhoneEnd},
    record::Recording,
};

/// Who or what is at the other end of a dial.
#[derive(Debug)]
pub(crate) enum Callee {
    /// A phone.
    Phone(PhoneEnd),
    /// Nobody who could answer.
    Nobody {
        /// Whether it rings there.
        rings: bool,
        /// What the network says, and when; `None`: nothing, ever.
        refusal: Option<(Duration, Left)>,
    },
}

/// One dialled number, from the dial to its end.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) name: LegRef,
    pub(crate) line: LineEnd,
    callee: Callee,
    progress: mpsc::Sender<LegFact>,
    stage: Stage,
    dialled_at: Instant,
    ring: Duration,
    max_duration: Duration,
    from_phone: TelephoneFilter,
    to_phone: TelephoneFilter,
    recording: Option<Recording>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Dialling,
    Ringing,
    Answered { at: Instant },
}

impl Leg {
    pub(crate) fn new(
        name: LegRef,
        line: LineEnd,
        callee: Callee,
        progress: mpsc::Sender<LegFact>,
        (ring, max_duration): (Duration, Duration),
        recording: Option<Recording>,
    ) -> Self {
        Self {
            name,
            line,
            callee,
            progress,
            stage: Stage::Dialling,
            dialled_at: Instant::now(),
            ring,
            max_duration,
            from_phone: TelephoneFilter::default(),
            to_phone: TelephoneFilter::default(),
            recording,
        }
    }

    pub(crate) fn is_answered(&self) -> bool {
        matches!(self.stage, Stage::Answered { .. })
    }

    /// Carries out what the phone wants and what the clock demands. `Some`: the leg is over.
    pub(crate) fn advance(&mut self, now: Instant) -> Option<(Left, Ended)> {
        if self.stage == Stage::Dialling && self.rings() {
            self.stage = Stage::Ringing;
            self.report(LegFact::Ringing);
        }
        self.obey(now).or_else(|| self.expire(now))
    }

    /// What the phone has said in the last 20 ms, as it comes over the wire. The agent hears it as well.
    pub(crate) fn listen(&mut self) -> Frame {
        let Callee::Phone(phone) = &self.callee else { return SILENCE };
        let said = phone.take();
        if let Some(recording) = &mut self.recording {
            recording.said(&said);
        }
        let frame = self.from_phone.pass(&said);
        self.line.hear(frame);
        frame
    }

    /// Sends 20 ms to the phone.
    pub(crate) fn speak(&mut self, frame: &Frame) {
        let Callee::Phone(phone) = &self.callee else { return };
        let frame = self.to_phone.pass(frame);
        if let Some(recording) = &mut self.recording {
            recording.heard(&frame);
        }
        phone.hear(frame);
    }

    /// We hang up, or cancel the dial.
    pub(crate) fn release(self) {
        let ended = if self.is_answered() { Ended::HungUp } else { Ended::Cancelled };
        self.end(left(LeftCause::Released, None), ended);
    }

    /// The end. Nobody waits for its recording to be finished.
    pub(crate) fn end(mut self, why: Left, ended: Ended) {
        let recording = self.recording.take().filter(|_| self.is_answered());
        if let Callee::Phone(phone) = &self.callee {
            phone.end(ended);
            if let Some(recording) = recording {
                recording.end(phone.lines());
            }
        }
        self.report(LegFact::Left(why));
    }

    fn rings(&self) -> bool {
        matches!(self.callee, Callee::Phone(_) | Callee::Nobody { rings: true, .. })
    }

    fn obey(&mut self, now: Instant) -> Option<(Left, Ended)> {
        let Callee::Phone(phone) = &self.callee else { return None };
        let hung_up = (left(LeftCause::HungUp, None), Ended::HungUp);
        let declined = (left(LeftCause::Declined, Some(603)), Ended::Declined);
        while let Some(order) = phone.order() {
            match (order, self.stage) {
                (Order::Answer, Stage::Dialling | Stage::Ringing) => {
                    self.stage = Stage::Answered { at: now };
                    phone.answered();
                    self.report(LegFact::Answered);
                }
                (Order::Key(key), Stage::Answered { .. }) => self.line.key(key),
                (Order::HangUp, Stage::Answered { .. }) => return Some(hung_up),
                (Order::HangUp | Order::Decline, Stage::Dialling | Stage::Ringing) => return Some(declined),
                (Order::Answer | Order::Decline, Stage::Answered { .. }) | (Order::Key(_), _) => {}
            }
        }
        match self.stage {
            _ if !phone.is_gone() => None,
            Stage::Answered { .. } => Some(hung_up),
            Stage::Dialling | Stage::Ringing => Some((left(LeftCause::NoAnswer, Some(480)), Ended::NoAnswer)),
        }
    }

    fn expire(&self, now: Instant) -> Option<(Left, Ended)> {
        if let Stage::Answered { at } = self.stage {
            let over = now.duration_since(at) >= self.max_duration;
            return over.then(|| (left(LeftCause::Released, None), Ended::MaxDuration));
        }
        let waited = now.duration_since(self.dialled_at);
        match &self.callee {
            Callee::Nobody { refusal: Some((after, why)), .. } if waited >= *after => {
                Some((why.clone(), Ended::Declined))
            }
            _ => (waited >= self.ring).then(|| (left(LeftCause::NoAnswer, Some(408)), Ended::NoAnswer)),
        }
    }

    /// There are at most three facts a leg, and the channel has room for them.
    fn report(&self, fact: LegFact) {
        if self.progress.try_send(fact).is_err() {
            tracing::debug!("nobody follows this dial");
        }
    }
}

pub(crate) fn left(cause: LeftCause, sip_status: Option<u16>) -> Left {
    Left { cause, sip_status }
}
