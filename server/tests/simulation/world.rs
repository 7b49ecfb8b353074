//! What is true in a simulated world, whoever may know it, and what has to hold there. Everybody in it tells it what they do.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    hash::{DefaultHasher, Hasher as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, broadcast, mpsc, watch},
    time::Instant,
};
use warmline_call::{AgentMode, AgentOrder, CallId, LegFact, LegRef, Phase};
use warmline_telephony::{Frame, Health, LineEnd};

use crate::dice::Dice;

/// A customer who is there hears somebody after so long, at the latest.
const SILENCE: Duration = Duration::from_millis(3_010);

/// What panics on purpose panics with this.
pub(crate) struct Simulated;

/// How a leg stands with the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stand {
    Dialled,
    Answered,
    Gone,
}

pub(crate) struct SimLeg {
    pub(crate) stand: Stand,
    pub(crate) progress: Option<mpsc::Sender<LegFact>>,
    pub(crate) end: Option<LineEnd>,
    /// The program wants it gone.
    pub(crate) asked: bool,
    /// Wakes who is at that phone.
    pub(crate) over: Arc<Notify>,
}

/// Who or what the customer of a call can hear.
#[derive(Default)]
pub(crate) struct Company {
    pub(crate) agent: AgentMode,
    pub(crate) music: bool,
    pub(crate) sentences: BTreeSet<u64>,
    /// Somebody is connected in the agent's place, and whether their line is up.
    pub(crate) person: Option<(u64, bool)>,
    alone_since: Option<Duration>,
}

/// A call as the network knows it, and the people on it.
#[derive(Default)]
pub(crate) struct SimRoom {
    pub(crate) legs: BTreeMap<u32, SimLeg>,
    pub(crate) together: Option<u32>,
    /// Counts what makes a merge under way void.
    pub(crate) merges: u64,
    /// Attempts, and how many times a supervisor or an operator has said yes to them.
    pub(crate) accepted: BTreeMap<u32, u32>,
    pub(crate) company: Company,
    /// Some process looks after it.
    pub(crate) owned: bool,
    /// From when on nobody did, though a process was there.
    pub(crate) forsaken: Option<Duration>,
    pub(crate) closing: bool,
    pub(crate) dials: BTreeMap<u32, u32>,
    pub(crate) adopted: bool,
    pub(crate) listen: Option<broadcast::Sender<Arc<Frame>>>,
    pub(crate) health: Option<watch::Sender<Health>>,
    /// Whoever asked for it was told that nobody will be called.
    pub(crate) refused: bool,
    /// Its own task was made to panic.
    pub(crate) broken: bool,
    pub(crate) phase: Option<Phase>,
}

impl SimRoom {
    pub(crate) fn up(&self, leg: u32) -> bool {
        self.legs.get(&leg).is_some_and(|leg| leg.stand == Stand::Answered)
    }

    pub(crate) fn supervisor(&self) -> Option<u32> {
        let there = |(leg, life): &(&u32, &SimLeg)| **leg > 0 && life.stand == Stand::Answered && !life.asked;
        self.legs.iter().rev().find(there).map(|(leg, _)| *leg)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.legs.values().all(|leg| leg.stand == Stand::Gone)
    }
}

/// What a run has come to.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    pub(crate) steps: u64,
    pub(crate) calls: u64,
    pub(crate) restarts: u64,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    /// Faults, and the phases of calls that were open when they came.
    pub(crate) visited: BTreeSet<(Phase, &'static str)>,
    pub(crate) ends: BTreeMap<String, u64>,
}

pub(crate) struct State {
    pub(crate) dice: Dice,
    pub(crate) rooms: BTreeMap<CallId, SimRoom>,
    pub(crate) tally: Tally,
    /// Whether anything goes wrong at all, and how often: once in so many times.
    pub(crate) trouble: u32,
    /// Whose number it is.
    pub(crate) numbers: BTreeMap<String, CallId>,
    /// Numbers that nobody is to call any more: whoever asked for it was told so.
    pub(crate) refused: BTreeSet<String>,
    pub(crate) next: u64,
    hash: DefaultHasher,
    story: Option<Vec<String>>,
    pub(crate) violation: Option<String>,
    /// Until when the network can't be reached for those who want to know what is left.
    pub(crate) unreachable_until: Duration,
    /// How long earlier processes, and the time between, took.
    pub(crate) before: Duration,
    begun: Option<Instant>,
    down: bool,
}

/// Clones are the same world.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<State>>, Arc<Notify>, Arc<Notify>);

