//! People who can be called without a person: each follows a script, with a voice and ears of its own.

mod actor;
mod ears;
mod file;
mod script;
mod set;
mod voices;

pub(crate) use actor::Actor;
pub use file::PersonaError;
pub(crate) use script::Answer;
pub use script::{Persona, Role};
pub use set::{DEFAULT_CUSTOMER, DEFAULT_SUPERVISOR, Personas};
pub(crate) use voices::Voices;
