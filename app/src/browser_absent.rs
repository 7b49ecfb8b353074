//! What the pages ask of a browser, where there is none: the server renders, nothing moves.

use jiff::Timestamp;
use leptos::prelude::{ArcRwSignal, RwSignal};
use warmline_api::PhoneOrder;

use crate::{
    phone::{Microphone, Phone},
    store::Store,
};

pub(crate) fn follow(_store: Store) {}

/// 128 random bits in hex.
#[cfg(feature = "ssr")]
pub(crate) fn random_key() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[cfg(not(feature = "ssr"))]
pub(crate) fn random_key() -> String {
    String::new()
}

pub(crate) fn post(_url: String, _key: Option<String>, _body: String, _then: impl FnOnce(Answer) + 'static) {}

pub(crate) fn fetch_call(_id: String, _store: Store, _unknown: impl FnOnce() + 'static) {}

pub(crate) fn stick_to_bottom(_id: &'static str, _first: bool) {}

pub(crate) fn focus(_id: &'static str) {}

/// What the server answered: the body, or why not, in words.
pub(crate) type Answer = Result<String, String>;

/// No phone rings where there is no browser.
pub(crate) struct PhoneLine;

impl PhoneLine {
    #[allow(clippy::unused_self, reason = "the same calls as in a browser")]
    pub(crate) fn send(&self, _order: PhoneOrder) {}

    #[allow(clippy::unused_self, reason = "the same calls as in a browser")]
    pub(crate) fn answer(&self) {}
}

pub(crate) fn phone(
    _number: &str,
    _phone: RwSignal<Phone>,
    _microphone: RwSignal<Microphone>,
    _now: ArcRwSignal<Timestamp>,
) -> PhoneLine {
    PhoneLine
}