impl World {
    pub(crate) fn new(seed: u64, told: bool) -> Self {
        let mut dice = Dice::new(seed);
        let trouble = dice.pick(&[8, 20, 60, 0]);
        Self(
            Arc::new(Mutex::new(State {
                dice,
                rooms: BTreeMap::new(),
                tally: Tally::default(),
                trouble,
                numbers: BTreeMap::new(),
                refused: BTreeSet::new(),
                next: 0,
                hash: DefaultHasher::new(),
                story: told.then(Vec::new),
                violation: None,
                unreachable_until: Duration::ZERO,
                before: Duration::ZERO,
                begun: None,
                down: true,
            })),
            Arc::default(),
            Arc::default(),
        )
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something has changed: whoever watches looks at it when everybody has done their part.
    pub(crate) async fn changed(&self) {
        self.1.notified().await;
    }

    pub(crate) fn note(&self, what: &str) {
        self.state().note(what);
        self.1.notify_one();
    }

    /// Changes a call's room; what its customer hears is looked at afterwards.
    pub(crate) fn with<T>(&self, call: &CallId, what: &str, change: impl FnOnce(&mut SimRoom) -> T) -> T {
        let mut state = self.state();
        state.note(&format!("{call}: {what}"));
        let now = state.now();
        let room = state.rooms.entry(call.clone()).or_default();
        let result = change(room);
        let alone = room.listen_in(now);
        drop(state);
        if let Some(alone) = alone {
            self.violated(&format!("{call}: the customer heard nobody for {alone:?}, until '{what}'"));
        }
        self.1.notify_one();
        result
    }

    pub(crate) fn violated(&self, what: &str) {
        let mut state = self.state();
        state.note(&format!("VIOLATED {what}"));
        if state.violation.is_none() {
            state.violation = Some(what.to_owned());
        }
        self.2.notify_one();
    }

    /// Something that has to hold does not.
    pub(crate) async fn wrong(&self) {
        self.2.notified().await;
    }

    pub(crate) fn holds(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violated(&what());
        }
    }

    /// Whether this goes wrong now.
    pub(crate) fn fault(&self, kind: &'static str) -> bool {
        self.rare_fault(kind, 1)
    }

    /// The same for what goes wrong so many times less often.
    pub(crate) fn rare_fault(&self, kind: &'static str, rarer: u32) -> bool {
        let times = self.state().trouble * rarer;
        self.goes_wrong(kind, times)
    }

    /// The same for what is seldom tried, and would hardly ever go wrong.
    pub(crate) fn frequent_fault(&self, kind: &'static str) -> bool {
        let times = self.state().trouble.div_ceil(4);
        self.goes_wrong(kind, times)
    }

    fn goes_wrong(&self, kind: &'static str, times: u32) -> bool {
        let mut state = self.state();
        let goes_wrong = times > 0 && state.dice.one_in(times);
        if goes_wrong {
            state.injected(kind);
        }
        goes_wrong
    }

    /// Panics, if this goes wrong now.
    pub(crate) fn may_panic(&self, kind: &'static str, rarer: u32) {
        if self.rare_fault(kind, rarer) {
            std::panic::panic_any(Simulated);
        }
    }

    pub(crate) fn roll<T>(&self, roll: impl FnOnce(&mut Dice) -> T) -> T {
        roll(&mut self.state().dice)
    }

    pub(crate) fn next(&self) -> u64 {
        let mut state = self.state();
        state.next += 1;
        state.next
    }

    pub(crate) fn now(&self) -> Duration {
        self.state().now()
    }

    /// A process begins, in a runtime of its own.
    pub(crate) fn process_begins(&self) {
        let mut state = self.state();
        state.begun = Some(Instant::now());
        state.down = false;
        state.rooms.values_mut().for_each(|room| (room.company, room.adopted) = (Company::default(), false));
    }

    /// The process is to end, and leaves those alone who can do without it.
    pub(crate) fn lets_go(&self) {
        let mut state = self.state();
        state.down = true;
        for room in state.rooms.values_mut().filter(|room| room.phase == Some(Phase::Merged) && room.together.is_some())
        {
            room.owned = false;
        }
    }

    /// The process is gone. What was on its lines is.
    pub(crate) fn process_ends(&self, lived: Duration) {
        let mut state = self.state();
        state.begun = None;
        state.before += lived;
        state.down = true;
        for room in state.rooms.values_mut() {
            room.company = Company::default();
            room.owned = false;
            (room.listen, room.health) = (None, None);
            for leg in room.legs.values_mut() {
                (leg.progress, leg.end) = (None, None);
            }
        }
    }

    pub(crate) fn outcome(&self) -> (u64, Tally, Option<String>, Vec<String>) {
        let mut state = self.state();
        (state.hash.finish(), state.tally.clone(), state.violation.take(), state.story.take().unwrap_or_default())
    }

    /// What the customer's agent is told; whether its contract has it obey.
    pub(crate) fn order(&self, call: &CallId, order: AgentOrder) -> bool {
        self.with(call, &format!("the agent is told {order:?}"), |room| {
            let Some(after) = room.company.agent.ordered(order) else { return false };
            room.company.agent = after;
            if matches!(order, AgentOrder::Start | AgentOrder::Resume | AgentOrder::Stop) {
                room.company.sentences.clear();
            }
            true
        })
    }

