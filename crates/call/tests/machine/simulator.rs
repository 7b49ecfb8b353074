//! A world around a machine: it remembers what was asked for, answers truly, twice, late or not at all, and watches over
//! what has to hold for every call.

use std::{collections::BTreeMap, time::Duration};

use warmline_call::{
    AgentMode, AgentOrder, Attempt, Audience, CallId, CallView, Command, Config, DecidedBy, Event, FixedLine, Input,
    Left, LeftCause, Leg, LegFact, LegRef, LegState, Machine, MediaCause, MediaState, OperatorAction, Phase, Recorded,
    RequestedBy, Seat, SeatFact, TransferOutcome,
};

use crate::graph::successors;

/// Where random input comes from.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// One of the answers that the world owes; whether it stays owed, so that it may come again.
    Answer { which: u8, again: bool },
    /// Anything at all, whether it makes sense or not.
    Anything { what: u8, which: u8 },
    /// Time goes by and nobody ticks.
    Wait { ms: u16 },
    /// The next timer fires when it is due.
    Fire,
}

pub struct Simulator {
    machine: Machine,
    now: Duration,
    /// Answers that the world owes.
    owed: Vec<Input>,
    view: CallView,
    seq: u64,
    /// Legs and how far their events have come.
    legs: BTreeMap<(Leg, Option<u32>), LegState>,
    dials: Vec<LegRef>,
    merges: Vec<u32>,
    decided: Vec<u32>,
    hung_up: Vec<LegRef>,
    /// Who or what the customer can hear: the agent as its contract has it, a person in its place, the music.
    agent: AgentMode,
    person: Option<Seat>,
    music: bool,
    /// What is being said to the customer, alone or not.
    sentence: Option<(FixedLine, Audience)>,
    together: bool,
    silenced: bool,
    seats: Seat,
    ended: bool,
    closed: bool,
    pub steps: u64,
}

impl Simulator {
    pub fn new(config: Config) -> Self {
        let view = CallView::placed(&recorded(
            1,
            Event::CallPlaced {
                phone_number: config.phone_number.clone(),
                name: None,
                language: "en".to_owned(),
                emotion: "Calm".to_owned(),
                has_dynamic_instruction: false,
                escalation_enabled: config.escalation,
            },
        ));
        Self {
            machine: Machine::new(config),
            now: Duration::ZERO,
            owed: Vec::new(),
            view: view.unwrap(),
            seq: 1,
            legs: BTreeMap::new(),
            dials: Vec::new(),
            merges: Vec::new(),
            decided: Vec::new(),
            hung_up: Vec::new(),
            agent: AgentMode::Idle,
            person: None,
            music: false,
            sentence: None,
            together: false,
            silenced: false,
            seats: Seat(0),
            ended: false,
            closed: false,
            steps: 0,
        }
    }

    pub fn step(&mut self, step: Step) {
        match step {
            Step::Answer { which, again } => {
                if self.owed.is_empty() {
                    return self.give(Input::Start);
                }
                // Most legs stay for a while.
                let stays = |input: &Input| !matches!(input, Input::Leg(_, LegFact::Left(_)));
                let staying = self.owed.iter().filter(|input| stays(input)).count();
                let nth =
                    if which.is_multiple_of(16) || staying == 0 { None } else { Some(usize::from(which) % staying) };
                let at = match nth {
                    Some(nth) => self.owed.iter().enumerate().filter(|(_, input)| stays(input)).nth(nth).unwrap().0,
                    None => usize::from(which / 16) % self.owed.len(),
                };
                let input = if again { self.owed[at].clone() } else { self.owed.remove(at) };
                self.give(input);
            }
            Step::Anything { what, which } => self.give(anything(what, which)),
            Step::Wait { ms } => self.now += Duration::from_millis(ms.into()),
            Step::Fire => {
                if let Some(due) = self.machine.poll_timeout() {
                    self.now = self.now.max(due);
                }
                self.give(Input::Tick);
            }
        }
    }

