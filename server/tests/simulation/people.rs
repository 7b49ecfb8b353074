//! People: those who ask for calls, again and again, and those who act on them, listen in and speak in the agent's place.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use warmline::calls::{ActError, Calls, Order, PlaceError, Placed};
use warmline_call::{CallId, OperatorAction, Person, Private};
use warmline_telephony::{FRAME_SAMPLES, Line};

use crate::{room::Stand, world::World};

/// Whatever the disk does: the tenth of a second that an answer waits for it, and a little.
const AT_ONCE: Duration = Duration::from_millis(300);

/// What requests are known, and who listens.
#[derive(Default)]
pub(crate) struct Memory {
    /// Phone number and key.
    keys: Vec<(String, String)>,
    /// Calls that somebody was told of.
    pub(crate) acknowledged: Vec<CallId>,
    /// Somebody who listens, or is about to, on a call: under that name so many times.
    listening: BTreeMap<(CallId, &'static str), usize>,
}

impl Memory {
    /// Whoever listened did so through a process that is gone.
    pub(crate) fn process_begins(&mut self) {
        self.listening.clear();
    }
}

#[derive(Clone)]
pub(crate) struct People {
    pub(crate) world: World,
    pub(crate) calls: Calls,
    pub(crate) memory: Arc<Mutex<Memory>>,
}

/// Two have one name, and two have none.
const PERSONS: [Who; 6] = [("1", "Ann"), ("2", "Ann"), ("3", "console"), ("4", "console"), ("5", "Bea"), ("6", "Cid")];

/// Somebody's id and name.
type Who = (&'static str, &'static str);

/// Whether whoever has that name is the only one.
pub(crate) fn is_one(name: &str) -> bool {
    PERSONS.iter().filter(|(_, other)| *other == name).count() == 1
}

/// All that anybody has an agent say.
pub(crate) const SAYS: &str = "hello";

impl People {
    /// Asks for calls, in bursts.
    pub(crate) async fn ask(self, mut most: u64) {
        loop {
            sleep(self.world.roll(|dice| dice.ms(0, 15_000))).await;
            let burst = self.world.roll(|dice| dice.pick(&[1, 1, 1, 2, 3, 8])).min(most);
            most -= burst;
            for _ in 0..burst {
                let one = self.clone();
                // Whoever goes away takes nothing with them, as with the program's requests.
                tokio::spawn(async move { one.post().await });
            }
            if most == 0 {
                return;
            }
        }
    }

    async fn post(&self) {
        let world = &self.world;
        let n = world.next();
        let known = self.memory.lock().unwrap().keys.clone();
        let again = !known.is_empty() && world.roll(|dice| dice.one_in(4));
        let (number, key) = match again {
            true => world.roll(|dice| known[dice.between(0, known.len() as u64 - 1) as usize].clone()),
            false => (format!("+1555{n:07}"), format!("key {n}")),
        };
        let keyed = again || world.roll(|dice| dice.one_in(2));
        if keyed && !again {
            self.memory.lock().unwrap().keys.push((number.clone(), key.clone()));
        }
        let other = keyed && world.roll(|dice| dice.one_in(12));
        let hash = if other { "another body".to_owned() } else { number.clone() };
        let order = Order {
            phone: number.parse().unwrap(),
            original_input: Private::from(number.as_str()),
            name: None,
            dynamic_instruction: None,
            language: "en".into(),
            emotion: number.clone(),
            escalation: world.roll(|dice| !dice.one_in(8)),
            idempotency: keyed.then(|| (key.clone(), hash)),
        };
        let begun = Instant::now();
        let answer = self.calls.place(order).await;
        let took = begun.elapsed();
        world.note(format_args!("{number}: {} after {took:?}", said(&answer)));
        world.holds(took <= Duration::from_secs(70), || format!("{number}: an answer took {took:?}"));
        let store = self.calls.store();
        match answer {
            Ok(Placed::New(details)) => {
                if keyed {
                    store.finish_key(&key, 200, &details.call_id);
                }
                let call = details.call_id.parse().unwrap();
                self.memory.lock().unwrap().acknowledged.push(call);
                world.state().tally.calls += 1;
            }
            Ok(Placed::Replay { status: 200, body }) => {
                let call: CallId = body.parse().unwrap();
                let known = self.memory.lock().unwrap().acknowledged.contains(&call);
                world.holds(known, || format!("{number}: answered with {call}, of which nobody was told"));
            }
            Ok(Placed::Replay { .. } | Placed::Running) => {
                world.holds(keyed, || format!("{number}: known without a key"))
            }
            Ok(Placed::KeyReused) => world.holds(keyed, || format!("{number}: a key that was not given is known")),
            Err(error) => {
                if keyed && matches!(error, PlaceError::Failed(_)) {
                    store.finish_key(&key, 502, "");
                }
                if !keyed {
                    let mut state = world.state();
                    state.refused.insert(number.clone());
                    if let Some(call) = state.numbers.get(&number).cloned()
                        && let Some(room) = state.rooms.get_mut(&call)
                    {
                        room.refused = true;
                    }
                }
            }
        }
    }

