//! One task a call: owns its state machine, writes down what happened, and has done what must be done. It waits for nobody:
//! what takes time runs on a task of its own ([`super::children`]), and how that ended is an input like any other.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{broadcast, mpsc, oneshot},
    time::Instant,
};
use warmline_call::{
    Adopted, CallId, Command, Config, Event, Input, LegRef, Machine, OperatorAction, Person, Private, Rejected, Seat,
    SeatFact,
};
use warmline_telephony::{Clock, DialError, Dialled, Frame, Inherited, Line, Room};
use warmline_voice::{Colleague, CustomerAgent, Fact, SupervisorAgent};

use super::{Inner, Order, children, hearing::Utterances};

/// What whoever placed a call is told that ended before its dial had begun.
pub(super) const NOT_BEGUN: &str = "The dial did not begin in time. Nobody was called.";

/// What a call's task is told.
pub(super) enum Message {
    /// A fact for the state machine.
    Input(Input),
    /// Somebody acts; they want to know whether it was possible.
    Act { input: Input, reply: Reply },
    /// Somebody wants to speak with the customer in the agent's place, on that line.
    TakeOver { line: Line, by: Person, reply: Reply },
    /// Somebody listens in, until `gone` ends.
    Listen { by: Person, gone: oneshot::Receiver<()>, reply: Reply },
    /// Something was said, or happened, on a line.
    Heard(Source, Fact),
    /// A dial has begun, or could not.
    Dialled(LegRef, Result<Dialled, DialError>),
    /// A line's task is over: nothing more will be heard on it.
    Over(Source),
}

/// Whether what was asked for was possible.
pub(super) type Reply = oneshot::Sender<Result<(), Rejected>>;

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// A leg's.
    Leg(LegRef),
    /// That of somebody who speaks in the agent's place, or wants to.
    Seat(Seat),
}

/// The customer's dial has begun.
pub(super) struct Begun {
    pub(super) participant_id: String,
    pub(super) sip_call_id: String,
}

/// A call in progress.
pub(super) struct Driver {
    pub(super) inner: Arc<Inner>,
    pub(super) call: CallId,
    /// The call's own: its events are in order whatever becomes of the system's time.
    pub(super) clock: Clock,
    pub(super) order: Order,
    pub(super) machine: Machine,
    pub(super) room: Arc<dyn Room>,
    pub(super) inbox: mpsc::Sender<Message>,
    pub(super) begun: Option<oneshot::Sender<Result<Begun, String>>>,
    pub(super) agent: Option<Arc<dyn CustomerAgent>>,
    pub(super) consult: Option<(u32, Arc<dyn SupervisorAgent>)>,
    /// Whoever speaks in the agent's place, or wants to.
    pub(super) colleague: Option<(Seat, Box<dyn Colleague>)>,
    /// The line of somebody who asks for a seat just now.
    pub(super) offered: Option<Line>,
    /// Lines on which something may still be heard.
    pub(super) listening: Vec<Source>,
    /// When the machine's clock began.
    pub(super) started: Instant,
    pub(super) utterances: Utterances,
    over: bool,
}

/// How a call's task is reached, and what it lets hear.
pub(super) struct Ways {
    pub(super) inbox: mpsc::Sender<Message>,
    pub(super) messages: mpsc::Receiver<Message>,
    pub(super) heard: broadcast::Sender<Arc<Frame>>,
}

/// Lives a call from its first dial to its end.
pub(super) async fn drive(
    inner: Arc<Inner>,
    call: CallId,
    order: Order,
    ways: Ways,
    begun: oneshot::Sender<Result<Begun, String>>,
) {
    let Ways { inbox, mut messages, heard } = ways;
    let room = match super::opening::open(&inner, &call, &mut messages).await {
        Ok(Some(room)) => room,
        Ok(None) => return,
        Err(error) => {
            let detail = format!("No call can be placed: {error}");
            inner.close_in_log(&call, warmline_call::EndReason::TrunkFailure, &detail);
            let _ = begun.send(Err(detail));
            return;
        }
    };
    let machine = Machine::new(config(&inner, &order));
    let mut driver = Driver::new(inner, call, order, machine, room, inbox, heard);
    driver.begun = Some(begun);
    driver.step(Input::Start, &mut messages).await;
    driver.run(messages).await;
}

/// Lives what is left of a call that an earlier run of the program began.
pub(super) async fn go_on(
    inner: Arc<Inner>,
    call: CallId,
    order: Order,
    ways: Ways,
    left: Inherited,
    adopted: Adopted,
    last_utterance: u64,
) {
    let since_answer = adopted.since_answer;
    let machine = Machine::adopt(config(&inner, &order), adopted);
    let Ways { inbox, mut messages, heard } = ways;
    let mut driver = Driver::new(inner, call, order, machine, left.room, inbox, heard);
    let now = Instant::now();
    driver.started = now.checked_sub(since_answer).unwrap_or(now);
    driver.utterances.last = last_utterance;
    for (leg, dialled) in left.legs {
        driver.take_on(leg, dialled.line, dialled.progress);
    }
    if driver.machine.is_merged() {
        driver.execute(Command::Leave);
    }
    driver.settle(&mut messages).await;
    driver.run(messages).await;
}

