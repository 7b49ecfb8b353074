//! One point after the other at which a program is killed, and what is looked at after each.

use std::{collections::BTreeMap, fmt, time::Duration};

use futures::future::join_all;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IteratorRandom as _};
use rustix::process::Signal;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout_at},
};

use super::{
    checks,
    crowd::{self, Answer, Phones, Request},
    told::{Told, follow},
};
use crate::{program::Program, subject};

/// Calls that are placed before a kill, and of them those that are placed within a moment of it, and those of telephones.
const CALLS: usize = 30;
const AT_ONCE: usize = 4;
const PHONES: usize = 3;

/// From the first call to the kill at most: by then the first have gone through everything.
const LONGEST: Duration = Duration::from_secs(24);

/// The others come within so much of the beginning.
const PLACED_WITHIN: Duration = Duration::from_secs(4);

/// How near a moment is.
const MOMENT: Duration = Duration::from_millis(40);

/// From the kill on nobody may be without an owner for longer.
const OWNED: Duration = Duration::from_secs(30);

/// Answered requests that are sent once more after a kill.
const AGAIN: usize = 3;

/// A program that is killed again and again, on the same data.
pub struct World {
    n: usize,
    dice: StdRng,
    program: Program,
    told: watch::Sender<Told>,
    following: JoinHandle<()>,
    phones: Phones,
    /// Numbers of phones of the last life: nobody may call them in the next.
    numbers: Vec<String>,
    requests: usize,
    http: reqwest::Client,
    tally: Tally,
}

impl World {
    pub async fn new(n: usize, seed: u64) -> Self {
        let program = Program::start_by(subject::command, Vec::new()).await;
        let told = watch::Sender::new(Told::default());
        let following = follow(program.socket("/ws/console?after=0").await, told.clone());
        Self {
            n,
            dice: StdRng::seed_from_u64(seed ^ (n as u64) << 32),
            program,
            told,
            following,
            phones: Phones::default(),
            numbers: Vec::new(),
            requests: 0,
            http: reqwest::Client::new(),
            tally: Tally::default(),
        }
    }

    /// Calls are placed; at a random moment the program is killed; what it was told and has told is true afterwards.
    pub async fn point(&mut self) {
        let kill_at = self.dice.random_range(Duration::ZERO..LONGEST);
        let requests = self.requests(kill_at).await;
        let begun = Instant::now();
        let posts: Vec<_> = requests.into_iter().map(|(at, request)| self.post(begun + at, request)).collect();
        let _ = timeout_at(begun + kill_at, self.act()).await;
        self.tally.killed(&self.told.borrow());
        let killed = Instant::now();
        self.program.set(&[("LIVEKIT_SUPERVISOR_PHONE_NUMBER", crowd::supervisors(&mut self.dice))]);
        let ready = self.program.kill_and_restart("/readyz").await;
        let answered: Vec<_> = join_all(posts).await.into_iter().map(Result::unwrap).collect();
        self.go_on(killed).await;
        self.tally.restarted(ready, killed.elapsed());
        self.check(&answered).await;
        self.tally.acknowledged +=
            answered.iter().filter(|(_, answer)| matches!(answer, Answer::Acknowledged(_))).count();
        self.ask_again(answered).await;
        let told = |told: &mut Told| told.calls.retain(|call, _| told.open.contains(call));
        self.told.send_modify(told);
    }

    /// Ends whatever is open, and the program.
    pub async fn done(mut self) -> Tally {
        let open = self.told.borrow().open.clone();
        for call in open {
            self.program.post(&format!("/calls/{call}/hangup"), serde_json::json!({})).await;
        }
        self.all_over(Instant::now()).await;
        self.check(&[]).await;
        self.tally.rings = self.phones.rings().len();
        self.program.signal(Signal::TERM);
        assert_eq!(self.program.ended().await, Some(0));
        self.tally
    }

    /// Who is to be called, and when. Some have phones, which are opened.
    async fn requests(&mut self, kill_at: Duration) -> Vec<(Duration, Request)> {
        let mut requests = Vec::new();
        for n in 0..CALLS {
            self.requests += 1;
            let (program, count) = (self.n, self.requests);
            let own = format!("+1555{program:02}{count:06}");
            let mut request = Request::random(&mut self.dice, format!("Caller {program} {count}"), own.clone());
            let (from, to) = if n < AT_ONCE {
                (kill_at.saturating_sub(MOMENT), kill_at + MOMENT / 4)
            } else {
                (Duration::ZERO, PLACED_WITHIN.min(kill_at))
            };
            if n % (CALLS / PHONES) == 0 {
                self.phones.open(&self.program.url(""), &own, self.dice.random()).await;
                self.numbers.push(own.clone());
                request.number = own;
            }
            requests.push((self.dice.random_range(from..=to), request));
        }
        requests
    }

    fn post(&self, at: Instant, request: Request) -> JoinHandle<(Request, Answer)> {
        let (http, base) = (self.http.clone(), self.program.url(""));
        tokio::spawn(async move {
            sleep_until(at).await;
            let answer = request.send(&http, &base).await;
            (request, answer)
        })
    }

    /// Somebody at a console does something every now and then.
    async fn act(&mut self) {
        let base = self.program.url("");
        loop {
            sleep(self.dice.random_range(Duration::from_millis(50)..Duration::from_millis(600))).await;
            let call = self.told.borrow().open.iter().choose(&mut self.dice).cloned();
            if let Some(call) = call {
                crowd::act(&self.http, &base, &call, &mut self.dice).await;
            }
        }
    }

