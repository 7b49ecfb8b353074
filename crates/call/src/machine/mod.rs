//! One call, from the dial to its end.
//!
//! | module | holds |
//! |---|---|
//! | `config`, `input`, `command` | the types at the machine's border |
//! | `state` | the one enum of states, and the only place that writes it |
//! | `legs` | what is known of each leg that was dialled |
//! | `sound` | what of a call's sound suffers |
//! | `person`, `seat` | who acts, and who speaks in the agent's place |
//! | `facts`, `leg_facts`, `actions`, `timers` | what each input means in each state |
//! | `transfer`, `unwind` | how an attempt goes well, and the one way back when it does not |
//! | `ending` | last words, hanging up, the last event |

mod actions;
mod adopt;
mod command;
mod config;
mod ending;
mod facts;
mod input;
mod leg_facts;
mod legs;
mod person;
mod seat;
mod sound;
mod state;
mod timers;
mod transfer;
mod unwind;

use std::{collections::VecDeque, time::Duration};

pub use adopt::Adopted;
pub use command::{Audience, Because, Command, FixedLine};
pub use config::{Config, Timers, VoicemailPolicy};
pub use input::{Input, Left, LeftCause, LegFact, LegRef, OperatorAction, Rejected};
pub use person::Person;
pub use seat::{Seat, SeatFact};

use crate::{Event, Phase};
use actions::People;
pub(crate) use actions::can_be_claimed;
use legs::Legs;
use seat::Seating;
use sound::Sound;
use state::{MergeStep, Position, State};
use transfer::Transfer;

/// One call.
#[derive(Debug)]
pub struct Machine {
    config: Config,
    position: Position,
    legs: Legs,
    transfer: Transfer,
    /// The latest moment that was ever given.
    now: Duration,
    /// When the customer picked up.
    answered_at: Option<Duration>,
    music: Music,
    people: People,
    seating: Seating,
    sound: Sound,
    /// Nobody is left who could talk with the customer, or play them music.
    agent_lost: bool,
    commands: VecDeque<Command>,
    events: VecDeque<Event>,
}

/// The hold music, and how long it has played before.
#[derive(Debug, Default)]
struct Music {
    since: Option<Duration>,
    earlier: Duration,
}

impl Machine {
    /// A call that is written down and has not begun.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            position: Position::default(),
            legs: Legs::default(),
            transfer: Transfer::default(),
            now: Duration::ZERO,
            answered_at: None,
            music: Music::default(),
            people: People::default(),
            seating: Seating::default(),
            sound: Sound::default(),
            agent_lost: false,
            commands: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Where the call is. While it is being ended, that is where it was when the end began.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.position.state().phase()
    }

    /// Whether customer and supervisor hear each other.
    #[must_use]
    pub fn is_merged(&self) -> bool {
        let (State::Merged { .. } | State::Merging { step: MergeStep::Joined { .. } | MergeStep::LastLine { .. }, .. }) =
            self.position.state()
        else {
            return false;
        };
        true
    }

    /// Since when customer and supervisor hear each other, while they do: what is said then is heard by both.
    #[must_use]
    pub fn together_since(&self) -> Option<Duration> {
        self.transfer.together_since.filter(|_| self.is_merged())
    }

    /// Whether that leg is still to be there: it was dialled, was not hung up, and is not gone.
    #[must_use]
    pub fn wants(&self, leg: LegRef) -> bool {
        self.legs.wanted(leg)
    }

    /// Whether nothing will ever happen again. [`Command::Close`] may still have to be drained.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.position.state(), State::Ended)
    }

    /// Takes in one fact or action at a moment of a monotonic clock. A moment before the last one counts as the last.
    ///
    /// Timers fire with [`Input::Tick`] alone: a fact that was waiting in a queue goes before the timer it has beaten.
    ///
    /// # Errors
    /// Only [`Input::Operator`] is ever rejected, when the action is not possible in this phase.
    pub fn handle(&mut self, input: Input, now: Duration) -> Result<(), Rejected> {
        self.now = self.now.max(now);
        match input {
            Input::Start => self.on_start(),
            Input::Tick => self.on_tick(),
            Input::Leg(leg, fact) => self.on_leg(leg, fact),
            Input::Media(state) => self.on_media(state),
            Input::Strain { leg, cause } => self.on_strain(leg, cause),
            Input::MachineDetected(leg) => self.on_machine_detected(leg),
            Input::HumanRequested { by, reason } => self.on_human_requested(by, reason),
            Input::CustomerChangedMind => self.on_changed_mind(),
            Input::ConversationFinished => self.on_finished(),
            Input::AgentFailed { detail } => self.on_agent_failed(&detail),
            Input::CustomerInaudible => self.on_inaudible(),
            Input::AgentLost => self.on_agent_lost(),
            Input::ConsultLost { attempt } => self.on_consult_lost(attempt),
            Input::Seat(seat, fact) => self.on_seat(seat, fact),
            Input::Said(line, to) => self.on_said(line, to),
            Input::BriefingPrepared { attempt, summary, points } => self.on_briefing_prepared(attempt, summary, points),
            Input::SupervisorAccepted { attempt, by } => self.on_accepted(attempt, by),
            Input::SupervisorDeclined { attempt, by, reason } => self.on_declined(attempt, by, reason),
            Input::Merged { attempt } => self.on_merged(attempt),
            Input::MergeFailed { attempt, detail } => self.on_merge_failed(attempt, detail),
            Input::Operator { action, by } => return self.on_operator(action, by),
            Input::Stop => self.on_stop(),
        }
        Ok(())
    }

    /// What must be done next. Drain after each [`Machine::handle`].
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// What happened. Drain after each [`Machine::handle`], before the commands.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to come back with [`Input::Tick`], if nothing else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let seat = self.seating.deadline();
        [self.position.state().deadline(), self.legs.deadline(), self.longest_end(), seat].into_iter().flatten().min()
    }
}

/// What every module of the machine writes with.
impl Machine {
    fn enter(&mut self, state: State) {
        if !matches!(state, State::Conversing) {
            self.unseat();
        }
        if let Some((from, to)) = self.position.enter(state) {
            self.people.entered(to);
            self.emit(Event::PhaseChanged { from, to });
        }
    }

    fn command(&mut self, command: Command) {
        self.commands.push_back(command);
    }

    fn emit(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// The agent falls silent; so does whoever speaks in its place.
    fn pause_conversation(&mut self) {
        self.unseat();
        self.command(Command::PauseConversation);
    }

    fn say(&mut self, line: FixedLine, to: Audience) {
        self.command(Command::Say { line, to });
    }

    /// The moment that lies so far ahead.
    fn after(&self, wait: Duration) -> Duration {
        self.now.saturating_add(wait)
    }

    fn start_music(&mut self) {
        if self.music.since.is_none() {
            self.music.since = Some(self.now);
            self.command(Command::PlayMusic);
            self.emit(Event::HoldMusic { playing: true });
        }
    }

    fn stop_music(&mut self) {
        if let Some(since) = self.music.since.take() {
            self.music.earlier += self.now.saturating_sub(since);
            self.command(Command::StopMusic);
            self.emit(Event::HoldMusic { playing: false });
        }
    }
}
