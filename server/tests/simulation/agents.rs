//! Agents and people on the lines: they do as their contract says, report what they like, and break down.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::{
    sync::{Notify, mpsc},
    time::sleep,
};
use warmline_call::{AgentMode, AgentOrder, Because, CallId, FixedLine, Private, RequestedBy, Speaker};
use warmline_telephony::{Clock, Ear, Line, Live};
use warmline_voice::{
    Agents, Colleague, CustomerAgent, Fact, Setup, Spoken, Strain, SupervisorAgent, Turn, TurnTimes, VoiceStyle,
};

use crate::{
    briefer::Briefer,
    people::SAYS,
    sitter::Sitter,
    world::{Simulated, World},
};

/// All who can be put on a line.
pub(crate) struct Cast {
    pub(crate) world: World,
}

/// On the customer's line.
#[derive(Clone)]
struct Talker {
    world: World,
    call: CallId,
    stopped: Arc<Notify>,
    breaks: Arc<Notify>,
}

impl Cast {
    /// Whose line it is: the voice's emotion says so.
    fn call(&self, style: &VoiceStyle) -> CallId {
        let number = &style.emotion;
        self.world.state().numbers.get(number).cloned().unwrap_or_else(|| CallId::from_bits(0))
    }
}

impl Agents for Cast {
    fn converse(&self, line: Line, setup: Setup, _clock: Clock, facts: mpsc::Sender<Fact>) -> Arc<dyn CustomerAgent> {
        let (world, call) = (self.world.clone(), self.call(&setup.style));
        if world.rare_fault("converse panics", 5) {
            world.with(&call, "its task panics", |room| room.broken = true);
            std::panic::panic_any(Simulated);
        }
        let breaks = world.with(&call, "has an agent", |room| {
            room.company.agent = AgentMode::Idle;
            Arc::clone(&room.company.breaks)
        });
        let talker = Talker { world, call, stopped: Arc::default(), breaks };
        let life = talker.clone();
        tokio::spawn(async move {
            let unfinished = Breaks(life.clone());
            if life.live(line.ear, &facts).await {
                let _ = facts.send(Fact::Gone).await;
            }
            drop(unfinished);
        });
        Arc::new(talker)
    }

    fn consult(&self, line: Line, setup: Setup, _clock: Clock, facts: mpsc::Sender<Fact>) -> Arc<dyn SupervisorAgent> {
        let (world, call) = (self.world.clone(), self.call(&setup.style));
        let attempt = world.with(&call, "has a consult", |room| room.legs.keys().next_back().copied()).unwrap_or(0);
        Arc::new(Briefer::attends(world, call, attempt, line.ear, facts))
    }

    fn attend(&self, line: Line, style: VoiceStyle, _clock: Clock, facts: mpsc::Sender<Fact>) -> Box<dyn Colleague> {
        Box::new(Sitter::attends(self.world.clone(), self.call(&style), line.ear, facts))
    }

    fn prepare_briefing(
        &self,
        setup: Setup,
        _: Vec<Turn>,
        reason: String,
    ) -> BoxFuture<'static, (Private<String>, Vec<Private<String>>)> {
        let (world, call) = (self.world.clone(), self.call(&setup.style));
        Box::pin(async move {
            let mut wait = world.roll(|dice| dice.ms(50, 3_000));
            if world.fault("briefing slow") {
                wait = world.roll(|dice| dice.ms(5_000, 30_000));
            }
            sleep(wait).await;
            world.may_panic("briefing panics", 1);
            world.note(format_args!("{call}: the briefing is there"));
            (Private::from(reason), vec!["a point".into()])
        })
    }
}

/// Whatever ends an agent's task, the customer hears it no more.
struct Breaks(Talker);

impl Drop for Breaks {
    fn drop(&mut self) {
        self.0.world.with(&self.0.call, "the agent's task is over", |room| {
            room.company.agent = AgentMode::Stopped;
            room.company.sentences.clear();
        });
    }
}

/// A sentence that is heard until this is dropped.
struct Sentence(World, CallId, u64);

impl Drop for Sentence {
    fn drop(&mut self) {
        self.0.with(&self.1, "a sentence is over", |room| room.company.sentences.remove(&self.2));
    }
}

impl Talker {
    fn mode(&self) -> AgentMode {
        self.world.state().rooms[&self.call].company.agent
    }

    /// Whether the line's end ended it, and not an order or a fault.
    async fn live(&self, mut ear: Ear, facts: &mpsc::Sender<Fact>) -> bool {
        let mut utterance = 0;
        loop {
            let wait = self.world.roll(|dice| dice.ms(200, 15_000));
            tokio::select! {
                biased;
                () = self.stopped.notified() => {
                    if self.world.fault("last words late") {
                        sleep(self.world.roll(|dice| dice.ms(100, 2_000))).await;
                    }
                    return false;
                }
                heard = ear.hear() => if heard.is_none() {
                    // What was said last is recognised a little later.
                    let _ = facts.send(spoken(utterance + 1, Speaker::Customer, true)).await;
                    return true;
                },
                () = self.breaks.notified() => return false,
                () = sleep(wait) => {}
            }
            if self.world.rare_fault("the agent breaks down", 3) {
                return false;
            }
            self.world.may_panic("the agent panics", 3);
            for fact in self.facts(&mut utterance) {
                self.world.note(format_args!("{}: the agent reports {fact:?}", self.call));
                if facts.send(fact).await.is_err() {
                    return false;
                }
            }
        }
    }