    /// Everybody comes back to the program that was started again, and waits until no call of before is open.
    async fn go_on(&mut self, killed: Instant) {
        (&mut self.following).await.unwrap();
        self.phones.cut_off().await;
        for number in std::mem::take(&mut self.numbers) {
            self.phones.open(&self.program.url(""), &number, true).await;
        }
        let last = self.told.borrow().last;
        let socket = self.program.socket(&format!("/ws/console?after={last}")).await;
        self.following = follow(socket, self.told.clone());
        self.all_over(killed).await;
    }

    async fn all_over(&self, since: Instant) {
        let mut told = self.told.subscribe();
        let over = timeout_at(since + OWNED, told.wait_for(Told::is_all_over)).await.is_ok();
        assert!(over, "without an owner for {OWNED:?}: {:?}", self.told.borrow().open);
    }

    /// The log is what a console was told, no call of it is wrong, and every acknowledged one is there.
    async fn check(&self, answered: &[(Request, Answer)]) {
        let (calls, names) = {
            let told = self.told.borrow();
            (told.calls.clone(), told.names.clone())
        };
        for (call, events) in &calls {
            let faults = checks::faults(events, true);
            assert!(faults.is_empty(), "{call}: {faults:#?}");
            assert_eq!(self.program.events(call).await, *events, "{call}: what was told is what is in the log");
            let view = self.program.get(&format!("/calls/{call}")).await;
            assert_eq!((&view["phase"], &view["seq"]), (&"ended".into(), &events.last().unwrap()["seq"]), "{view}");
        }
        for (request, answer) in answered {
            match answer {
                Answer::Acknowledged(call) => assert_eq!(names.get(&request.name), Some(call), "{request:?} is lost"),
                Answer::Refused(why) => panic!("{request:?} was refused: {why}"),
                Answer::None => {}
            }
        }
        for (number, rings) in self.phones.rings() {
            assert_eq!(rings, 1, "{number} was called {rings} times");
        }
    }

    /// Whoever got no answer asks again, and some of the others do: there is one call for all of it.
    async fn ask_again(&mut self, answered: Vec<(Request, Answer)>) {
        let mut again = AGAIN;
        for (request, first) in answered.into_iter().filter(|(request, _)| request.key.is_some()) {
            let placed = self.told.borrow().names.get(&request.name).cloned();
            match &first {
                Answer::Acknowledged(_) if again == 0 => continue,
                Answer::Acknowledged(_) => again -= 1,
                // It would be answered when it is over.
                _ if placed.is_none() && request.path == "/calls/outbound" => continue,
                _ => {}
            }
            let second = request.send(&self.http, &self.program.url("")).await;
            let Answer::Acknowledged(call) = second else { panic!("{request:?}, asked again: {second:?}") };
            assert_eq!(placed.as_ref().unwrap_or(&call), &call, "{request:?} is another call");
            self.tally.asked_again(&first, placed.is_some());
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    ready: Vec<Duration>,
    settled: Vec<Duration>,
    open: Vec<usize>,
    phases: BTreeMap<String, usize>,
    pub acknowledged: usize,
    /// Calls that were on disk when their requests had no answer, and requests that came again as new ones.
    unanswered: usize,
    anew: usize,
    rings: usize,
}

impl Tally {
    pub fn kills(&self) -> usize {
        self.ready.len()
    }

    /// The time that so large a share of the starts did not exceed.
    pub fn ready(&self, share: f64) -> Duration {
        at(&self.ready, share)
    }

    pub fn and(mut self, other: Self) -> Self {
        self.ready.extend(other.ready);
        self.settled.extend(other.settled);
        self.open.extend(other.open);
        for (phase, calls) in other.phases {
            *self.phases.entry(phase).or_default() += calls;
        }
        self.acknowledged += other.acknowledged;
        self.unanswered += other.unanswered;
        self.anew += other.anew;
        self.rings += other.rings;
        self
    }

    fn killed(&mut self, told: &Told) {
        self.open.push(told.open.len());
        for phase in told.phases() {
            *self.phases.entry(phase.to_owned()).or_default() += 1;
        }
    }

    fn restarted(&mut self, ready: Duration, settled: Duration) {
        self.ready.push(ready);
        self.settled.push(settled);
    }

    fn asked_again(&mut self, first: &Answer, placed: bool) {
        match first {
            Answer::Acknowledged(_) => {}
            _ if placed => self.unanswered += 1,
            _ => self.anew += 1,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = self.open.iter().sum::<usize>() as f64 / self.open.len().max(1) as f64;
        writeln!(f, "{} kills with {open:.1} calls open: {:?}", self.kills(), self.phases)?;
        let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| self.ready(share));
        writeln!(f, "ready after p50 {p50:.0?}, p99 {p99:.0?}, at most {most:.0?}")?;
        writeln!(f, "no call without an owner later than {:.0?} after the kill", at(&self.settled, 1.0))?;
        write!(
            f,
            "{} POSTs acknowledged; asked again after none: {} known, {} placed then; {} phones rang, once each",
            self.acknowledged, self.unanswered, self.anew, self.rings
        )
    }
}

fn at(times: &[Duration], share: f64) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    let rank = (share * times.len() as f64).ceil() as usize;
    times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
