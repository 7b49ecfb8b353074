//! The program is killed at random moments with some calls over a real LiveKit server: the carrier knows whom it has dialled and
//! whose legs are up, whatever the program's log says.
//!
//! `WARMLINE_KILLS_LIVEKIT` says how often (`cargo xtask kills … --livekit …`), `WARMLINE_KILLS_SEED` repeats a run's choices.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::future::join_all;
use rand::{
    Rng as _, SeedableRng as _,
    rngs::StdRng,
    seq::{IndexedRandom as _, IteratorRandom as _},
};
use serde_json::json;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout_at},
};

use crate::{
    checks::faults,
    crowd::{Answer, Request},
    told::{Told, follow},
    world::{SILENT, SUPERVISOR, World},
};

/// Kills without a wish.
const KILLS: usize = 2;

/// Calls at once: their speech is real, and the machine small.
const CALLS: usize = 4;

/// From the first call to the kill at most: by then the first are merged.
const LONGEST: Duration = Duration::from_secs(34);
const PLACED_WITHIN: Duration = Duration::from_secs(3);

/// From the kill on no leg may be without an owner for longer.
const OWNED: Duration = Duration::from_secs(30);

/// Says yes, presses 1, does not answer, says nothing.
const SUPERVISORS: [&str; 5] = [SUPERVISOR, "+15550100203", "+15550100203", "+15550100207", "+15550100212"];

/// Says nothing and may be escalated, lets it ring; `None`: a number of the call's own, who asks for a human.
const CUSTOMERS: [Option<&str>; 6] = [Some(SILENT), Some(SILENT), Some("+15550100018"), None, None, None];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}: '{text}' is no number")))
}

/// What a run came to.
#[derive(Debug, Default)]
struct Tally {
    answers: Vec<Duration>,
    owned: Vec<Duration>,
    phases: BTreeMap<String, usize>,
    acknowledged: usize,
    /// Calls that went on, merged, over a kill.
    gone_on: usize,
}