    /// Nothing happens any more but timers: the call must end, and then be dead.
    pub fn run_out(&mut self) {
        self.give(Input::Start);
        for _ in 0..200 {
            if self.machine.is_over() {
                break;
            }
            let due = self.machine.poll_timeout().expect("an open call must have a timer");
            self.now = self.now.max(due);
            self.give(Input::Tick);
            assert!(
                self.machine.poll_timeout().is_none_or(|next| next > self.now) || due < self.now,
                "a timer that has fired must not be due again"
            );
        }
        assert!(self.machine.is_over() && self.ended && self.closed, "the call must end");
        assert_eq!(self.machine.poll_timeout(), None);
        assert!(self.legs.values().all(|state| *state == LegState::Left), "an ended call has no legs");
        assert!(self.view.legs.iter().all(|leg| leg.state == LegState::Left));
        let over = |attempt: &Attempt| attempt.outcome.is_some() && attempt.state == LegState::Left;
        assert!(self.view.attempts.iter().all(over), "each attempt has an outcome and no leg");
        let attempts = self.dials.iter().filter(|leg| **leg != LegRef::Customer).count();
        assert_eq!(self.decided.len(), attempts, "one decision for each attempt");
        let end = self.view.end.as_ref().unwrap();
        assert!(end.talk_s >= 0.0 && end.hold_s >= 0.0 && end.hold_s <= end.talk_s + 5.0, "{end:?}");
        let connected = self.view.attempts.iter().any(|a| a.outcome == Some(TransferOutcome::Connected));
        assert_eq!(end.time_to_human_s.is_some(), connected);
        for what in 0..KINDS {
            self.give(anything(what, what));
        }
    }

    /// How the call ended, and its last attempt.
    pub fn end(&self) -> String {
        let last = self.view.attempts.last().and_then(|a| a.outcome);
        let reason = self.view.end.as_ref().map(|end| end.reason);
        format!("{} {}", reason.map_or("", |r| r.as_str()), last.map_or("-", |o| o.as_str()))
    }

    fn give(&mut self, input: Input) {
        self.steps += 1;
        let handed_over = self.hands_over(&input);
        let result = self.machine.handle(input.clone(), self.now);
        let events: Vec<_> = std::iter::from_fn(|| self.machine.poll_event()).collect();
        let commands: Vec<_> = std::iter::from_fn(|| self.machine.poll_command()).collect();
        if result.is_err() {
            assert!(matches!(input, Input::Operator { .. }), "only actions are rejected");
            assert!(events.is_empty() && commands.is_empty(), "a rejected action does nothing");
        }
        if self.closed {
            assert!(events.is_empty() && commands.is_empty(), "after the end: {events:?} {commands:?}");
            return;
        }
        self.hear(&input);
        for event in events {
            self.watch_event(event);
        }
        for command in commands {
            self.watch_command(&command, &input);
            self.owe(command);
        }
        if handed_over {
            let freed = !self.agent.awaits_order() || self.sentence.is_some() || self.silenced;
            assert!(freed, "the agent handed over with {input:?}, and nobody told it to go on");
        }
        assert_eq!(self.view.phase, self.machine.phase(), "the fold agrees with the machine");
        assert_eq!(self.view.hold_music, self.music, "the event agrees with the command");
        self.watch_customer();
    }

    /// An agent that reports such a thing while it talks waits for an order from then on. Otherwise the report is late.
    fn hands_over(&mut self, input: &Input) -> bool {
        let hands_over = matches!(
            input,
            Input::HumanRequested { .. }
                | Input::ConversationFinished
                | Input::AgentFailed { .. }
                | Input::CustomerInaudible
                | Input::MachineDetected(LegRef::Customer)
        );
        match self.agent.hands_over().filter(|_| hands_over) {
            Some(after) => self.agent = after,
            None => return false,
        }
        true
    }

    /// The agent is told something that its contract lets it do.
    fn order(&mut self, order: AgentOrder) {
        if let Some(after) = self.agent.ordered(order) {
            self.agent = after;
        }
    }

    /// What a report means for what the customer can hear.
    fn hear(&mut self, input: &Input) {
        match input {
            Input::Said(line, to) => self.sentence = self.sentence.filter(|said| *said != (*line, *to)),
            Input::Merged { attempt } if self.merges.last() == Some(attempt) => {
                self.together |= self.view.phase == Phase::Merging;
            }
            _ => {}
        }
    }

