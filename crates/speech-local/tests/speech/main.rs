//! Tests with the real models, which they fetch on their first run into the cache that all programs share.

#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod answers;
mod any_text;
mod lifecycle;
mod overload;
mod support;
mod voice;
mod words;
