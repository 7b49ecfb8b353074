//! Whole calls through the real thing: the runtime, the exchange, local speech, the store. In virtual time; both phones are
//! recorded, and the recordings are listened to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub, reason = "tests")]

mod audio;
mod customers;
mod escalation;
mod hang_ups;
mod invariants;
mod operators;
mod overload;
mod slow_dial;
mod stopping;
mod supervisors;
mod take_overs;
mod world;
