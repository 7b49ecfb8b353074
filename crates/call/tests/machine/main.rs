//! The machine from outside: walks (given, when, then exactly this), a decision for every pair of state and input, and
//! random calls that must hold what every call has to hold.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test's helpers may panic, which the lints only know of test functions, and are nobody's interface"
)]

mod adopted;
mod asked;
mod ends;
mod failed_transfers;
mod graph;
mod last_words;
mod people;
mod random;
mod scene;
mod simulator;
mod table;
mod transfers;