    /// Acts on whatever call there is.
    pub(crate) async fn act(self) {
        loop {
            sleep(self.world.roll(|dice| dice.ms(50, 8_000))).await;
            let calls: Vec<CallId> = {
                let state = self.world.state();
                let there = state.rooms.iter().filter(|(_, room)| !room.is_empty() || (room.owned && !room.closing));
                there.map(|(call, _)| call.clone()).collect()
            };
            if calls.is_empty() {
                continue;
            }
            let (at, what, who) = self.world.roll(|dice| {
                (dice.between(0, calls.len() as u64 - 1) as usize, dice.between(0, 17), dice.pick(&PERSONS))
            });
            let (one, call) = (self.clone(), calls[at].clone());
            tokio::spawn(async move {
                match what {
                    0..=2 => one.listen(&call, who).await,
                    3..=6 => one.take_over(&call, who).await,
                    what => one.order(&call, what, who).await,
                }
            });
        }
    }

    async fn order(&self, call: &CallId, what: u64, who: Who) {
        let action = match what {
            7 if self.world.roll(|dice| dice.one_in(4)) => OperatorAction::Hangup,
            7..=9 => OperatorAction::Escalate { reason: "a refund".into() },
            10 | 11 => OperatorAction::Accept,
            12 => OperatorAction::Decline { reason: Some("fire drill".into()) },
            13 => OperatorAction::Say { text: SAYS.into() },
            14 => OperatorAction::Instruct { text: "be kind".into() },
            15 => OperatorAction::Claim,
            16 => OperatorAction::Release,
            _ => OperatorAction::GiveBack,
        };
        let accepts = (action == OperatorAction::Accept)
            .then(|| self.world.state().rooms.get(call)?.dials.keys().next_back().copied())
            .flatten();
        let yes = |more: bool| {
            if let Some(attempt) = accepts {
                self.world.with(call, "an operator's yes", |room| {
                    let times = room.accepted.entry(attempt).or_default();
                    *times = if more { *times + 1 } else { *times - 1 };
                });
            }
        };
        yes(true);
        if !self.does(call, action.clone(), who).await {
            yes(false);
        } else if action == OperatorAction::Hangup {
            sleep(Duration::from_secs(1)).await;
            let hung_up = {
                let state = self.world.state();
                state.rooms.get(call).is_none_or(|room| {
                    room.broken || !room.owned || room.legs.values().all(|leg| leg.asked || leg.stand == Stand::Gone)
                })
            };
            self.world.holds(hung_up, || format!("{call}: legs are up a second after it was hung up"));
        }
    }

