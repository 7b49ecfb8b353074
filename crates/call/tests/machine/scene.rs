//! A call under test, and short names for what goes in and comes out.

use std::time::Duration;

use warmline_call::{
    Action, Audience, Because, Command, Config, DecidedBy, EndReason, Event, FixedLine, Input, Left, LeftCause, Leg,
    LegFact, LegRef, LegState, Machine, OperatorAction, Phase, Private, Rejected, RequestedBy, Timers, TransferOutcome,
    VoicemailPolicy,
};

pub const CUSTOMER: LegRef = LegRef::Customer;
pub const FIRST: LegRef = LegRef::Supervisor(1);
pub const SECOND: LegRef = LegRef::Supervisor(2);

/// A machine whose every output has to be expected.
pub struct Scene {
    pub machine: Machine,
    pub now: Duration,
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let (commands, events) = self.drain();
            assert!(commands.is_empty() && events.is_empty(), "never expected: {commands:?} {events:?}");
        }
    }
}

pub fn config(supervisors: usize) -> Config {
    Config {
        phone_number: "+15550100001".into(),
        escalation: true,
        supervisors: (0..supervisors).map(phone).collect(),
        voicemail: VoicemailPolicy::HangUp,
        timers: Timers::default(),
        merged_outlives: false,
    }
}

pub fn phone(supervisor: usize) -> Private<String> {
    format!("+1555010010{supervisor}").into()
}

impl Scene {
    pub fn new(config: Config) -> Self {
        Self { machine: Machine::new(config), now: Duration::ZERO }
    }

    /// Each step a second after the one before; its outputs are somebody else's test.
    pub fn after(config: Config, steps: impl IntoIterator<Item = Input>) -> Self {
        let mut scene = Self::new(config);
        for step in steps {
            scene.when(step);
            scene.drain();
        }
        scene
    }

    /// One second later, this happens.
    pub fn when(&mut self, input: Input) {
        self.now += Duration::from_secs(1);
        self.machine.handle(input, self.now).unwrap();
    }

    /// One second later, somebody tries this in vain.
    pub fn refused(&mut self, action: OperatorAction) -> Rejected {
        self.now += Duration::from_secs(1);
        let rejected = self.machine.handle(Input::Operator { action, by: "api".into() }, self.now).unwrap_err();
        assert_eq!(rejected.phase, self.machine.phase());
        self.nothing();
        rejected
    }

    /// The next timer fires when it is due. Gives how long after the last step that was.
    pub fn timer(&mut self) -> Duration {
        let due = self.machine.poll_timeout().expect("a timer");
        let waited = due.saturating_sub(self.now);
        self.now = self.now.max(due);
        self.machine.handle(Input::Tick, self.now).unwrap();
        waited
    }

    /// Exactly this was asked for, and exactly this happened.
    #[track_caller]
    pub fn then<const C: usize, const E: usize>(&mut self, commands: [Command; C], events: [Event; E]) {
        let (got_commands, got_events) = self.drain();
        assert_eq!(got_commands, commands);
        assert_eq!(got_events, events);
    }

    #[track_caller]
    pub fn nothing(&mut self) {
        self.then([], []);
    }

    /// What comes out is somebody else's test.
    pub fn skip(&mut self, input: Input) {
        self.when(input);
        self.drain();
    }

    pub fn drain(&mut self) -> (Vec<Command>, Vec<Event>) {
        let events = std::iter::from_fn(|| self.machine.poll_event()).collect();
        (std::iter::from_fn(|| self.machine.poll_command()).collect(), events)
    }
}

pub fn dialing() -> Vec<Input> {
    vec![Input::Start]
}

pub fn conversing() -> Vec<Input> {
    vec![Input::Start, answered(CUSTOMER)]
}

pub fn on_hold() -> Vec<Input> {
    [conversing(), vec![human()]].concat()
}

pub fn calling() -> Vec<Input> {
    [on_hold(), vec![prepared(1), said(FixedLine::Hold)]].concat()
}

pub fn briefing() -> Vec<Input> {
    [calling(), vec![answered(FIRST)]].concat()
}

pub fn merging() -> Vec<Input> {
    [briefing(), vec![accepted(1)]].concat()
}

pub fn last_line() -> Vec<Input> {
    [merging(), vec![Input::Merged { attempt: 1 }, said(FixedLine::Connecting)]].concat()
}

pub fn merged() -> Vec<Input> {
    [last_line(), vec![said(FixedLine::Merged)]].concat()
}

pub fn answered(leg: LegRef) -> Input {
    Input::Leg(leg, LegFact::Answered)
}

pub fn ringing(leg: LegRef) -> Input {
    Input::Leg(leg, LegFact::Ringing)
}

pub fn left(leg: LegRef, cause: LeftCause) -> Input {
    left_with(leg, cause, None)
}