struct Points {
    world: World,
    dice: StdRng,
    told: watch::Sender<Told>,
    following: JoinHandle<()>,
    placed: usize,
    tally: Tally,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_a_random_moment_it_leaves_no_leg_alone_and_dials_nobody_twice() {
    let kills = number("WARMLINE_KILLS_LIVEKIT").map_or(KILLS, |kills| kills as usize);
    let seed = number("WARMLINE_KILLS_SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    println!("{kills} kills, WARMLINE_KILLS_SEED={seed}");
    let mut points = Points::new(seed).await;
    for _ in 0..kills {
        points.point().await;
    }
    let Tally { mut answers, owned, phases, acknowledged, gone_on } = points.tally;
    answers.sort();
    println!("{kills} kills: {phases:?}; {acknowledged} POSTs acknowledged, {gone_on} merged calls went on");
    println!("answers after p50 {:.0?}, at most {:.0?}", answers[answers.len() / 2], answers[answers.len() - 1]);
    println!("no leg without an owner later than {:.1?} after the kill", owned.iter().max().unwrap());
    assert!(acknowledged >= kills, "so few calls that nothing was tried");
}

impl Points {
    async fn new(seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let supervisor = *SUPERVISORS.choose(&mut dice).unwrap();
        let world = World::new(&[("LIVEKIT_SUPERVISOR_PHONE_NUMBER", supervisor)]).await;
        let told = watch::Sender::new(Told::default());
        let following = follow(world.program.socket("/ws/console?after=0").await, told.clone());
        Self { world, dice, told, following, placed: 0, tally: Tally::default() }
    }

    async fn point(&mut self) {
        let kill_at = self.dice.random_range(Duration::ZERO..LONGEST);
        let begun = Instant::now();
        let posts: Vec<_> = (0..CALLS).map(|_| self.place(begun, kill_at)).collect();
        let _ = timeout_at(begun + kill_at, self.escalate()).await;
        for phase in self.told.borrow().phases() {
            *self.tally.phases.entry(phase.to_owned()).or_default() += 1;
        }
        let killed = Instant::now();
        let supervisor = *SUPERVISORS.choose(&mut self.dice).unwrap();
        self.world.program.set(&[("LIVEKIT_SUPERVISOR_PHONE_NUMBER", supervisor)]);
        // Until speech has room for more calls is another matter.
        let answers = self.world.program.kill_and_restart("/healthz").await;
        let answered: Vec<_> = join_all(posts).await.into_iter().map(Result::unwrap).collect();
        (&mut self.following).await.unwrap();
        let last = self.told.borrow().last;
        let socket = self.world.program.socket(&format!("/ws/console?after={last}")).await;
        self.following = follow(socket, self.told.clone());
        self.until_owned(killed).await;
        let owned = killed.elapsed();
        println!("killed after {kill_at:.1?}, answers after {answers:.0?}, no leg alone after {owned:.1?}");
        self.tally.answers.push(answers);
        self.tally.owned.push(owned);
        self.end_all(killed).await;
        self.check(answered).await;
        self.told.send_modify(|told| told.calls.clear());
    }

    fn place(&mut self, begun: Instant, kill_at: Duration) -> JoinHandle<(Request, Answer)> {
        self.placed += 1;
        let n = self.placed;
        let number = CUSTOMERS.choose(&mut self.dice).unwrap().map_or_else(|| format!("+1556{n:07}"), str::to_owned);
        let (path, key) = ("/calls/outbound-with-escalation", Some(format!("key-{n}")));
        let request = Request { path, key, number, name: format!("Caller {n}") };
        let at = begun + self.dice.random_range(Duration::ZERO..=PLACED_WITHIN.min(kill_at));
        let base = self.world.program.url("");
        tokio::spawn(async move {
            sleep_until(at).await;
            let answer = request.send(&reqwest::Client::new(), &base).await;
            (request, answer)
        })
    }

    /// Somebody at a console now and then escalates a call, where that is possible.
    async fn escalate(&mut self) {
        loop {
            sleep(self.dice.random_range(Duration::from_millis(500)..Duration::from_secs(4))).await;
            let call = self.told.borrow().open.iter().choose(&mut self.dice).cloned();
            if let Some(call) = call {
                self.world.program.post(&format!("/calls/{call}/escalate"), json!({})).await;
            }
        }
    }

    /// Waits until every call is over or goes on merged, and every leg that is up is of one that goes on.
    async fn until_owned(&mut self, killed: Instant) {
        let mut told = self.told.subscribe();
        let settled = told.wait_for(|told| told.is_caught_up() && told.phases().all(|phase| phase == "merged"));
        assert!(timeout_at(killed + OWNED, settled).await.is_ok(), "not over: {:?}", self.told.borrow().open);
        while let Some(leg) = self.alone() {
            assert!(killed.elapsed() < OWNED, "{leg} is up and nobody's");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// A leg that is up though its call is over.
    fn alone(&self) -> Option<String> {
        let told = self.told.borrow();
        let is_owned = |leg: &String| told.open.iter().any(|call| leg.starts_with(call));
        self.world.carrier.legs().into_iter().find(|leg| !is_owned(leg))
    }

    /// Hangs up those that go on: whoever can do that owns them.
    async fn end_all(&mut self, killed: Instant) {
        let open = self.told.borrow().open.clone();
        self.tally.gone_on += open.len();
        for call in &open {
            let hangup = format!("/calls/{call}/hangup");
            while self.world.program.post(&hangup, json!({})).await["detail"].to_string().contains("still looking") {
                assert!(killed.elapsed() < OWNED, "{call} is nobody's");
                sleep(Duration::from_millis(20)).await;
            }
        }
        let hung_up = Instant::now();
        let mut told = self.told.subscribe();
        let over = timeout_at(hung_up + OWNED, told.wait_for(Told::is_all_over)).await.is_ok();
        assert!(over, "not hung up: {:?}", self.told.borrow().open);
        let rooms: Vec<_> = self.told.borrow().calls.keys().cloned().collect();
        let rooms: Vec<_> = rooms.iter().flat_map(|call| [call.clone(), format!("{call}-supervisor")]).collect();
        while !self.world.carrier.legs().is_empty()
            || self.world.exchange.open_rooms() > 0
            || !rooms.is_empty() && !self.world.services.list_rooms(rooms.clone()).await.unwrap().is_empty()
        {
            assert!(hung_up.elapsed() < OWNED, "left: {:?}", self.world.carrier.legs());
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn check(&mut self, answered: Vec<(Request, Answer)>) {
        let (calls, names) = {
            let told = self.told.borrow();
            (told.calls.clone(), told.names.clone())
        };
        for (call, events) in &calls {
            let faults = faults(events, true);
            assert!(faults.is_empty(), "{call}: {faults:#?}");
            assert_eq!(self.world.program.events(call).await, *events, "{call}: what was told is what is in the log");
        }
        let dialled = self.world.carrier.dialled();
        let once: BTreeSet<_> = dialled.iter().collect();
        assert_eq!(once.len(), dialled.len(), "somebody was dialled twice: {dialled:?}");
        for (request, answer) in answered {
            match answer {
                Answer::Acknowledged(call) => {
                    assert_eq!(names.get(&request.name), Some(&call), "{request:?} is lost");
                    self.tally.acknowledged += 1;
                }
                // Real speech on a small machine has its limits.
                Answer::Refused(why) => assert!(why.starts_with("429"), "{request:?} was refused: {why}"),
                // Placed or not: whoever asks again is told of the same call.
                Answer::None => {
                    let Some(call) = names.get(&request.name) else { continue };
                    let again = request.send(&reqwest::Client::new(), &self.world.program.url("")).await;
                    assert_eq!(again, Answer::Acknowledged(call.clone()), "{request:?}, asked again");
                }
            }
        }
    }
}
