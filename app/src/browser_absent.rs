//! What the pages ask of a browser, where there is none: the server renders, nothing moves.

use jiff::Timestamp;
use leptos::prelude::{ArcRwSignal, RwSignal};
use warmline_api::PhoneOrder;

use crate::{
    phone::{Microphone, Phone},
    store::Store,
};

pub(crate) fn follow(_store: Store) {}

pub(crate) fn follow_address(_then: impl Fn(String) -> bool + 'static) {}

pub(crate) fn set_address(_address: &str, _replace: bool) {}

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

pub(crate) fn get(_url: String, _then: impl FnOnce(Answer) + 'static) {}

pub(crate) fn stored(_key: &str) -> Option<String> {
    None
}

pub(crate) fn store(_key: &str, _value: &str) {}

pub(crate) fn copy(_text: String, _then: impl FnOnce(bool) + 'static) {}

pub(crate) fn origin() -> String {
    String::new()
}

pub(crate) fn when_hydrated(_f: impl FnOnce() + 'static) {}

pub(crate) fn local_time(at: Timestamp) -> String {
    crate::time::utc(at)
}

pub(crate) fn ring(_on: bool) {}

pub(crate) fn sound_is_blocked() -> bool {
    false
}

pub(crate) fn notifications_are_on() -> bool {
    true
}

pub(crate) fn notify(_title: &str, _body: &str, _url: &str) {}

pub(crate) fn set_title(_title: &str) {}

pub(crate) fn title(_before: Option<&str>) {}

pub(crate) fn test_microphone(_then: impl FnOnce(Result<(), String>) + 'static) {}

pub(crate) fn test_sound(_then: impl FnOnce(Result<(), String>) + 'static) {}

pub(crate) fn test_notification(_then: impl FnOnce(Result<(), String>) + 'static) {}

pub(crate) fn on_key(_f: impl Fn(&str) -> bool + 'static) {}

pub(crate) fn show_dialog(_id: &'static str) {}

pub(crate) fn close_dialog(_id: &'static str) {}

/// Nobody speaks or listens where there is no browser.
pub(crate) struct VoiceLine;

pub(crate) fn voice(_path: &str, _microphone: bool, _state: RwSignal<crate::voice::Voice>) -> VoiceLine {
    VoiceLine
}

pub(crate) fn fetch_call(_id: String, _store: Store, _unknown: impl FnOnce() + 'static) {}

pub(crate) fn stick_to_bottom(_id: &'static str, _first: bool, _then: impl FnOnce(bool) + 'static) {}

pub(crate) fn is_at_bottom(_id: &'static str) -> bool {
    true
}

pub(crate) fn click(_id: &'static str) {}

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
