//! The pages: rendered on the server, then hydrated.
//!
//! The server provides a [`Snapshot`] as context before it renders; the page carries it along, so that the browser
//! starts from the very same state, and follows the events after it over `/ws/console`.

// A page's type holds those of all its parts.
#![recursion_limit = "256"]
#![allow(unreachable_pub, reason = "what the component macro generates")]

mod address;
mod alerts;
#[cfg(target_arch = "wasm32")]
mod audio;
mod board;
#[cfg_attr(not(target_arch = "wasm32"), path = "browser_absent.rs")]
mod browser;
mod call;
mod console;
mod fetched;
mod form;
mod history;
mod keys;
#[cfg(target_arch = "wasm32")]
mod live;
mod me;
mod page;
mod phone;
#[cfg(target_arch = "wasm32")]
mod phone_line;
mod setup;
mod shown;
mod store;
#[cfg(test)]
mod testing;
mod texts;
mod time;
mod transcript;
mod ui;
mod voice;
#[cfg(target_arch = "wasm32")]
mod voice_line;
mod words;

pub use form::Refusal;
pub use page::{App, DeskInfo, Given, Snapshot, shell};

/// Takes the server-rendered page over. Called by the page itself.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    page::take_over();
}