    fn watch_event(&mut self, event: Event) {
        assert!(!self.ended, "call_ended is the last event, then came {event:?}");
        match &event {
            Event::PhaseChanged { from, to } => {
                assert_eq!(*from, self.view.phase);
                assert!(successors(*from).contains(to), "{from} to {to}");
                if *to != Phase::Merging && *to != Phase::Merged {
                    self.together = false;
                }
            }
            Event::LegChanged { leg, state, attempt, phone, .. } => {
                let before = self.legs.insert((*leg, *attempt), *state);
                let follows = match before {
                    None => *state == LegState::Dialing,
                    Some(LegState::Left) => false,
                    Some(before) => before < *state,
                };
                assert!(follows, "{leg} {attempt:?}: {before:?} to {state}");
                assert_eq!(*leg == Leg::Supervisor, attempt.is_some());
                assert_eq!(phone.is_some(), *leg == Leg::Supervisor && *state == LegState::Dialing);
            }
            Event::HoldMusic { playing } => {
                assert_ne!(*playing, self.view.hold_music, "music alternates");
                if *playing {
                    assert!(matches!(self.view.phase, Phase::OnHold | Phase::CallingSupervisor));
                }
            }
            Event::MediaChanged { state, cause } => {
                let suffers = self.view.degraded_by.contains(&cause.unwrap());
                assert_ne!(*state == MediaState::Degraded, suffers, "lost and back take turns");
            }
            Event::TransferDecided { attempt, .. } => {
                assert!(!self.decided.contains(attempt), "attempt {attempt} is decided twice");
                assert!(self.legs.contains_key(&(Leg::Supervisor, Some(*attempt))));
                self.decided.push(*attempt);
            }
            Event::Briefing { attempt, .. } => assert!(!self.decided.contains(attempt)),
            Event::CallEnded { .. } => self.ended = true,
            _ => {}
        }
        self.seq += 1;
        self.view.apply(&recorded(self.seq, event));
    }

    fn watch_command(&mut self, command: &Command, input: &Input) {
        assert!(!self.closed, "close is the last command, then came {command:?}");
        if self.silenced {
            let quiet =
                matches!(command, Command::StopMusic | Command::HangUp(_) | Command::Close | Command::Separate { .. });
            assert!(quiet, "nothing is said once the end has begun, but {command:?}");
        }
        match command {
            Command::Dial { leg, .. } => {
                assert!(!self.dials.contains(leg), "{leg:?} is dialled twice");
                if let LegRef::Supervisor(attempt) = leg {
                    assert!((1..=10).contains(attempt));
                    let before = LegRef::Supervisor(attempt - 1);
                    assert!(*attempt == 1 || self.dials.contains(&before), "attempts go on by one");
                }
                self.dials.push(*leg);
            }
            Command::Merge { attempt } => {
                let by_supervisor = matches!(input, Input::SupervisorAccepted { attempt: a, .. } if a == attempt);
                let by_operator = matches!(input, Input::Operator { action: OperatorAction::Accept, .. });
                assert!(by_supervisor || by_operator, "merged without a yes, upon {input:?}");
                assert!(!self.merges.contains(attempt) && !self.decided.contains(attempt));
                self.merges.push(*attempt);
            }
            Command::HangUp(leg) => {
                assert!(self.dials.contains(leg) && !self.hung_up.contains(leg), "{leg:?} is hung up twice");
                self.hung_up.push(*leg);
            }
            Command::Say { line, to } => self.watch_sentence(*line, *to),
            Command::StartConversation => self.speak(AgentOrder::Start),
            Command::ResumeConversation { .. } => self.speak(AgentOrder::Resume),
            Command::SayText(_) => assert_eq!(self.agent, AgentMode::Talking, "an agent that talks"),
            Command::Nudge(_) => {
                assert!(matches!(self.agent, AgentMode::Talking | AgentMode::Replaced), "an agent that is there");
            }
            Command::Seat(seat) => {
                assert_eq!(self.person, None, "one person at a time");
                assert!(self.seats < *seat, "seats are numbered");
                self.seats = *seat;
            }
            Command::TakeOver(seat) => {
                assert_eq!((self.person, *seat), (None, self.seats), "whoever was given the seat, once");
                assert!(matches!(input, Input::Seat(ready, SeatFact::Ready) if ready == seat), "upon {input:?}");
                self.order(AgentOrder::StandAside);
                assert_eq!(self.agent, AgentMode::Replaced, "an agent to take the place of");
                self.person = Some(*seat);
            }
            Command::Unseat(seat) => {
                assert_eq!(*seat, self.seats, "the seat that was given last");
                self.person = None;
            }
            Command::Separate { attempt } => {
                assert_eq!(self.merges.last(), Some(attempt), "what was to be merged");
                self.together = false;
            }
            Command::Detach => unreachable!("the calls of this test need the process"),
            Command::PauseConversation => {
                self.alone();
                self.order(AgentOrder::Pause);
            }
            Command::StopConversation => {
                self.alone();
                self.order(AgentOrder::Stop);
                self.silenced = true;
            }
            Command::PlayMusic => {
                assert!(!self.music);
                self.music = true;
                self.sentence = None;
            }
            Command::StopMusic => {
                assert!(self.music);
                self.music = false;
            }
            Command::Leave => {
                self.order(AgentOrder::ListenOnly);
                self.sentence = None;
            }
            Command::Close => {
                assert!(self.ended);
                self.closed = true;
            }
            Command::PrepareBriefing { .. } | Command::Brief { .. } => {}
        }
    }

