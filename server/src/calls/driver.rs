//! One task a call: owns its state machine, writes down what happened, and has done what must be done.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    time::Instant,
};
use warmline_call::{
    Adopted, CallId, Command, Config, DecidedBy, Event, Input, LegRef, Machine, MediaState, OperatorAction, Phase,
    Private, Rejected, Side, Speaker,
};
use warmline_telephony::{Clock, DialError, Dialled, Frame, Health, Inherited, Line, Room};
use warmline_voice::{Consult, Conversation, Fact, Spoken, StandIn};

use super::{Inner, Order};

/// How long a call's end waits for the last words to be recognised.
const LAST_WORDS: Duration = Duration::from_millis(800);

/// What a call's task is told.
pub(super) enum Message {
    /// A fact for the state machine.
    Input(Input),
    /// Somebody acts; they want to know whether it was possible.
    Act { input: Input, reply: oneshot::Sender<Result<(), Rejected>> },
    /// Somebody wants to speak with the customer in the agent's place, on that line.
    TakeOver { line: Line, by: String, reply: oneshot::Sender<Result<(), Rejected>> },
    /// Something was said, or happened, on a line.
    Heard(Source, Fact),
    /// A dial has begun, or could not.
    Dialled(LegRef, Result<Dialled, DialError>),
    /// A line's conversation is over: nothing more will be heard on it.
    Deaf(Source),
}

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// A leg's.
    Leg(LegRef),
    /// The line of somebody who speaks in the agent's place; counts them.
    StandIn(u32),
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
    pub(super) conversation: Option<Arc<Conversation>>,
    pub(super) consult: Option<(u32, Arc<Consult>)>,
    pub(super) briefing: Option<(Private<String>, Vec<Private<String>>)>,
    pub(super) escalation_reason: Private<String>,
    /// The agent's last line is being said, or was: both hear it.
    pub(super) said_to_both: bool,
    /// Since when customer and supervisor hear each other.
    merged_at: Option<Timestamp>,
    /// Legs whose dial is about to begin and that nobody has hung up.
    pub(super) dialling: Vec<LegRef>,
    /// Lines on which something may still be heard.
    pub(super) listening: Vec<Source>,
    /// The line of somebody who wants to take over.
    pub(super) seat: Option<Line>,
    /// Whoever speaks in the agent's place, and how many did.
    pub(super) stand_in: Option<StandIn>,
    pub(super) stand_ins: u32,
    started: Instant,
    utterances: Utterances,
    unwritten: Vec<Event>,
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
            inner.close_in_log(&call, warmline_call::EndReason::TrunkFailure, &detail).await;
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
    driver.note_merge();
    for (leg, dialled) in left.legs {
        driver.take_on(leg, dialled.line, dialled.progress);
    }
    if driver.machine.is_merged() {
        driver.execute(Command::Leave).await;
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
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Listeners come and go; the room's own channel ends with the room.
async fn forward(mut from: broadcast::Receiver<Arc<Frame>>, to: broadcast::Sender<Arc<Frame>>) {
    loop {
        match from.recv().await {
            Ok(frame) => drop(to.send(frame)),
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

async fn report_health(mut health: watch::Receiver<Health>, inbox: mpsc::Sender<Message>) {
    let mut known = Health::Good;
    loop {
        let Ok(now) = health.wait_for(|now| *now != known).await.map(|now| *now) else { return };
        known = now;
        let state = match now {
            Health::Good => MediaState::Restored,
            Health::Degraded => MediaState::Degraded,
        };
        if inbox.send(Message::Input(Input::Media(state))).await.is_err() {
            return;
        }
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
        tokio::spawn(forward(room.listen(), heard));
        tokio::spawn(report_health(room.health(), inbox.clone()));
        Self {
            clock: inner.parts.clock.corrected(),
            inner,
            call,
            order,
            machine,
            room,
            inbox,
            begun: None,
            conversation: None,
            consult: None,
            briefing: None,
            escalation_reason: Private::default(),
            said_to_both: false,
            merged_at: None,
            dialling: Vec::new(),
            listening: Vec::new(),
            seat: None,
            stand_in: None,
            stand_ins: 0,
            started: Instant::now(),
            utterances: Utterances::default(),
            unwritten: Vec::new(),
            over: false,
        }
    }

    async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        while !self.over {
            let due = self.machine.poll_timeout().map(|after| self.started + after);
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => self.on(message, &mut messages).await,
                    None => break,
                },
                () = sleep_until(due) => self.step(Input::Tick, &mut messages).await,
            }
        }
    }

    async fn on(&mut self, message: Message, messages: &mut mpsc::Receiver<Message>) {
        match message {
            Message::Input(input) => self.step(input, messages).await,
            Message::Act { input, reply } => {
                let result = self.handle(input);
                self.settle(messages).await;
                let _ = reply.send(result);
            }
            Message::TakeOver { line, by, reply } => {
                self.seat = Some(line);
                let result = self.handle(Input::Operator { action: OperatorAction::TakeOver, by });
                self.settle(messages).await;
                self.seat = None;
                let _ = reply.send(result);
            }
            Message::Heard(source, fact) => self.on_fact(source, fact, messages).await,
            Message::Dialled(leg, dialled) => self.dialled(leg, dialled).await,
            Message::Deaf(source) => self.listening.retain(|s| *s != source),
        }
    }

    /// Feeds the machine, writes down what happened, and has done what must be done.
    async fn step(&mut self, input: Input, messages: &mut mpsc::Receiver<Message>) {
        if let Err(rejected) = self.handle(input) {
            tracing::warn!(call = %self.call, "an input was rejected: {rejected}");
        }
        self.settle(messages).await;
    }

    fn handle(&mut self, input: Input) -> Result<(), Rejected> {
        self.machine.handle(input, self.started.elapsed())?;
        self.note_merge();
        Ok(())
    }

    fn note_merge(&mut self) {
        if self.merged_at.is_none() && self.machine.is_merged() {
            self.merged_at = Some(self.clock.now());
        }
    }

    /// Keeps what later commands need of what has happened.
    fn keep(&mut self, event: &Event) {
        match event {
            Event::EscalationRequested { reason, .. } => self.escalation_reason = reason.clone(),
            Event::Briefing { summary, points, .. } => self.briefing = Some((summary.clone(), points.clone())),
            // A supervisor who left during the merge is followed by a private consult again.
            Event::PhaseChanged { to: Phase::CallingSupervisor, .. } => self.merged_at = None,
            _ => {}
        }
    }

    async fn settle(&mut self, messages: &mut mpsc::Receiver<Message>) {
        let mut events = Vec::new();
        while let Some(event) = self.machine.poll_event() {
            self.keep(&event);
            events.push(event);
        }
        if events.iter().any(|event| matches!(event, Event::CallEnded { .. })) {
            self.last_words(messages).await;
            self.over = true;
        }
        self.write(events).await;
        while let Some(command) = self.machine.poll_command() {
            self.execute(command).await;
        }
    }

    /// What was said just before the end is still being recognised: it belongs before the end.
    async fn last_words(&mut self, messages: &mut mpsc::Receiver<Message>) {
        let patience = tokio::time::sleep(LAST_WORDS);
        tokio::pin!(patience);
        while !self.listening.is_empty() {
            let message = tokio::select! {
                message = messages.recv() => message,
                () = &mut patience => return,
            };
            match message {
                Some(Message::Heard(source, Fact::Spoken(spoken))) => self.on_spoken(source, spoken).await,
                Some(Message::Deaf(source)) => self.listening.retain(|s| *s != source),
                Some(Message::Act { reply, .. } | Message::TakeOver { reply, .. }) => {
                    let detail = "This is not possible any more: the call is ending.".into();
                    let _ = reply.send(Err(Rejected { phase: Phase::Ended, detail }));
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    /// Appends events to the log. A live call goes on when the log can't be written; what is missing is written later.
    pub(super) async fn write(&mut self, events: Vec<Event>) {
        self.unwritten.extend(events);
        if self.unwritten.is_empty() {
            return;
        }
        let at = self.clock.now();
        match self.inner.parts.store.append(&self.call, at, self.unwritten.clone()).await {
            Ok(_) => self.unwritten.clear(),
            Err(error) => tracing::error!(call = %self.call, %error, "events wait: the log can't be written"),
        }
    }

    async fn on_fact(&mut self, source: Source, fact: Fact, messages: &mut mpsc::Receiver<Message>) {
        let (leg, fact) = match (source, fact) {
            (_, Fact::Spoken(spoken)) => return self.on_spoken(source, spoken).await,
            (Source::Leg(leg), fact) => (leg, fact),
            (Source::StandIn(_), _) => return,
        };
        let input = match (fact, leg) {
            (Fact::Turn(times), _) => {
                let event = Event::TurnMetrics {
                    endpointing_ms: times.endpointing_ms,
                    stt_ms: times.stt_ms,
                    llm_first_token_ms: times.llm_first_token_ms,
                    tts_first_audio_ms: times.tts_first_audio_ms,
                    response_ms: times.response_ms,
                };
                return self.write(vec![event]).await;
            }
            (Fact::Machine, leg) => Input::MachineDetected(leg),
            (Fact::HumanRequested { by, reason }, LegRef::Customer) => Input::HumanRequested { by, reason },
            (Fact::ChangedMind, LegRef::Customer) => Input::CustomerChangedMind,
            (Fact::Finished, LegRef::Customer) => Input::ConversationFinished,
            (Fact::Failed { detail }, LegRef::Customer) => Input::AgentFailed { detail },
            (Fact::Inaudible, LegRef::Customer) => Input::CustomerInaudible,
            (Fact::Accepted { by }, LegRef::Supervisor(attempt)) => Input::SupervisorAccepted { attempt, by },
            (Fact::Declined { by, reason }, LegRef::Supervisor(attempt)) => {
                Input::SupervisorDeclined { attempt, by, reason }
            }
            (Fact::Failed { detail }, LegRef::Supervisor(attempt)) => {
                let reason = Some(Private::from(detail));
                Input::SupervisorDeclined { attempt, by: DecidedBy::Timeout, reason }
            }
            (fact, leg) => {
                tracing::debug!(call = %self.call, ?leg, ?fact, "a fact that means nothing on this leg");
                return;
            }
        };
        self.step(input, messages).await;
    }

    async fn on_spoken(&mut self, source: Source, spoken: Spoken) {
        let leg = match source {
            Source::Leg(leg) => leg,
            Source::StandIn(_) => {
                if let Some(conversation) = self.conversation.as_ref().filter(|_| spoken.r#final) {
                    conversation.overheard(spoken.text.clone());
                }
                let utterance = self.utterances.number(source, spoken.utterance, spoken.r#final);
                return self.write_spoken(Side::Call, utterance, spoken).await;
            }
        };
        let together = self.merged_at.is_some_and(|merged| spoken.started_at >= merged);
        if spoken.speaker == Speaker::Agent && leg != LegRef::Customer && self.said_to_both {
            // The last line goes out on both lines; it was said once.
            return;
        }
        // What the agent tells the supervisor alone stays private also when the two hear each other already.
        let shared = leg == LegRef::Customer || (together && spoken.speaker != Speaker::Agent);
        let side = if shared { Side::Call } else { Side::Consult };
        let utterance = self.utterances.number(source, spoken.utterance, spoken.r#final);
        self.show(leg, utterance, &spoken);
        self.write_spoken(side, utterance, spoken).await;
    }

    async fn write_spoken(&mut self, side: Side, utterance: u64, spoken: Spoken) {
        let event = Event::Utterance {
            side,
            speaker: spoken.speaker,
            utterance,
            text: spoken.text,
            r#final: spoken.r#final,
            interrupted: spoken.interrupted,
            started_at: spoken.started_at,
            ended_at: spoken.ended_at,
        };
        self.write(vec![event]).await;
    }
}

/// Numbers the utterances of a call's several conversations through.
#[derive(Default)]
struct Utterances {
    under_way: HashMap<(Source, u64), u64>,
    last: u64,
}

impl Utterances {
    fn number(&mut self, source: Source, utterance: u64, r#final: bool) -> u64 {
        let number = *self.under_way.entry((source, utterance)).or_insert_with(|| {
            self.last += 1;
            self.last
        });
        if r#final {
            self.under_way.remove(&(source, utterance));
        }
        number
    }
}
