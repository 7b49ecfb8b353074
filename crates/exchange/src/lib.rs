//! The embedded telephone exchange: in-process lines, browser phones, personas.
//!
//! Every call is a room that ticks every 20 ms: it takes what the agent and the phones say and hands each what it is to
//! hear, at the quality of an 8 kHz μ-law telephone line. A phone is held by a person ([`BrowserPhone`]) or follows a
//! script ([`Persona`]).

mod exchange;
mod leg;
mod persona;
mod phone;
mod record;
mod room;

pub use exchange::{BrowserPhone, Exchange, ExchangeOptions, NumberTaken};
pub use persona::{DEFAULT_CUSTOMER, DEFAULT_SUPERVISOR, Persona, PersonaError, Personas, Role};
pub use phone::{Ended, PhoneEvent, PhoneHandle};