fn config(inner: &Inner, order: &Order) -> Config {
    let policy = &inner.parts.policy;
    Config {
        phone_number: Private::from(order.phone.as_str()),
        escalation: order.escalation,
        supervisors: policy.supervisors.iter().map(|number| Private::from(number.as_str())).collect(),
        voicemail: policy.voicemail,
        timers: policy.timers,
        merged_outlives: inner.parts.telephony.merged_outlives(),
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl Driver {
    fn new(
        inner: Arc<Inner>,
        call: CallId,
        order: Order,
        machine: Machine,
        room: Arc<dyn Room>,
        inbox: mpsc::Sender<Message>,
        heard: broadcast::Sender<Arc<Frame>>,
    ) -> Self {
        inner.roomed(&call, &room);
        tokio::spawn(children::forward(room.listen(), heard));
        tokio::spawn(children::report_health(room.health(), inbox.clone()));
        Self {
            clock: inner.parts.clock.corrected(),
            inner,
            call,
            order,
            machine,
            room,
            inbox,
            begun: None,
            agent: None,
            consult: None,
            colleague: None,
            offered: None,
            listening: Vec::new(),
            started: Instant::now(),
            utterances: Utterances::default(),
            over: false,
        }
    }

    async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        while !self.over {
            let due = self.machine.poll_timeout().map(|after| self.started + after);
            tokio::select! {
                biased;
                message = messages.recv() => match message {
                    Some(message) => self.on(message, &mut messages).await,
                    None => break,
                },
                () = sleep_until(due) => self.step(Input::Tick, &mut messages).await,
            }
        }
        if let Some(begun) = self.begun.take() {
            let _ = begun.send(Err(NOT_BEGUN.to_owned()));
        }
    }

    async fn on(&mut self, message: Message, messages: &mut mpsc::Receiver<Message>) {
        match message {
            Message::Input(input) => self.step(input, messages).await,
            Message::Act { input, reply } => self.act(input, reply, messages).await,
            Message::TakeOver { line, by, reply } => {
                self.offered = Some(line);
                let input = Input::Operator { action: OperatorAction::TakeOver, by };
                self.act(input, reply, messages).await;
                self.offered = None;
            }
            Message::Listen { by, gone, reply } => {
                let input = Input::Operator { action: OperatorAction::Listen, by: by.clone() };
                let result = self.handle(input);
                if result.is_ok() {
                    tokio::spawn(children::report_listener(by, gone, self.inbox.clone()));
                }
                self.settle(messages).await;
                let _ = reply.send(result);
            }
            Message::Heard(source, fact) => {
                if let Some(input) = self.heard(source, fact) {
                    self.step(input, messages).await;
                }
            }
            Message::Dialled(leg, dialled) => {
                if let Some(input) = self.dialled(leg, dialled) {
                    self.step(input, messages).await;
                }
            }
            Message::Over(source) => {
                if let Some(input) = self.line_over(source) {
                    self.step(input, messages).await;
                }
            }
        }
    }

    async fn act(&mut self, input: Input, reply: Reply, messages: &mut mpsc::Receiver<Message>) {
        let result = self.handle(input);
        self.settle(messages).await;
        let _ = reply.send(result);
    }

    /// Feeds the machine, writes down what happened, and has done what must be done.
    async fn step(&mut self, input: Input, messages: &mut mpsc::Receiver<Message>) {
        if let Err(rejected) = self.handle(input) {
            tracing::warn!(call = %self.call, "an input was rejected: {rejected}");
        }
        self.settle(messages).await;
    }

    fn handle(&mut self, input: Input) -> Result<(), Rejected> {
        self.machine.handle(input, self.started.elapsed())
    }

    /// A line on which nothing more will be heard, though nobody has hung it up: whoever was on it broke down.
    fn line_over(&mut self, source: Source) -> Option<Input> {
        let at = self.listening.iter().position(|s| *s == source)?;
        self.listening.remove(at);
        match source {
            Source::Seat(seat) => Some(Input::Seat(seat, SeatFact::Left)),
            Source::Leg(leg) if !self.machine.wants(leg) => None,
            Source::Leg(LegRef::Customer) => Some(Input::AgentLost),
            Source::Leg(LegRef::Supervisor(attempt)) => Some(Input::ConsultLost { attempt }),
        }
    }

    async fn settle(&mut self, messages: &mut mpsc::Receiver<Message>) {
        let events: Vec<Event> = std::iter::from_fn(|| self.machine.poll_event()).collect();
        if events.iter().any(|event| matches!(event, Event::CallEnded { .. })) {
            self.last_words(messages).await;
            self.over = true;
        }
        self.write(events);
        while let Some(command) = self.machine.poll_command() {
            self.over |= command == Command::Detach;
            self.execute(command);
        }
    }

    /// Puts events in line for the log: a live call waits for no disk.
    pub(super) fn write(&self, events: Vec<Event>) {
        self.inner.record(&self.call, self.clock.now(), events);
    }

    /// How long the call has lived by the machine's clock when that moment of its own came.
    pub(super) fn moment(&self, after: Duration) -> jiff::Timestamp {
        self.clock.at(self.started + after)
    }
}