pub fn left_with(leg: LegRef, cause: LeftCause, sip_status: Option<u16>) -> Input {
    Input::Leg(leg, LegFact::Left(Left { cause, sip_status }))
}

pub fn human() -> Input {
    Input::HumanRequested { by: RequestedBy::Customer, reason: "wants a person".into() }
}

/// That was said to those whom it is for; where each hears it in a room of their own, to the customer.
pub fn said(line: FixedLine) -> Input {
    let to = match line {
        FixedLine::Connecting | FixedLine::CustomerLeft | FixedLine::Cancelled => Audience::Supervisor,
        FixedLine::Merged => Audience::Both,
        FixedLine::Hold
        | FixedLine::TimeOver
        | FixedLine::Stopping
        | FixedLine::Trouble
        | FixedLine::VoicemailMessage => Audience::Customer,
    };
    Input::Said(line, to)
}

pub fn prepared(attempt: u32) -> Input {
    Input::BriefingPrepared { attempt, summary: "Can't log in.".into(), points: vec!["calm".into()] }
}

pub fn accepted(attempt: u32) -> Input {
    Input::SupervisorAccepted { attempt, by: DecidedBy::Voice }
}

pub fn declined(attempt: u32) -> Input {
    Input::SupervisorDeclined { attempt, by: DecidedBy::Dtmf, reason: Some("busy".into()) }
}

pub fn operator(action: OperatorAction) -> Input {
    Input::Operator { action, by: "console".into() }
}

pub fn escalate() -> OperatorAction {
    OperatorAction::Escalate { reason: "sounds angry".into() }
}

pub fn acted(action: Action) -> Event {
    Event::OperatorActed { action, by: "console".to_owned(), reason: None }
}

pub fn acted_because(action: Action, reason: &str) -> Event {
    Event::OperatorActed { action, by: "console".to_owned(), reason: Some(reason.into()) }
}

pub fn phase(from: Phase, to: Phase) -> Event {
    Event::PhaseChanged { from, to }
}

pub fn leg(leg: LegRef, state: LegState) -> Event {
    let (leg, attempt) = match leg {
        LegRef::Customer => (Leg::Customer, None),
        LegRef::Supervisor(attempt) => (Leg::Supervisor, Some(attempt)),
    };
    Event::LegChanged { leg, state, attempt, phone: None, sip_status: None, reason: None }
}

pub fn supervisor_dialled(attempt: u32, supervisor: usize) -> Event {
    Event::LegChanged {
        leg: Leg::Supervisor,
        state: LegState::Dialing,
        attempt: Some(attempt),
        phone: Some(phone(supervisor)),
        sip_status: None,
        reason: None,
    }
}

pub fn gone(which: LegRef, why: &str) -> Event {
    gone_with(which, why, None)
}

pub fn gone_with(which: LegRef, why: &str, status: Option<u16>) -> Event {
    match leg(which, LegState::Left) {
        Event::LegChanged { leg, state, attempt, phone, .. } => {
            Event::LegChanged { leg, state, attempt, phone, sip_status: status, reason: Some(why.to_owned()) }
        }
        other => other,
    }
}

pub fn music(playing: bool) -> Event {
    Event::HoldMusic { playing }
}

pub fn briefing_for(attempt: u32) -> Event {
    Event::Briefing { attempt, summary: "Can't log in.".into(), points: vec!["calm".into()] }
}

pub fn decided(attempt: u32, outcome: TransferOutcome, by: DecidedBy) -> Event {
    Event::TransferDecided { attempt, outcome, by, reason: None }
}

pub fn ended(reason: EndReason, detail: &str, talk_s: f64, hold_s: f64, to_human_s: Option<f64>) -> Event {
    Event::CallEnded { reason, detail: detail.to_owned(), talk_s, hold_s, time_to_human_s: to_human_s }
}

pub fn say(line: FixedLine, to: Audience) -> Command {
    Command::Say { line, to }
}

pub fn dial_supervisor(attempt: u32, supervisor: usize) -> Command {
    let leg = LegRef::Supervisor(attempt);
    Command::Dial { leg, phone: phone(supervisor), ring: Duration::from_secs(30) }
}

pub fn resume(outcome: TransferOutcome, by: DecidedBy) -> Command {
    resume_telling(outcome, by, None)
}

pub fn resume_telling(outcome: TransferOutcome, by: DecidedBy, reason: Option<&str>) -> Command {
    let reason = reason.map(Private::from);
    Command::ResumeConversation { because: Because::NotConnected { outcome, by, reason } }
}

pub fn no_human() -> Command {
    Command::ResumeConversation { because: Because::NoHuman }
}

pub fn prepare_briefing(attempt: u32, reason: &str) -> Command {
    Command::PrepareBriefing { attempt, reason: reason.into() }
}

pub fn brief(attempt: u32) -> Command {
    Command::Brief { attempt, summary: "Can't log in.".into(), points: vec!["calm".into()] }
}