    /// What has to hold whenever everybody has done their part.
    pub(crate) fn check(&self, phase: impl Fn(&CallId) -> Option<Phase>) {
        let mut wrong = Vec::new();
        {
            let mut state = self.state();
            let now = state.now();
            let (down, unreachable_until) = (state.down, state.unreachable_until);
            for (call, room) in &mut state.rooms {
                if room.is_empty() {
                    room.forsaken = None;
                    continue;
                }
                // Looking it up is dear.
                let phase = if room.together.is_some() { phase(call) } else { room.phase };
                let company = &room.company;
                let talks = company.agent == AgentMode::Talking;
                let mut must = |holds: bool, what: &str| {
                    if !holds {
                        wrong.push(format!("{call}, {phase:?}: {what}"));
                    }
                };
                if room.up(0) && room.owned && !room.broken {
                    must(!(talks && company.music), "agent and music at once");
                    must(!(room.together.is_some() && talks), "agent and supervisor at once");
                    must(!(room.together.is_some() && company.music), "music and supervisor at once");
                    must(!(room.together.is_some() && company.person.is_some()), "two people at once");
                    must(company.person.is_none() || company.agent != AgentMode::Talking, "agent and a person at once");
                    let together = matches!(phase, Some(Phase::Merging | Phase::Merged | Phase::Ended) | None);
                    must(room.together.is_none() || together, "customer and supervisor hear each other");
                }
                if let Some(alone) = room.listen_in(now) {
                    wrong.push(format!("{call}, {phase:?}: the customer has heard nobody for {alone:?}"));
                }
                let forsaken = !down && !room.owned && !room.is_empty() && now >= unreachable_until;
                room.forsaken = if forsaken { room.forsaken.or(Some(now)) } else { None };
                if let Some(since) = room.forsaken
                    && now - since > Duration::from_secs(30)
                {
                    wrong.push(format!("{call}: legs without an owner for {:?}", now - since));
                }
            }
        }
        for wrong in wrong {
            self.violated(&wrong);
        }
    }
}

impl SimRoom {
    /// How long the customer has heard nobody, if it is too long.
    fn listen_in(&mut self, now: Duration) -> Option<Duration> {
        let there = self.owned && !self.closing && self.legs.get(&0).is_some_and(|leg| !leg.asked) && self.up(0);
        let company = &self.company;
        let heard = match company.agent {
            AgentMode::Stopped | AgentMode::Idle => false,
            AgentMode::Talking => true,
            AgentMode::Replaced => company.person.is_some_and(|(_, up)| up),
            AgentMode::HandedOver | AgentMode::Paused | AgentMode::ListenOnly => company.music,
        };
        let heard = heard || !company.sentences.is_empty() || self.together.is_some();
        let since = self.company.alone_since.take().unwrap_or(now);
        if there && !heard {
            self.company.alone_since = Some(since);
        }
        (there && now - since > SILENCE).then_some(now - since)
    }
}

impl State {
    pub(crate) fn now(&self) -> Duration {
        self.before + self.begun.map_or(Duration::ZERO, |begun| begun.elapsed())
    }

    pub(crate) fn injected(&mut self, kind: &'static str) {
        *self.tally.faults.entry(kind).or_default() += 1;
        let open = self.rooms.values().filter(|room| !room.is_empty()).filter_map(|room| room.phase);
        let visited: Vec<_> = open.map(|phase| (phase, kind)).collect();
        self.tally.visited.extend(visited);
        self.note(kind);
    }

    fn note(&mut self, what: &str) {
        // What is swept away with a process is swept in any order, and at no time.
        if self.begun.is_none() {
            return;
        }
        self.tally.steps += 1;
        let now = self.now().as_millis();
        self.hash.write(what.as_bytes());
        self.hash.write_u128(now);
        if let Some(story) = &mut self.story {
            story.push(format!("{:>9.3} {what}", now as f64 / 1_000.0));
        }
    }
}

/// A leg as the rooms count them.
pub(crate) fn number(leg: LegRef) -> u32 {
    match leg {
        LegRef::Customer => 0,
        LegRef::Supervisor(attempt) => attempt,
    }
}

pub(crate) fn leg_ref(number: u32) -> LegRef {
    if number == 0 { LegRef::Customer } else { LegRef::Supervisor(number) }
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.calls += other.calls;
        self.restarts += other.restarts;
        for (kind, times) in other.faults {
            *self.faults.entry(kind).or_default() += times;
        }
        for (reason, times) in other.ends {
            *self.ends.entry(reason).or_default() += times;
        }
        self.visited.extend(other.visited);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: u64 = self.faults.values().sum();
        writeln!(f, "{} steps, {} calls, {} restarts, {faults} faults", self.steps, self.calls, self.restarts)?;
        for (kind, times) in &self.faults {
            let phases: Vec<_> =
                self.visited.iter().filter(|(_, k)| k == kind).map(|(phase, _)| phase.as_str()).collect();
            writeln!(f, "  {times:>8} × {kind}, in {}", phases.join(", "))?;
        }
        write!(f, "  ends: {:?}", self.ends)
    }
}
