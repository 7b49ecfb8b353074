//! People in the agent's place, as their line and their call's task have it.

use std::sync::{Arc, Mutex};

use tokio::{
    sync::{Notify, mpsc},
    time::sleep,
};
use warmline_call::{AgentOrder, CallId};
use warmline_telephony::Ear;
use warmline_voice::{Colleague, CustomerAgent, Fact};

use crate::world::World;

/// Everybody who ever spoke in the agent's place on a call, in that order.
#[derive(Default)]
pub(crate) struct Sittings {
    sat: Vec<Sitting>,
    /// How many of them everybody was told of.
    told: usize,
}

struct Sitting {
    seat: u64,
    /// Their line is gone, or the agent has said that nothing is heard: nobody has to give the customer back.
    lost: bool,
}

impl Sittings {
    fn joins(&mut self, seat: u64, up: bool) {
        self.sat.push(Sitting { seat, lost: !up });
    }

    fn line_gone(&mut self, seat: u64) {
        self.lose(|sitting| sitting.seat == seat);
    }

    /// The agent reports that neither of the two says anything.
    pub(crate) fn silent(&mut self, seat: u64) {
        self.lose(|sitting| sitting.seat == seat);
    }

    fn lose(&mut self, which: impl Fn(&Sitting) -> bool) {
        self.sat.iter_mut().filter(|sitting| which(sitting)).for_each(|sitting| sitting.lost = true);
    }

    /// What is wrong when everybody is told that somebody has taken over.
    pub(crate) fn taken_over(&mut self) -> Option<&'static str> {
        self.told += 1;
        (self.told > self.sat.len()).then_some("somebody is said to speak in the agent's place, and nobody does")
    }

    /// What is wrong when everybody is told that whoever took over last has given back; `lost`: nobody did it by hand.
    pub(crate) fn given_back(&self, lost: bool) -> Option<&'static str> {
        match self.told.checked_sub(1).and_then(|last| self.sat.get(last)) {
            None => Some("given back by somebody who was not there"),
            Some(sitting) if lost && !sitting.lost => Some("somebody who was there and was heard was unseated"),
            Some(_) => None,
        }
    }
}

/// In the agent's place.
pub(crate) struct Sitter {
    world: World,
    call: CallId,
    seat: u64,
    up: Arc<Mutex<bool>>,
    stopped: Arc<Notify>,
}

impl Sitter {
    /// Attends that line.
    pub(crate) fn attends(world: World, call: CallId, ear: Ear, facts: mpsc::Sender<Fact>) -> Self {
        let (up, stopped) = (Arc::new(Mutex::new(true)), Arc::<Notify>::default());
        let sitter = Self { seat: world.next(), world, call, up, stopped };
        let line = Attended {
            world: sitter.world.clone(),
            call: sitter.call.clone(),
            seat: sitter.seat,
            up: Arc::clone(&sitter.up),
            stopped: Arc::clone(&sitter.stopped),
        };
        tokio::spawn(async move { line.live(ear, &facts).await });
        sitter
    }
}

/// The task of a person's line.
struct Attended {
    world: World,
    call: CallId,
    seat: u64,
    up: Arc<Mutex<bool>>,
    stopped: Arc<Notify>,
}

impl Attended {
    async fn live(self, mut ear: Ear, facts: &mpsc::Sender<Fact>) {
        let mut heard = false;
        loop {
            let frame = tokio::select! {
                biased;
                () = self.stopped.notified() => return self.lingers(facts).await,
                frame = ear.hear() => frame,
            };
            if frame.is_none() {
                break;
            }
            if !heard {
                heard = true;
                let _ = facts.send(Fact::Ready).await;
            }
        }
        *self.up.lock().unwrap() = false;
        let seat = self.seat;
        self.world.with(&self.call, format_args!("the line of seat {seat} is gone"), |room| {
            room.company.person = room.company.person.map(|(sits, up)| (sits, up && sits != seat));
            room.sittings.line_gone(seat);
        });
        if self.world.fault("a person's line ends late") {
            sleep(self.world.roll(|dice| dice.ms(100, 2_500))).await;
        }
        if !self.world.fault("a person's line ends unsaid") {
            let _ = facts.send(Fact::Gone).await;
        }
    }

    /// What was on its way when the seat was taken away arrives when others sit there.
    async fn lingers(&self, facts: &mpsc::Sender<Fact>) {
        if self.world.frequent_fault("a former seat is heard of late") {
            let (wait, fact) = self.world.roll(|dice| (dice.ms(50, 15_000), dice.between(0, 2)));
            sleep(wait).await;
            self.world.note(format_args!("{}: seat {} is heard of late", self.call, self.seat));
            match fact {
                0 => drop(facts.send(Fact::Ready).await),
                1 => drop(facts.send(Fact::Gone).await),
                _ => {}
            }
        }
    }
}

impl Colleague for Sitter {
    fn join(&mut self, _: Arc<dyn CustomerAgent>) {
        let up = *self.up.lock().unwrap();
        let aside = self.world.order(&self.call, AgentOrder::StandAside);
        let beside = self.world.with(&self.call, format_args!("seat {} joins", self.seat), |room| {
            let beside = room.company.person.filter(|_| aside);
            if aside {
                room.company.person = Some((self.seat, up));
            }
            room.sittings.joins(self.seat, up);
            beside
        });
        self.world.holds(beside.is_none(), || format!("{}: {beside:?} and {} sit on one seat", self.call, self.seat));
    }
}

impl Drop for Sitter {
    fn drop(&mut self) {
        self.stopped.notify_one();
        self.world.with(&self.call, format_args!("seat {} is left", self.seat), |room| {
            room.company.person = room.company.person.filter(|(sits, _)| *sits != self.seat);
        });
    }
}
