//! One seed: processes that begin, are killed or stopped, and begin again, on one disk and one network.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _, stream::BoxStream};
use jiff::{SignedDuration, Timestamp};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use warmline::{
    calls::{Calls, Parts, Policy},
    store::{
        Store, StoreOptions,
        testing::{Failed, Fault, MemoryDisk},
    },
};
use warmline_call::{CallId, Timers, VoicemailPolicy};
use warmline_telephony::{Clock, Health};
use warmline_voice::{Speech, SpeechError, SpeechToText, TextToSpeech, Utterance, VoiceStyle};

use crate::{
    agents::Cast,
    log::Log,
    network::{Network, end_all},
    people::{Memory, People},
    tally::Tally,
    world::World,
};

thread_local! {
    /// What panicked on this thread and was not meant to.
    pub(crate) static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What came of a seed.
pub(crate) struct Outcome {
    /// Of everything that happened, in order.
    pub(crate) hash: u64,
    pub(crate) tally: Tally,
    pub(crate) violation: Option<String>,
    pub(crate) story: Vec<String>,
}

/// What stays the same from process to process.
struct Lot {
    world: World,
    log: Arc<Mutex<Log>>,
    memory: Arc<Mutex<Memory>>,
    outlives: bool,
    max_calls: usize,
    supervisors: usize,
    voicemail: VoicemailPolicy,
}

/// Lives a seed through.
pub(crate) fn run(seed: u64, told: bool) -> Outcome {
    PANICS.take();
    let world = World::new(seed, told);
    let lot = world.roll(|dice| Lot {
        world: world.clone(),
        log: Arc::default(),
        memory: Arc::default(),
        outlives: dice.one_in(2),
        max_calls: dice.pick(&[1, 2, 4]),
        supervisors: dice.pick(&[0, 1, 1, 2, 3]),
        voicemail: dice.pick(&[VoicemailPolicy::HangUp, VoicemailPolicy::LeaveMessage]),
    });
    let lives = world.roll(|dice| dice.pick(&[1, 1, 2, 3]));
    let mut disk = MemoryDisk::new();
    for life in 1..=lives {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let lived = runtime.block_on(async {
            world.process_begins();
            let begun = Instant::now();
            tokio::select! {
                biased;
                () = world.wrong() => {}
                () = lot.live(&disk, life == lives) => {}
            }
            begun.elapsed()
        });
        world.process_ends(lived);
        drop(runtime);
        disk = disk.crash();
        let mut state = world.state();
        state.tally.restarts += u64::from(life < lives);
        state.before += Duration::from_millis(300);
        let calls: Vec<CallId> = state.rooms.keys().cloned().collect();
        drop(state);
        if !lot.outlives {
            calls.iter().for_each(|call| end_all(&world, call, warmline_call::LeftCause::MediaLost));
        }
        if world.state().violation.is_some() {
            break;
        }
    }
    if let Some(panic) = PANICS.take().into_iter().next() {
        world.violated(&format!("something panicked: {panic}"));
    }
    let (hash, tally, violation, story) = world.outcome();
    Outcome { hash, tally, violation, story }
}

impl Lot {
    async fn live(&self, disk: &MemoryDisk, last: bool) {
        let world = &self.world;
        let wall = Timestamp::UNIX_EPOCH + SignedDuration::try_from(world.now()).unwrap();
        let clock = Clock::starting_at(wall);
        let keep_keys = Duration::from_secs(365 * 24 * 3600);
        let options = StoreOptions { clock, keep_keys, ..StoreOptions::default() };
        let store = Store::open_on(Arc::new(disk.clone()), options).await.unwrap();
        let there = store.events_after(0, usize::MAX).await.unwrap();
        if let Err(wrong) = self.log.lock().unwrap().found(&there) {
            world.violated(&wrong);
        }
        let mut own = JoinSet::new();
        let runtime = Arc::<OnceLock<Calls>>::default();
        own.spawn(watch(world.clone(), store.clone(), Arc::clone(&self.log), Arc::clone(&runtime), self.max_calls));
        own.spawn(spoil(world.clone(), disk.clone()));
        own.spawn(degrade(world.clone()));
        if world.fault("network down at the start") {
            let away = world.now() + world.roll(|dice| dice.ms(500, 50_000));
            world.state().unreachable_until = away;
        }
        let network = Network { world: world.clone(), outlives: self.outlives };
        let open = store.open_calls().await.unwrap();
        self.sweep(&open);
        let ids = world.clone();
        let calls = Calls::start_with(
            self.parts(store, network, clock),
            Arc::new(Cast { world: world.clone() }),
            Box::new(move || CallId::from_bits(ids.next())),
        );
        let calls = calls.await.unwrap();
        let _ = runtime.set(calls.clone());
        let people = People { world: world.clone(), calls: calls.clone(), memory: Arc::clone(&self.memory) };
        self.memory.lock().unwrap().process_begins();
        let most = world.roll(|dice| dice.between(1, 8));
        let mut busy = JoinSet::new();
        busy.spawn(people.clone().ask(most));
        busy.spawn(people.act());
        sleep(world.roll(|dice| dice.ms(10, 120_000))).await;
        let killed = !last && world.roll(|dice| !dice.one_in(4));
        if killed {
            world.state().injected("kill");
            return;
        }
        if !last {
            world.state().injected("stop");
            // The first signal waits for calls to end by themselves; the second does not.
            let patience = world.roll(|dice| if dice.one_in(2) { Duration::ZERO } else { dice.ms(100, 60_000) });
            let _ = timeout(patience, calls.drain()).await;
            if self.outlives {
                world.lets_go();
            }
            let stopped = timeout(Duration::from_secs(600), calls.stop()).await.is_ok();
            world.holds(stopped, || "a second signal did not end the calls in ten minutes".into());
            return calls.store().clone().close().await;
        }
        world.state().trouble = 0;
        busy.shutdown().await;
        self.run_out(disk, calls, own).await;
    }

    /// Nothing goes wrong any more, and nobody wants anything: every call ends, and nothing is left of it.
    async fn run_out(&self, disk: &MemoryDisk, calls: Calls, mut own: JoinSet<()>) {
        let world = &self.world;
        disk.set(None);
        if !self.outlives && world.roll(|dice| dice.one_in(3)) {
            world.note("it is to stop");
            let stopped = timeout(Duration::from_secs(600), calls.stop()).await.is_ok();
            world.holds(stopped, || "a second signal did not end the calls in ten minutes".into());
        }
        let drained = timeout(Duration::from_secs(7_200), calls.drain()).await.is_ok();
        world.holds(drained, || format!("{} calls do not end", calls.open_count()));
        sleep(Duration::from_secs(1_800)).await;
        let store = calls.store().clone();
        let backlog = store.backlog();
        world.holds(backlog.events == 0, || format!("{backlog:?} in the end"));
        world.holds(calls.open_count() == 0, || "calls are open in the end".into());
        for (call, room) in &world.state().rooms {
            let legs: Vec<_> = room.legs.iter().map(|(leg, life)| (*leg, life.stand)).collect();
            if !room.is_empty() {
                let (world, what) = (world.clone(), format!("{call}: legs in the end: {legs:?}"));
                tokio::spawn(async move { world.violated(&what) });
            }
        }
        tokio::task::yield_now().await;
        self.compare(&store).await;
        drop(calls);
        store.close().await;
        own.shutdown().await;
        sleep(Duration::from_secs(60)).await;
        let left = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        world.holds(left == 0, || format!("{left} tasks are left in the end"));
    }

    /// What is in the log, what was told, and what the store says of it are the same.
    async fn compare(&self, store: &Store) {
        let world = &self.world;
        let there = store.events_after(0, usize::MAX).await.unwrap();
        let (views, told) = {
            let log = self.log.lock().unwrap();
            (log.views().cloned().collect::<Vec<_>>(), log.told == there)
        };
        world.holds(told, || {
            let log = self.log.lock().unwrap();
            let first = log.told.iter().zip(&there).find(|(told, there)| told != there);
            format!(
                "{} events are on the disk, {} were told; the first that differ: {first:?}",
                there.len(),
                log.told.len()
            )
        });
        for view in &views {
            let end = view.end.as_ref();
            world.holds(end.is_some(), || format!("{}: not ended in the log", view.call));
            let same = store.view(&view.call).await.is_some_and(|shown| shown == *view);
            world.holds(same, || format!("{}: the store shows another call than the log", view.call));
            let reason = end.map_or("open", |end| end.reason.as_str());
            *world.state().tally.ends.entry(reason.to_owned()).or_default() += 1;
        }
        let acknowledged = self.memory.lock().unwrap().acknowledged.clone();
        for call in acknowledged {
            let known = views.iter().any(|view| view.call == call);
            world.holds(known, || format!("{call}: acknowledged, and not in the log"));
        }
    }

    /// Rooms of calls that are over are taken down by the network, as the program's backend does at its start.
    fn sweep(&self, open: &[CallId]) {
        let rooms: Vec<CallId> = self.world.state().rooms.keys().cloned().collect();
        for call in rooms.into_iter().filter(|call| !open.contains(call)) {
            let world = self.world.clone();
            tokio::spawn(async move {
                sleep(world.roll(|dice| dice.ms(100, 5_000))).await;
                end_all(&world, &call, warmline_call::LeftCause::Released);
            });
        }
    }

    fn parts(&self, store: Store, network: Network, clock: Clock) -> Parts {
        let max_duration = self.world.roll(|dice| dice.ms(60_000, 600_000));
        Parts {
            store,
            telephony: Arc::new(network),
            exchange: None,
            speech: Speech { stt: Arc::new(Nothing), tts: Arc::new(Nothing), model: None },
            readiness: Vec::new(),
            hold_music: Arc::from([0; 320]),
            policy: Policy {
                supervisors: (1..=self.supervisors).map(|n| format!("+1666000000{n}").parse().unwrap()).collect(),
                language: "en".into(),
                emotion: "Calm".into(),
                instructions: String::new(),
                caller_name: None,
                timers: Timers { max_duration, ..Timers::default() },
                voicemail: self.voicemail,
                max_calls: self.max_calls,
            },
            clock,
        }
    }
}

/// Looks at everything that is told, and at the world whenever it has changed.
async fn watch(world: World, store: Store, log: Arc<Mutex<Log>>, runtime: Arc<OnceLock<Calls>>, most: usize) {
    let mut live = store.subscribe();
    loop {
        tokio::select! {
            biased;
            delivered = live.recv() => match delivered {
                Ok(delivered) => {
                    world.note(format_args!("told {}", delivered.body()));
                    world.told(&delivered.recorded);
                    let told = log.lock().unwrap().tell(&delivered.recorded);
                    if let Err(wrong) = told {
                        world.violated(&wrong);
                    }
                }
                Err(_) => return,
            },
            () = world.changed() => {
                world.check(|call| store.view(call).now_or_never().flatten().map(|view| view.phase));
                if let Some(calls) = runtime.get() {
                    count(&world, calls, most);
                }
            }
        }
    }
}

/// No more calls are open than may be.
fn count(world: &World, calls: &Calls, most: usize) {
    let open = calls.open_count();
    if open > most {
        let adopted = world.state().rooms.values().filter(|room| room.adopted).count();
        world.holds(open <= most + adopted, || {
            format!("{open} calls are open, {adopted} of them taken over, of {most}")
        });
    }
}

/// Lets the disk fail, one way or another, for a while or once.
async fn spoil(world: World, disk: MemoryDisk) {
    loop {
        sleep(world.roll(|dice| dice.ms(200, 20_000))).await;
        if world.state().trouble == 0 {
            return;
        }
        match world.roll(|dice| dice.between(0, 9)) {
            0 => once(&world, &disk, Failed::Without, "commit fails"),
            1 => once(&world, &disk, Failed::AfterAll, "commit in doubt"),
            2 => lasting(&world, &disk, Fault::Stuck, "disk stuck").await,
            3 => lasting(&world, &disk, Fault::Locked, "disk locked").await,
            4 => lasting(&world, &disk, Fault::Full, "disk full").await,
            5 => lasting(&world, &disk, Fault::Broken, "disk broken").await,
            6 => lasting(&world, &disk, Fault::Moved, "disk moved").await,
            _ => {}
        }
    }
}

fn once(world: &World, disk: &MemoryDisk, how: Failed, kind: &'static str) {
    world.state().injected(kind);
    disk.fail_next(how);
}

async fn lasting(world: &World, disk: &MemoryDisk, fault: Fault, kind: &'static str) {
    world.state().injected(kind);
    disk.set(Some(fault));
    sleep(world.roll(|dice| dice.ms(50, 20_000))).await;
    disk.set(None);
    world.note("the disk is sound");
}

/// Lets the network carry sound badly.
async fn degrade(world: World) {
    loop {
        sleep(world.roll(|dice| dice.ms(1_000, 30_000))).await;
        if world.state().trouble == 0 {
            return;
        }
        let mut state = world.state();
        let bad = state.dice.one_in(2);
        if bad {
            state.injected("sound degraded");
        }
        for room in state.rooms.values().filter_map(|room| room.health.as_ref()) {
            room.send_replace(if bad { Health::Degraded } else { Health::Good });
        }
    }
}

/// No speech at all.
struct Nothing;

#[async_trait]
impl SpeechToText for Nothing {
    async fn recognise(&self, _: Utterance) -> Result<String, SpeechError> {
        Ok(String::new())
    }

    fn understands(&self, _: &str) -> bool {
        true
    }
}

impl TextToSpeech for Nothing {
    fn speak(&self, _: &str, _: &VoiceStyle) -> BoxStream<'static, Result<Arc<[i16]>, SpeechError>> {
        futures::stream::empty().boxed()
    }

    fn speaks(&self, _: &str) -> bool {
        true
    }
}
