mod colleague;
mod hearing;
mod saying;
mod timers;

use std::{collections::VecDeque, panic::AssertUnwindSafe};

use futures::FutureExt as _;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use warmline_call::{AgentMode as Mode, AgentOrder, Because, FixedLine, RequestedBy};

use super::{History, mind::Mind, order::Order};
use crate::{
    Fact, Role, Turn, lines,
    listener::HeardTurn,
    speaker::Script,
    turn::{Event, Floor, Timing},
};

/// What an operator may have waiting to be said.
const MOST_SAYINGS: usize = 16;

/// What the agent is saying.
#[derive(Debug)]
enum Saying {
    /// Its own words.
    Reply,
    /// 'Are you still there?'
    Prompt,
    /// A fixed sentence; somebody waits for its end.
    Fixed(oneshot::Sender<()>),
}

/// A reply that was begun before it was sure that the person had finished.
struct Prepared {
    text: String,
    turns: Vec<Turn>,
    script: Script,
}

/// A message for a machine that still talks.
struct Message {
    /// When it is said at the latest.
    by: Instant,
    /// Whoever waits for its end.
    done: oneshot::Sender<()>,
}

/// The agent in conversation with the customer.
pub(super) struct Actor {
    floor: Floor,
    brain: Box<dyn Mind>,
    escalation: bool,
    timing: Timing,
    mode: Mode,
    history: History,
    saying: Saying,
    sayings: VecDeque<String>,
    message: Option<Message>,
    prepared: Option<Prepared>,
    /// The first words, made while it rings.
    greeting: Option<Script>,
    /// The turn that is being answered.
    answering: Option<HeardTurn>,
    started: Option<Instant>,
    quiet_since: Instant,
    prompts: u32,
    failed: u32,
    deaf: u32,
    /// The colleague in its place was heard.
    colleague_heard: bool,
    /// Something in here broke once; it is not trusted to talk on.
    broken: bool,
}

impl Actor {
    pub(super) fn new(floor: Floor, brain: Box<dyn Mind>, escalation: bool, timing: Timing) -> Self {
        Self {
            floor,
            brain,
            escalation,
            timing,
            mode: Mode::Idle,
            history: History::default(),
            saying: Saying::Reply,
            sayings: VecDeque::new(),
            message: None,
            prepared: None,
            greeting: None,
            answering: None,
            started: None,
            quiet_since: Instant::now(),
            prompts: 0,
            failed: 0,
            deaf: 0,
            colleague_heard: false,
            broken: false,
        }
    }