    fn facts(&self, utterance: &mut u64) -> Vec<Fact> {
        *utterance += 1;
        let n = *utterance;
        let what = self.world.roll(|dice| dice.between(0, 19));
        match self.mode() {
            AgentMode::Talking => {
                let hands_over = match what {
                    0..=6 => Fact::HumanRequested { by: RequestedBy::Customer, reason: "a refund".into() },
                    7 => Fact::HumanRequested { by: RequestedBy::Agent, reason: String::new().into() },
                    8 => Fact::Finished,
                    9 => Fact::Failed { detail: "no provider".into() },
                    10 => Fact::Inaudible,
                    11 => Fact::Machine,
                    12 => return vec![Fact::Turn(TurnTimes::default())],
                    13 => return vec![Fact::Strained { cause: Strain::Hearing }],
                    14 => return vec![Fact::Eased],
                    _ => return vec![spoken(n, Speaker::Customer, false), spoken(n, Speaker::Customer, true)],
                };
                self.world.with(&self.call, "the agent hands over", |room| {
                    let after = room.company.agent.hands_over();
                    room.company.agent = after.unwrap_or(room.company.agent);
                });
                vec![hands_over]
            }
            AgentMode::Paused if what < 2 => vec![Fact::ChangedMind],
            AgentMode::Replaced if what < 3 => {
                self.world.with(&self.call, "nothing is heard", |room| {
                    room.company.person.iter().for_each(|(seat, _)| room.sittings.silent(*seat));
                });
                vec![Fact::ColleagueSilent]
            }
            AgentMode::Idle | AgentMode::Stopped => vec![],
            _ => vec![spoken(n, Speaker::Customer, what.is_multiple_of(2))],
        }
    }

    fn say(&self, line: FixedLine) -> BoxFuture<'static, ()> {
        let hung_up = self.world.state().rooms[&self.call].legs.get(&0).is_none_or(|leg| leg.asked);
        self.world.holds(!hung_up, || format!("{}: the customer is told {line:?} after the hang-up", self.call));
        let private = matches!(line, FixedLine::Connecting | FixedLine::CustomerLeft | FixedLine::Cancelled);
        self.world.holds(!private, || format!("{}: the customer hears {line:?}", self.call));
        if !self.world.order(&self.call, AgentOrder::SayFixed) {
            return Box::pin(std::future::ready(()));
        }
        let (world, call, id) = (self.world.clone(), self.call.clone(), self.world.next());
        world.with(&call, format_args!("the customer hears {line:?}"), |room| room.company.sentences.insert(id));
        let sentence = Sentence(world.clone(), call, id);
        Box::pin(async move {
            let mut wait = world.roll(|dice| dice.ms(200, 3_500));
            if world.fault("sentence slow") {
                wait = world.roll(|dice| dice.ms(4_000, 15_000));
            }
            sleep(wait).await;
            drop(sentence);
            world.may_panic("sentence panics", 1);
        })
    }
}

pub(crate) fn spoken(utterance: u64, speaker: Speaker, is_final: bool) -> Fact {
    let at = jiff::Timestamp::UNIX_EPOCH;
    Fact::Spoken(Spoken {
        speaker,
        utterance,
        text: "words".into(),
        r#final: is_final,
        interrupted: false,
        started_at: at,
        ended_at: is_final.then_some(at),
    })
}

impl CustomerAgent for Talker {
    fn start(&self) {
        let refused = self.world.state().rooms[&self.call].refused;
        self.world.holds(!refused, || format!("{}: greets a customer who was not to be called", self.call));
        self.world.order(&self.call, AgentOrder::Start);
    }

    fn pause(&self) {
        self.world.order(&self.call, AgentOrder::Pause);
    }

    fn resume(&self, _: Because) {
        self.world.order(&self.call, AgentOrder::Resume);
    }

    fn say_fixed(&self, line: FixedLine) -> BoxFuture<'static, ()> {
        self.say(line)
    }

    fn say(&self, text: Private<String>) {
        let text = text.reveal();
        self.world
            .holds(text == SAYS, || format!("{}: the customer is told '{text}', which nobody asked for", self.call));
        self.world.note("the agent is to say something");
    }

    fn nudge(&self, _: Private<String>) {}

    fn stand_aside(&self, _: Live) -> BoxFuture<'static, Option<Live>> {
        Box::pin(std::future::ready(None))
    }

    fn overheard(&self, _: Option<Private<String>>) {}

    fn listen_only(&self) {
        self.world.order(&self.call, AgentOrder::ListenOnly);
    }

    fn turns(&self) -> BoxFuture<'static, Vec<Turn>> {
        Box::pin(std::future::ready(Vec::new()))
    }

    fn music(&self, track: Option<Arc<[i16]>>) {
        let plays = track.is_some();
        self.world.with(&self.call, format_args!("music: {plays}"), |room| room.company.music = plays);
    }

    fn stop(&self) {
        self.world.order(&self.call, AgentOrder::Stop);
        self.stopped.notify_one();
    }
}