    /// The agent is the customer's.
    fn speak(&mut self, order: AgentOrder) {
        self.alone();
        self.order(order);
        self.sentence = None;
    }

    /// Whoever spoke in the agent's place is out before it is told anything.
    fn alone(&self) {
        assert_eq!(self.person, None, "the agent is told to speak, or to be quiet, beside a person");
    }

    /// A sentence reaches those for whom it is meant, and nobody else.
    fn watch_sentence(&mut self, line: FixedLine, to: Audience) {
        if to != Audience::Supervisor {
            self.alone();
            self.order(AgentOrder::SayFixed);
        }
        let there = |leg: Leg| {
            let latest = self.legs.iter().rfind(|((l, _), _)| *l == leg);
            latest.is_some_and(|(_, state)| *state == LegState::Answered)
        };
        if to != Audience::Supervisor {
            assert!(there(Leg::Customer), "{line:?} to a customer who is not there");
            self.sentence = Some((line, to));
        }
        if to != Audience::Customer {
            assert!(there(Leg::Supervisor), "{line:?} to a supervisor who is not there");
        }
        assert!(to != Audience::Both || self.together, "{line:?} to both before the merge");
        let private = matches!(line, FixedLine::Connecting | FixedLine::CustomerLeft | FixedLine::Cancelled);
        assert!(!private || to == Audience::Supervisor, "{line:?} is not for the customer");
    }

    /// The customer is never left alone, and never hears agent and music at once.
    fn watch_customer(&self) {
        let agent = self.agent == AgentMode::Talking;
        assert!(!(agent && self.music), "agent and music at once");
        let replaced = self.agent == AgentMode::Replaced;
        assert_eq!(replaced, self.person.is_some(), "the agent is replaced by somebody, and nobody talks beside it");
        assert!(!self.music || matches!(self.view.phase, Phase::CallingSupervisor | Phase::Briefing));
        let there = self.legs.get(&(Leg::Customer, None)) == Some(&LegState::Answered);
        if there && !self.silenced && !self.hung_up.contains(&LegRef::Customer) {
            // From the music's end until the two hear each other it may be silent for three seconds.
            let soon = self.now + Duration::from_secs(3);
            let connecting =
                self.view.phase == Phase::Merging && self.machine.poll_timeout().is_some_and(|t| t <= soon);
            let company = agent || replaced || self.music || self.sentence.is_some() || self.together || connecting;
            assert!(company, "the customer is alone in {}", self.view.phase);
        }
    }

    /// What the world owes for a command.
    fn owe(&mut self, command: Command) {
        let leg = |leg, fact| Input::Leg(leg, fact);
        match command {
            Command::Dial { leg: which, .. } => {
                self.owed.push(leg(which, LegFact::Ringing));
                self.owed.push(leg(which, LegFact::Answered));
                self.owed.push(leg(which, LegFact::Answered));
                self.owed.push(leg(which, gone(self.owed.len())));
            }
            Command::Say { line, to } => self.owed.push(Input::Said(line, to)),
            Command::StartConversation | Command::ResumeConversation { .. } => {
                let reason = || "please".into();
                self.owed.push(Input::HumanRequested { by: RequestedBy::Customer, reason: reason() });
                self.owed.push(Input::HumanRequested { by: RequestedBy::Agent, reason: reason() });
            }
            Command::Seat(seat) => {
                self.owed
                    .extend([SeatFact::Ready, SeatFact::Left, SeatFact::Silent].map(|fact| Input::Seat(seat, fact)));
            }
            Command::PrepareBriefing { attempt, .. } => {
                self.owed.push(Input::BriefingPrepared { attempt, summary: "Why".into(), points: vec![] });
            }
            Command::Brief { attempt, .. } => {
                self.owed.push(Input::SupervisorAccepted { attempt, by: DecidedBy::Voice });
                self.owed.push(Input::SupervisorAccepted { attempt, by: DecidedBy::Dtmf });
                self.owed.push(Input::SupervisorDeclined { attempt, by: DecidedBy::Dtmf, reason: None });
            }
            Command::Merge { attempt } => {
                self.owed.push(Input::Merged { attempt });
                self.owed.push(Input::MergeFailed { attempt, detail: "no".to_owned() });
            }
            Command::HangUp(which) => {
                self.owed.push(leg(which, LegFact::Left(Left { cause: LeftCause::Released, sip_status: None })));
            }
            _ => {}
        }
    }
}

