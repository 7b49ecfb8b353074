//! Participants of ours on a real livekit-server. One program for all of them: to compile what each of them awaits is most of
//! what building a test takes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub, reason = "tests")]

mod audio;
mod common;
mod interop;
mod merge;
mod reconnect;
mod room;
