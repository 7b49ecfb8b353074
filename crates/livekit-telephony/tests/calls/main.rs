//! Whole calls through a real livekit-server and the simulated carrier.

#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test program"
)]

mod common;
mod consult;
mod customer;
mod failures;
mod hang_ups;
mod moving;
mod personas;
mod restarts;
mod stalled;