/// How many kinds of input [`anything`] knows.
const KINDS: u8 = 41;

fn gone(which: usize) -> LegFact {
    LegFact::Left(Left { cause: LeftCause::ALL[which % LeftCause::ALL.len()], sip_status: Some(486) })
}

/// Any input, sensible or not. `which` picks the leg, the attempt, the cause.
fn anything(what: u8, which: u8) -> Input {
    let attempt = u32::from(which % 5);
    let leg = if attempt == 0 { LegRef::Customer } else { LegRef::Supervisor(attempt) };
    let by = if which.is_multiple_of(2) { DecidedBy::Voice } else { DecidedBy::Dtmf };
    let operator = |action| Input::Operator { action, by: "api".into() };
    let operator_by = |action| Input::Operator { action, by: format!("supervisor {}", which % 3).into() };
    match what % KINDS {
        0 => Input::Start,
        1 => Input::Tick,
        2 => Input::Leg(leg, LegFact::Ringing),
        3 | 4 => Input::Leg(leg, LegFact::Answered),
        5 => Input::Leg(leg, gone(which.into())),
        6 => Input::MachineDetected(leg),
        7 => Input::HumanRequested { by: RequestedBy::Customer, reason: "please".into() },
        8 => Input::CustomerChangedMind,
        9 => Input::ConversationFinished,
        10 => Input::AgentFailed { detail: "gone".to_owned() },
        11 => Input::CustomerInaudible,
        12 | 13 => {
            let to = [Audience::Customer, Audience::Supervisor, Audience::Both][usize::from(which % 3)];
            Input::Said(FixedLine::ALL[usize::from(which / 3) % FixedLine::ALL.len()], to)
        }
        14 => Input::BriefingPrepared { attempt, summary: format!("Because {which}").into(), points: vec![] },
        15 => Input::SupervisorAccepted { attempt, by },
        16 => Input::SupervisorDeclined { attempt, by, reason: None },
        17 => Input::Merged { attempt },
        18 => Input::MergeFailed { attempt, detail: "no".to_owned() },
        19 => operator(OperatorAction::Hangup),
        20 => operator(OperatorAction::Escalate { reason: "angry".into() }),
        21 => operator(OperatorAction::Accept),
        22 => operator(OperatorAction::Decline { reason: None }),
        23 => operator(OperatorAction::Say { text: "hello".into() }),
        24 => operator(OperatorAction::Instruct { text: "hello".into() }),
        25 => operator_by(OperatorAction::Claim),
        26 => operator_by(OperatorAction::Release),
        27 => operator_by(OperatorAction::Listen),
        28 => operator_by(OperatorAction::StopListening),
        29 => operator_by(OperatorAction::TakeOver),
        30 => operator_by(OperatorAction::GiveBack),
        31 => Input::Media(MediaState::Degraded),
        32 => Input::Media(MediaState::Restored),
        33 => Input::AgentLost,
        39 => {
            Input::Strain { leg, cause: (!which.is_multiple_of(3)).then_some(MediaCause::ALL[usize::from(which % 3)]) }
        }
        34 => Input::ConsultLost { attempt },
        35 => Input::Seat(Seat(attempt), SeatFact::Ready),
        36 => Input::Seat(Seat(attempt), SeatFact::Silent),
        37 => Input::Seat(Seat(attempt), SeatFact::Left),
        38 => operator_by(OperatorAction::Decline { reason: Some("fire drill".into()) }),
        _ => Input::Stop,
    }
}

fn recorded(seq: u64, event: Event) -> Recorded {
    Recorded { seq, call: CallId::from_bits(7), at: jiff::Timestamp::UNIX_EPOCH, event }
}
