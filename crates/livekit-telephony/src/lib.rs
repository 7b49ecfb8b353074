//! Calls over a LiveKit server: the telephone seams ([`warmline_telephony::Telephony`]) on rooms and SIP participants, and
//! a simulated carrier for servers without SIP.
//!
//! A call is one room, named by the call's id. The agent publishes one track for each leg, which nobody else may hear; the
//! legs are kept from hearing each other by `UpdateSubscriptions` until they are merged. A merged call needs no process of
//! ours: a hidden watcher only notices who hangs up, and listens. Where the server can move participants (LiveKit Cloud), the
//! supervisor is consulted in a room of its own instead and moved to the customer's for the merge.

pub mod carrier;

mod backend;
mod cause;
mod identity;
mod moving;
mod recovery;
mod room;
mod settings;
mod tap;
mod webhook;

pub use backend::{LiveKit, OpenRoom};
pub use recovery::{Found, Recovery, recover};
pub use settings::{ConsultIn, LiveKitSettings};
pub use webhook::{Notice, WebhookRefused};