    async fn listen(&self, call: &CallId, (id, name): Who) {
        let there = |more: bool| {
            let mut memory = self.memory.lock().unwrap();
            let count = memory.listening.entry((call.clone(), name)).or_default();
            *count = if more { *count + 1 } else { *count - 1 };
        };
        there(true);
        let begun = Instant::now();
        let listening = self.calls.listen(call, Person::new(id, name)).await;
        self.answered(call, &format!("listen by {name} {id}"), begun, listening.as_ref().err());
        let Ok(listening) = listening else { return there(false) };
        let shown = || async {
            let view = self.calls.store().view(call).await?;
            view.end.is_none().then(|| view.listeners.iter().filter(|who| *who == name).count())
        };
        let shown_now = shown().await;
        self.world.holds(shown_now != Some(0), || format!("{call}: {name} listens and is shown nowhere"));
        sleep(self.world.roll(|dice| dice.ms(0, 30_000))).await;
        drop(listening);
        // Whoever has gone may be shown for a second.
        sleep(Duration::from_secs(1)).await;
        there(false);
        let shown_now = shown().await;
        let listening = self.memory.lock().unwrap().listening[&(call.clone(), name)];
        let (owned, broken) = {
            let state = self.world.state();
            state.rooms.get(call).map_or((false, false), |room| (room.owned, room.broken))
        };
        let right = shown_now.is_none_or(|shown| shown <= listening) || !owned || broken;
        self.world.holds(right, || format!("{call}: {shown_now:?} called {name} are shown, {listening} listen"));
    }

    /// Speaks in the agent's place; and once more, or a colleague does, when that is over.
    async fn take_over(&self, call: &CallId, mut who: Who) {
        while self.sit(call, who).await && self.world.roll(|dice| dice.one_in(2)) {
            who = self.world.roll(|dice| if dice.one_in(2) { who } else { dice.pick(&PERSONS) });
            sleep(self.world.roll(|dice| dice.ms(0, 3_000))).await;
        }
    }

    /// Speaks in the agent's place until the line ends, from either side. Whether there was a place.
    async fn sit(&self, call: &CallId, (id, name): Who) -> bool {
        let (line, end) = Line::new();
        let begun = Instant::now();
        let asked = self.calls.take_over(call, line, Person::new(id, name));
        if self.world.roll(|dice| dice.one_in(6)) {
            // Gone before the answer is there.
            let patience = self.world.roll(|dice| dice.ms(0, 50));
            let _ = tokio::time::timeout(patience, asked).await;
            return true;
        }
        let answer = asked.await;
        self.answered(call, &format!("take-over by {name} {id}"), begun, answer.as_ref().err());
        if answer.is_err() {
            return false;
        }
        let (wait, stays, by_hand) =
            self.world.roll(|dice| (dice.ms(0, 12_000), dice.ms(0, 40_000), dice.pick(&[0, 1, 2])));
        let speaks = async {
            sleep(wait).await;
            end.hear([0; FRAME_SAMPLES]);
            sleep(stays).await;
        };
        tokio::select! {
            biased;
            () = end.forsaken() => {}
            () = speaks => {}
        }
        for late in 0..by_hand {
            // Whoever presses twice, or in a page that has not heard of the end yet, may do so when others speak.
            let (one, call) = (self.clone(), call.clone());
            let wait = self.world.roll(|dice| dice.ms(0, 8_000)) * late;
            tokio::spawn(async move {
                sleep(wait).await;
                one.does(&call, OperatorAction::GiveBack, (id, name)).await
            });
        }
        if by_hand > 0 {
            // The line ends with the seat, or after a while.
            let _ = tokio::time::timeout(Duration::from_secs(2), end.forsaken()).await;
        }
        true
    }

    async fn does(&self, call: &CallId, action: OperatorAction, (id, name): Who) -> bool {
        let begun = Instant::now();
        let what = format!("{action:?} by {name} {id}");
        let answer = self.calls.act(call, action, Person::new(id, name)).await;
        self.answered(call, &what, begun, answer.as_ref().err());
        answer.is_ok()
    }

    fn answered(&self, call: &CallId, what: &str, begun: Instant, error: Option<&ActError>) {
        let took = begun.elapsed();
        self.world
            .note(format_args!("{call}: {what}: {}", error.map_or_else(|| "done".to_owned(), ToString::to_string)));
        let broken = self.world.state().rooms.get(call).is_some_and(|room| room.broken);
        self.world.holds(took <= AT_ONCE || broken, || format!("{call}: {what} took {took:?}"));
    }
}

fn said(answer: &Result<Placed, PlaceError>) -> String {
    match answer {
        Ok(Placed::New(details)) => format!("placed as {}", details.call_id),
        Ok(Placed::Replay { status, .. }) => format!("answered before, {status}"),
        Ok(Placed::Running) => "still being answered".into(),
        Ok(Placed::KeyReused) => "a key of another request".into(),
        Err(error) => error.to_string(),
    }
}