    /// Lives until the leg is gone. Whoever breaks down hands the customer over, and goes on with what it is told; a second
    /// time is the end.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        self.greeting = Some(self.floor.prepare(self.brain.greet()));
        while AssertUnwindSafe(self.live(&mut orders)).catch_unwind().await.is_err() {
            tracing::error!("the agent on the customer's line broke down");
            if std::mem::replace(&mut self.broken, true) {
                return;
            }
            match self.mode {
                Mode::Talking => self.fail("it broke down"),
                mode => self.fall_silent(mode),
            }
        }
    }

    async fn live(&mut self, orders: &mut mpsc::Receiver<Order>) {
        loop {
            let due = self.next_due();
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.on_order(order),
                    None => return,
                },
                event = self.floor.next() => match event {
                    Event::Gone => return self.on_gone().await,
                    event => self.on_event(event),
                },
                () = sleep_until(due.unwrap_or(self.quiet_since)), if due.is_some() => self.on_due(),
            }
        }
    }

    fn on_order(&mut self, order: Order) {
        match order {
            Order::Start => self.on_start(),
            Order::Pause => self.obey(AgentOrder::Pause),
            Order::Resume(because) => self.on_resume(&because),
            Order::SayFixed(line, done) => self.on_say_fixed(line, done),
            Order::Say(text) => self.on_say(text.into_inner()),
            Order::Nudge(text) => self.on_nudge(text.reveal()),
            Order::ListenOnly => self.obey(AgentOrder::ListenOnly),
            Order::StandAside(colleague, answer) => self.on_stand_aside(colleague, answer),
            Order::Overheard(text) => self.on_overheard(text),
            Order::Turns(answer) => {
                let heard = self.floor.speaker().heard();
                let _gone = answer.send(self.history.with(&[(Role::Agent, &heard)]));
            }
            Order::Music(Some(track)) => self.floor.mouth().play_music(track),
            Order::Music(None) => self.floor.mouth().stop_music(),
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Turn(turn) => self.on_turn(turn),
            Event::Partial(text, began) => self.look_for_machine(&text, began),
            Event::Guess(text) => self.on_guess(text),
            Event::Withdrawn => self.prepared = None,
            Event::Voice => {
                if self.mode == Mode::Replaced {
                    self.quiet_since = Instant::now();
                }
                self.prepared = None;
                self.floor.expect = self.expect_of_agent();
            }
            Event::Began { thought, audio, at } => self.on_began(thought, audio, at),
            Event::Spoke(said) => self.on_spoke(said),
            Event::Deaf(error) => self.on_deaf(&error),
            Event::Key(_) | Event::Nothing | Event::Gone => {}
        }
    }

    fn on_start(&mut self) {
        let Some(mode) = self.mode.ordered(AgentOrder::Start) else { return };
        self.mode = mode;
        self.started = Some(Instant::now());
        let greeting = self.greeting.take().unwrap_or_else(|| self.floor.prepare(self.brain.greet()));
        self.speak(greeting, Saying::Reply, true);
    }

    fn on_resume(&mut self, because: &Because) {
        let Some(mode) = self.mode.ordered(AgentOrder::Resume) else { return };
        self.fall_silent(mode);
        if let Some(note) = lines::note_because(because) {
            self.history.add(Role::Note, &note);
        }
        self.go_on_after(lines::because(because));
    }

    /// Does what a plain order says.
    fn obey(&mut self, order: AgentOrder) {
        if let Some(mode) = self.mode.ordered(order) {
            self.fall_silent(mode);
        }
    }

    fn on_say_fixed(&mut self, line: FixedLine, done: oneshot::Sender<()>) {
        match self.mode.ordered(AgentOrder::SayFixed) {
            None => return,
            Some(mode) if mode != self.mode => self.fall_silent(mode),
            Some(_) => {}
        }
        if line == FixedLine::VoicemailMessage {
            // Said now, its beginning would go under in the greeting, and nothing is recorded before the tone.
            self.message = Some(Message { by: Instant::now() + self.timing.machine_talks, done });
            return;
        }
        self.say_fixed(line, done);
    }

    fn on_say(&mut self, text: String) {
        if matches!(self.mode, Mode::ListenOnly | Mode::Replaced | Mode::Stopped) || self.sayings.len() == MOST_SAYINGS
        {
            return;
        }
        self.sayings.push_back(text);
        self.prepared = None;
        if !matches!(self.saying, Saying::Fixed(_)) || !self.floor.speaker().is_busy() {
            let said = self.floor.finish_sentence();
            self.remember(said.as_ref());
        }
        self.say_next();
    }

    fn on_nudge(&mut self, text: &str) {
        self.history.add(Role::Note, text);
        self.prepared = None;
        if self.mode == Mode::Talking && !self.floor.speaker().is_busy() && !self.floor.hears_somebody() {
            self.go_on();
        }
    }

    async fn on_gone(&mut self) {
        self.floor.cut();
        self.floor.tell(Fact::Gone);
        self.floor.deliver_all().await;
    }

    fn ask_for_human(&mut self, by: RequestedBy, reason: String) {
        self.hand_over(Fact::HumanRequested { by, reason: reason.into() });
    }

    /// What comes next is the call's to say: it owes an order.
    fn hand_over(&mut self, fact: Fact) {
        if let Some(mode) = self.mode.hands_over() {
            self.fall_silent(mode);
            self.floor.tell(fact);
        }
    }

    fn fail(&mut self, detail: &str) {
        self.hand_over(Fact::Failed { detail: detail.to_owned() });
    }

    fn fall_silent(&mut self, mode: Mode) {
        self.interrupt();
        self.sayings.clear();
        (self.message, self.prepared, self.answering) = (None, None, None);
        self.greeting = None;
        self.floor.passed_on = None;
        self.quiet_since = Instant::now();
        self.mode = mode;
    }
}
