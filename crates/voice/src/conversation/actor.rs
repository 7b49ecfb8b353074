use std::{collections::VecDeque, panic::AssertUnwindSafe};

use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use warmline_call::{AgentMode as Mode, AgentOrder, Because, FixedLine, Private, RequestedBy};
use warmline_telephony::Live;

use super::{History, mind::Mind, order::Order};
use crate::{
    Expect, Fact, Role, SpeechError, Turn, TurnTimes,
    brain::Step,
    intent::{self, Wish},
    lines,
    listener::HeardTurn,
    speaker::{Said, Script, Then},
    turn::{Event, Floor, Timing},
};

/// What an operator may have waiting to be said.
const MOST_SAYINGS: usize = 16;
/// The agent gives up after so many turns in a row that it could not speak.
const MOST_FAILED: u32 = 2;
/// The agent gives up after so many turns in a row that it could not hear.
const MOST_DEAF: u32 = 3;

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

    fn on_stand_aside(&mut self, colleague: Live, answer: oneshot::Sender<Live>) {
        let Some(mode) = self.mode.ordered(AgentOrder::StandAside) else { return };
        self.fall_silent(mode);
        self.colleague_heard = false;
        self.floor.passed_on = Some(colleague);
        let _gone = answer.send(self.floor.mouth().begin_live());
    }

    fn on_overheard(&mut self, text: Option<Private<String>>) {
        if self.mode == Mode::Replaced {
            self.colleague_heard = true;
            self.quiet_since = Instant::now();
        }
        if let Some(text) = text {
            self.history.add(Role::Colleague, text.reveal());
        }
    }

    /// Does what a plain order says.
    fn obey(&mut self, order: AgentOrder) {
        if let Some(mode) = self.mode.ordered(order) {
            self.fall_silent(mode);
        }
    }

    /// Goes on with the conversation after such a sentence.
    fn go_on_after(&mut self, first: String) {
        let turns = self.history.with(&[(Role::Agent, &first)]);
        let script = self.floor.prepare(stream::iter([Step::Say(first)]).chain(self.brain.go_on(&turns)).boxed());
        self.speak(script, Saying::Reply, true);
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

    fn say_fixed(&mut self, line: FixedLine, done: oneshot::Sender<()>) {
        let script = self.floor.prepare(stream::iter([Step::Say(lines::fixed(line).to_owned())]).boxed());
        self.speak(script, Saying::Fixed(done), false);
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

    /// The person has finished a turn.
    fn on_turn(&mut self, turn: HeardTurn) {
        self.quiet_since = Instant::now();
        (self.prompts, self.deaf) = (0, 0);
        let prepared = self.prepared.take();
        self.look_for_machine(&turn.text, turn.began);
        if self.mode != Mode::Talking {
            self.history.add(Role::Person, &turn.text);
            if self.mode == Mode::Paused && intent::never_mind(&turn.text) {
                self.floor.tell(Fact::ChangedMind);
            }
            return;
        }
        if self.is_aside(&turn.text) {
            return self.floor.release();
        }
        self.interrupt();
        self.history.add(Role::Person, &turn.text);
        if let Some(reason) = self.wants_human(&turn.text) {
            return self.ask_for_human(RequestedBy::Customer, reason);
        }
        let script = match prepared.filter(|p| p.text == turn.text && p.turns == self.history.turns()) {
            Some(prepared) => prepared.script,
            None => self.floor.prepare(self.brain.reply(self.history.turns())),
        };
        self.answering = Some(turn);
        self.speak(script, Saying::Reply, true);
    }

    /// The person may have finished: think ahead.
    fn on_guess(&mut self, text: String) {
        if self.mode != Mode::Talking || self.is_aside(&text) || self.wants_human(&text).is_some() {
            return;
        }
        let heard = self.floor.speaker().heard();
        let turns = self.history.with(&[(Role::Agent, &heard), (Role::Person, &text)]);
        let script = self.floor.prepare(self.brain.reply(&turns));
        self.prepared = Some(Prepared { text, turns, script });
    }

    fn on_began(&mut self, thought: Instant, audio: Instant, at: Instant) {
        let Some(turn) = self.answering.take() else { return };
        self.floor.tell(Fact::Turn(TurnTimes {
            endpointing_ms: millis(turn.ended, turn.decided),
            stt_ms: millis(turn.decided, turn.known),
            llm_first_token_ms: millis(turn.known, thought),
            tts_first_audio_ms: millis(thought.max(turn.known), audio),
            response_ms: millis(turn.ended, at),
        }));
    }

    /// The agent has said what it had to say.
    fn on_spoke(&mut self, said: Said) {
        self.remember(Some(&said));
        self.answering = None;
        let saying = std::mem::replace(&mut self.saying, Saying::Reply);
        if !matches!(saying, Saying::Prompt) {
            self.quiet_since = Instant::now();
        }
        if let Saying::Fixed(done) = saying {
            let _gone = done.send(());
        } else if said.failed {
            return self.on_unspoken();
        } else {
            self.failed = 0;
        }
        match said.then {
            Some(Then::Escalate { by, reason }) => self.ask_for_human(by, reason),
            Some(Then::EndCall) => self.hand_over(Fact::Finished),
            None => self.say_next(),
        }
    }

    fn on_unspoken(&mut self) {
        self.failed += 1;
        if self.failed >= MOST_FAILED {
            return self.fail("the agent's voice can't be made");
        }
        let text = if self.escalation { lines::offer_human() } else { lines::still_there() };
        self.say_text(text, Saying::Reply);
    }

    fn on_deaf(&mut self, error: &SpeechError) {
        self.deaf += 1;
        if self.mode != Mode::Talking {
            return;
        }
        if self.deaf >= MOST_DEAF {
            return self.fail(&format!("the person can't be understood: {error}"));
        }
        self.interrupt();
        let offer = self.deaf > 1 && self.escalation;
        self.say_text(if offer { lines::offer_human() } else { lines::not_understood() }, Saying::Reply);
    }

    fn on_due(&mut self) {
        match self.message.take() {
            Some(message) => self.say_fixed(FixedLine::VoicemailMessage, message.done),
            None => self.on_silence(),
        }
    }

    fn on_silence(&mut self) {
        if self.mode == Mode::Replaced {
            // Told once for each stretch of silence.
            self.quiet_since = Instant::now();
            return self.floor.tell(Fact::ColleagueSilent);
        }
        if self.quiet_since.elapsed() >= self.timing.inaudible {
            return self.hand_over(Fact::Inaudible);
        }
        self.prompts += 1;
        self.say_text(lines::still_there(), Saying::Prompt);
    }

    async fn on_gone(&mut self) {
        self.floor.cut();
        self.floor.tell(Fact::Gone);
        self.floor.deliver_all().await;
    }

    /// When something is done because nobody has done anything.
    fn next_due(&self) -> Option<Instant> {
        let message = self.message.as_ref();
        message.map(|message| message.by.min(self.floor.last_sound() + self.timing.tone)).or_else(|| self.next_prompt())
    }

    /// When to ask whether somebody is there, or to give up. Not while anybody speaks.
    fn next_prompt(&self) -> Option<Instant> {
        if self.mode == Mode::Replaced {
            let Timing { colleague_mute, colleague_silent, .. } = self.timing;
            let after = if self.colleague_heard { colleague_silent } else { colleague_mute };
            return Some(self.quiet_since + after);
        }
        let silent = self.mode == Mode::Talking && !self.floor.speaker().is_busy() && !self.floor.hears_somebody();
        let after = (self.timing.still_there * (self.prompts + 1)).min(self.timing.inaudible);
        silent.then(|| self.quiet_since + after)
    }

    /// Whether this is no turn of its own but said along with what the agent says.
    fn is_aside(&self, text: &str) -> bool {
        let speaker = self.floor.speaker();
        if !speaker.is_busy() {
            return false;
        }
        let goodbye = speaker.then() == Some(&Then::EndCall) && intent::says_goodbye(text);
        // 'Yes' and the like are answers where the agent is asking something.
        let asking = speaker.sentence().is_none_or(|s| s.trim_end().ends_with('?'));
        !speaker.is_breakable() || goodbye || (intent::is_backchannel(text) && !asking)
    }

    fn wants_human(&self, text: &str) -> Option<String> {
        match intent::wish(text) {
            Wish::Human { reason } if self.escalation => Some(reason),
            _ => None,
        }
    }

    fn look_for_machine(&mut self, text: &str, began: Instant) {
        let early = self.started.is_some_and(|at| began.saturating_duration_since(at) <= self.timing.machine);
        if self.mode == Mode::Talking && early && intent::is_machine_greeting(text) {
            self.hand_over(Fact::Machine);
        }
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

    fn go_on(&mut self) {
        let script = self.floor.prepare(self.brain.go_on(self.history.turns()));
        self.speak(script, Saying::Reply, true);
    }

    fn say_next(&mut self) {
        if self.floor.speaker().is_busy() {
            return;
        }
        if let Some(text) = self.sayings.pop_front() {
            self.say_text(&text, Saying::Reply);
        }
    }

    fn say_text(&mut self, text: &str, saying: Saying) {
        let script = self.floor.prepare(stream::iter([Step::Say(text.to_owned())]).boxed());
        self.speak(script, saying, true);
    }

    fn speak(&mut self, script: Script, saying: Saying, breakable: bool) {
        self.interrupt();
        self.saying = saying;
        self.floor.say(script, breakable);
    }

    /// Silences the agent; what was heard of it is remembered.
    fn interrupt(&mut self) {
        let said = self.floor.cut();
        self.remember(said.as_ref());
        if said.is_some() {
            // Whoever waits for a fixed sentence is told by the drop.
            self.saying = Saying::Reply;
        }
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

    fn remember(&mut self, said: Option<&Said>) {
        let Some(said) = said else { return };
        self.history.add(Role::Agent, &said.text);
        self.floor.expect = self.expect_of_agent();
    }

    /// What kind of answer the agent's last words ask for.
    fn expect_of_agent(&self) -> Expect {
        let last = self.history.turns().last().filter(|t| t.role == Role::Agent).map(|t| t.text.as_str());
        let text = self.floor.speaker().sentence().or(last).unwrap_or_default();
        if text.ends_with(lines::offer_human()) { Expect::YesOrNo } else { Expect::Anything }
    }
}

fn millis(from: Instant, to: Instant) -> u32 {
    u32::try_from(to.saturating_duration_since(from).as_millis()).unwrap_or(u32::MAX)
}
