//! What is true in a simulated world, whoever may know it, and what has to hold there. Everybody in it tells it what they do.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display, Write as _},
    hash::{DefaultHasher, Hasher as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use warmline_call::{Action, AgentMode, AgentOrder, CallId, Event, Phase, Recorded};

use crate::{
    dice::Dice,
    room::{Company, SimRoom},
    tally::Tally,
};

/// What panics on purpose panics with this.
pub(crate) struct Simulated;

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

    pub(crate) fn note(&self, what: impl Display) {
        self.state().note(&what);
        self.1.notify_one();
    }

    /// Changes a call's room; what its customer hears is looked at afterwards.
    pub(crate) fn with<T>(&self, call: &CallId, what: impl Display, change: impl FnOnce(&mut SimRoom) -> T) -> T {
        let mut state = self.state();
        state.note(&format_args!("{call}: {what}"));
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
        state.note(&format_args!("VIOLATED {what}"));
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
            // The next finds them so, and says its own last words.
            (room.owned, room.widowed) = (false, None);
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

    /// Everybody is told that: whether it is so.
    pub(crate) fn told(&self, recorded: &Recorded) {
        let mut state = self.state();
        let Some(room) = state.rooms.get_mut(&recorded.call) else { return };
        let wrong = match &recorded.event {
            Event::PhaseChanged { to, .. } => {
                room.phase = Some(*to);
                None
            }
            Event::OperatorActed { action: Action::TakeOver, .. } => room.sittings.taken_over(),
            Event::OperatorActed { action: Action::GiveBack, reason, .. } => room.sittings.given_back(reason.is_some()),
            _ => None,
        };
        drop(state);
        if let Some(wrong) = wrong {
            self.violated(&format!("{}: {wrong}", recorded.call));
        }
    }

    /// What the customer's agent is told; whether its contract has it obey.
    pub(crate) fn order(&self, call: &CallId, order: AgentOrder) -> bool {
        self.with(call, format_args!("the agent is told {order:?}"), |room| {
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
                if let Some(kept) = room.look_after_the_supervisor(now) {
                    wrong.push(format!("{call}, {phase:?}: a supervisor is kept without a customer for {kept:?}"));
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

impl State {
    pub(crate) fn now(&self) -> Duration {
        self.before + self.begun.map_or(Duration::ZERO, |begun| begun.elapsed())
    }

    pub(crate) fn injected(&mut self, kind: &'static str) {
        *self.tally.faults.entry(kind).or_default() += 1;
        let open = self.rooms.values().filter(|room| !room.is_empty()).filter_map(|room| room.phase);
        let visited: Vec<_> = open.map(|phase| (phase, kind)).collect();
        self.tally.visited.extend(visited);
        self.note(&kind);
    }

    fn note(&mut self, what: &dyn Display) {
        // What is swept away with a process is swept in any order, and at no time.
        if self.begun.is_none() {
            return;
        }
        self.tally.steps += 1;
        let now = self.now().as_millis();
        // Written down only where somebody is going to read it.
        let _ = write!(Hashed(&mut self.hash), "{what}");
        self.hash.write_u128(now);
        if let Some(story) = &mut self.story {
            story.push(format!("{:>9.3} {what}", now as f64 / 1_000.0));
        }
    }
}

/// Takes text in piece by piece.
struct Hashed<'a>(&'a mut DefaultHasher);

impl fmt::Write for Hashed<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
