//! REST and the WebSockets over a real store and a call runtime that does what the test says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

mod console;
mod document;
mod exporting;
mod html;
mod limits;
mod pages;
mod placing;
mod recovering;
mod rest;
mod runtime;
mod sockets;
mod starting;
mod stuck_disk;
mod support;
