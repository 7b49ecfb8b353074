//! REST and the WebSockets over a real store and a call runtime that does what the test says.

mod console;
mod document;
mod rest;
mod sockets;
mod starting;
mod support;
