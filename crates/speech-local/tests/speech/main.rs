//! Tests with the real models, which they fetch on their first run into the cache that all programs share.

mod answers;
mod lifecycle;
mod support;
mod voice;
mod words;
