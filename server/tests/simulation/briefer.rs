//! The agent in private with a supervisor.

use std::{
    fmt::Display,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{
    sync::{Notify, mpsc},
    time::sleep,
};
use warmline_call::{CallId, DecidedBy, FixedLine, Private, Speaker};
use warmline_telephony::Ear;
use warmline_voice::{Fact, Strain, SupervisorAgent};

use crate::{agents::spoken, world::World};

/// In private with a supervisor.
#[derive(Clone)]
pub(crate) struct Briefer {
    world: World,
    call: CallId,
    attempt: u32,
    stopped: Arc<Notify>,
    briefed: Arc<Notify>,
    silent: Arc<Mutex<bool>>,
}

impl Briefer {
    /// Attends that supervisor's line.
    pub(crate) fn attends(world: World, call: CallId, attempt: u32, ear: Ear, facts: mpsc::Sender<Fact>) -> Self {
        let (stopped, briefed, silent) = Default::default();
        let briefer = Self { world, call, attempt, stopped, briefed, silent };
        let life = briefer.clone();
        tokio::spawn(async move {
            if life.live(ear, &facts).await {
                let _ = facts.send(Fact::Gone).await;
            }
        });
        briefer
    }

    async fn live(&self, mut ear: Ear, facts: &mpsc::Sender<Fact>) -> bool {
        let mut decides = false;
        loop {
            let wait = self.world.roll(|dice| dice.ms(500, 25_000));
            tokio::select! {
                biased;
                () = self.stopped.notified() => {
                    self.lingers(facts).await;
                    return false;
                }
                heard = ear.hear() => if heard.is_none() {
                    return true;
                },
                () = self.briefed.notified() => {
                    decides = true;
                    continue;
                }
                () = sleep(wait) => {}
            }
            if self.world.rare_fault("the consult breaks down", 2) {
                return false;
            }
            self.world.may_panic("the consult panics", 3);
            let (what, by) =
                self.world.roll(|dice| (dice.between(0, 19), dice.pick(&[DecidedBy::Voice, DecidedBy::Dtmf])));
            let fact = match what {
                0 => Fact::Declined { by, reason: Some("fire drill".into()) },
                1 => Fact::Machine,
                2 => Fact::Failed { detail: "deaf".into() },
                15 => Fact::Strained { cause: Strain::Speaking },
                16 => Fact::Eased,
                3..=14 if decides => {
                    self.world.with(&self.call, "a supervisor accepts", |room| {
                        *room.accepted.entry(self.attempt).or_default() += 1
                    });
                    Fact::Accepted { by }
                }
                _ => spoken(self.world.next(), Speaker::Supervisor, true),
            };
            self.world.note(format_args!("{}: the consult reports {fact:?}", self.call));
            if facts.send(fact).await.is_err() {
                return false;
            }
        }
    }

    /// What was on its way when the supervisor was hung up arrives when others are asked.
    async fn lingers(&self, facts: &mpsc::Sender<Fact>) {
        if self.world.frequent_fault("a former supervisor is heard of late") {
            let (wait, yes) = self.world.roll(|dice| (dice.ms(50, 30_000), dice.one_in(2)));
            sleep(wait).await;
            let by = DecidedBy::Voice;
            let fact = if yes { Fact::Accepted { by } } else { Fact::Declined { by, reason: None } };
            self.world.note(format_args!("{}: supervisor {} is heard of late: {fact:?}", self.call, self.attempt));
            let _ = facts.send(fact).await;
        }
    }

    /// Nothing is said after the hang-up.
    fn not_hung_up(&self, what: impl Display) {
        let asked = self.world.state().rooms[&self.call].legs.get(&self.attempt).is_some_and(|leg| leg.asked);
        self.world
            .holds(!asked, || format!("{}: supervisor {} is told {what} after the hang-up", self.call, self.attempt));
    }

    /// What is said to a supervisor alone is heard by nobody else.
    fn in_private(&self, what: impl Display) {
        let overheard = {
            let room = &self.world.state().rooms[&self.call];
            room.together == Some(self.attempt) && room.up(0)
        };
        self.world.holds(!overheard, || format!("{}: the customer overhears {what}", self.call));
    }
}

impl SupervisorAgent for Briefer {
    fn brief(&self, _: Private<String>, _: Vec<Private<String>>) {
        self.in_private("the briefing");
        self.not_hung_up("the briefing");
        self.world.note(format_args!("{}: supervisor {} is briefed", self.call, self.attempt));
        self.briefed.notify_one();
    }

    fn say_fixed(&self, line: FixedLine) -> BoxFuture<'static, ()> {
        if matches!(line, FixedLine::CustomerLeft | FixedLine::Cancelled) {
            self.in_private(format_args!("{line:?}"));
        }
        let world = self.world.clone();
        world.note(format_args!("{}: supervisor {} hears {line:?}", self.call, self.attempt));
        self.not_hung_up(format_args!("{line:?}"));
        if *self.silent.lock().unwrap() {
            world.violated(&format!("{}: {line:?} to a supervisor whose agent is out", self.call));
        }
        Box::pin(async move {
            let mut wait = world.roll(|dice| dice.ms(200, 3_000));
            if world.frequent_fault("sentence slow") {
                wait = Duration::from_secs(12);
            }
            sleep(wait).await;
            world.may_panic("sentence panics", 1);
        })
    }

    fn listen_only(&self) {
        *self.silent.lock().unwrap() = true;
    }

    fn stop(&self) {
        self.stopped.notify_one();
    }
}
