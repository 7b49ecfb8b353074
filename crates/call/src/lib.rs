//! The call and its warm transfer, as a pure state machine.
//!
//! Nothing here knows tokio, a clock, randomness, audio or IO. Time is an argument, effects are values:
//!
//! 1. [`Machine::handle`] takes a fact or an action ([`Input`]) at a moment;
//! 2. [`Machine::poll_command`] gives what must be done, [`Machine::poll_event`] what happened,
//!    [`Machine::poll_timeout`] when to come back with [`Input::Tick`].
//!
//! What the world sees of a call is the fold of its events: [`CallView::apply`], used by the store, the server,
//! the browser and the tests alike.
//!
//! # Phases
//!
//! ```text
//! queued ─► dialing ─► ringing ─┐                           ┌──────────────────────────────────────┐ next supervisor
//!              └────────────────┴─► conversing ─► on_hold ─► calling_supervisor ─► briefing ─► merging ─► merged
//!                                       ▲            │               │                │           │
//!                                       └────────────┴───────────────┴────────────────┴───────────┘ nobody came
//! ```
//!
//! Every phase can go to `ended`. `briefing` and `merging` go back to `calling_supervisor` where there is another
//! supervisor to try; a new attempt out of `calling_supervisor` itself shows in its leg's `dialing` alone. While a call is
//! being ended (last words, legs that hang up), its phase stays what it was; `ended` means that nobody is left.

mod agent;
mod all;
mod event;
mod id;
mod machine;
pub mod moment;
mod phone_number;
mod private;
mod view;
mod words;

pub use agent::{AgentMode, AgentOrder};
pub use event::{Event, Recorded};
pub use id::{CallId, InvalidCallId};
pub use machine::{
    Adopted, Audience, Because, Command, Config, FixedLine, Input, Left, LeftCause, LegFact, LegRef, Machine,
    OperatorAction, Person, Rejected, Seat, SeatFact, Timers, VoicemailPolicy,
};
pub use phone_number::{INVALID_PHONE_NUMBER, InvalidPhoneNumber, PhoneNumber};
pub use private::Private;
pub use view::{Act, Attempt, Briefing, CallView, End, Escalation, LegView, Line, PhaseAt, Timings};
pub use words::{
    Action, DecidedBy, EndReason, Leg, LegState, MediaCause, MediaState, Phase, RequestedBy, Side, Speaker,
    TransferOutcome,
};
