//! What is typed into the form.

use leptos::prelude::*;
use warmline_api::{INVALID_PHONE_NUMBER, OutboundRequest, PhoneNumber, call::Private};

use super::{recent::remember, refusal::Refusal};
use crate::{address::Here, browser, page::PageData, texts::t};

pub(super) const NAME_MOST: usize = 200;
pub(super) const INSTRUCTION_MOST: usize = 4000;

/// Languages and emotions on offer: what is spoken of, how it is shown. The first is the default.
pub(super) const LANGUAGES: &[(&str, &str)] = &[("en", "English")];
pub(super) const EMOTIONS: &[(&str, &str)] =
    &[("Calm", "Calm"), ("Friendly", "Friendly"), ("Serious", "Serious"), ("Excited", "Excited")];

/// What is typed, and what became of it.
#[derive(Clone, Copy)]
pub(super) struct Draft {
    pub(super) phone: RwSignal<String>,
    pub(super) name: RwSignal<String>,
    pub(super) instruction: RwSignal<String>,
    pub(super) language: RwSignal<String>,
    pub(super) emotion: RwSignal<String>,
    /// The number's field was left, or the form was sent: from now on a wrong number is an error, not unfinished.
    pub(super) touched: RwSignal<bool>,
    pub(super) sending: RwSignal<bool>,
    pub(super) error: RwSignal<Option<String>>,
    /// The page is hydrated: what needs the browser can be shown.
    pub(super) ready: RwSignal<bool>,
    /// The idempotency key, and the body it was last used for.
    pub(super) key: StoredValue<(String, String)>,
}

impl Draft {
    pub(super) fn new() -> Self {
        let here: Here = expect_context();
        let given = |name: &str| untrack(|| here.get(name));
        let chosen = |name: &str, all: &[(&str, &str)]| {
            let wanted = given(name);
            let known = all.iter().find(|(value, _)| *value == wanted).or(all.first());
            RwSignal::new(known.map_or_else(String::new, |(value, _)| (*value).to_owned()))
        };
        let key = use_context::<PageData>().map_or_else(browser::random_key, |page| page.form_key);
        // A code, never a text: anybody can make somebody open an address.
        let error = Refusal::of(&given("error")).map(|refusal| refusal.text().to_owned());
        Self {
            phone: RwSignal::new(given("phone")),
            name: RwSignal::new(given("name")),
            instruction: RwSignal::new(given("instruction")),
            language: chosen("language", LANGUAGES),
            emotion: chosen("emotion", EMOTIONS),
            touched: RwSignal::new(error.is_some()),
            sending: RwSignal::new(false),
            error: RwSignal::new(error),
            ready: RwSignal::new(false),
            key: StoredValue::new((key, String::new())),
        }
    }

    pub(super) fn request(self) -> OutboundRequest {
        let some = |text: String| (!text.trim().is_empty()).then(|| Private::from(text.trim().to_owned()));
        OutboundRequest {
            phone_number: self.phone.get_untracked().into(),
            name: some(self.name.get_untracked()),
            dynamic_instruction: some(self.instruction.get_untracked()),
            language: Some(self.language.get_untracked()),
            emotion: Some(self.emotion.get_untracked()),
        }
    }

    /// Follows all that is typed and chosen.
    pub(super) fn track(self) {
        for field in [self.phone, self.name, self.instruction, self.language, self.emotion] {
            field.track();
        }
    }

    /// The first field that is refused here, or that the server's sentence is about; and what is wrong, unless the field
    /// has a note of its own.
    pub(super) fn first_wrong(self) -> Option<(&'static str, Option<&'static str>)> {
        let refused = self.error.with_untracked(|error| error.as_deref() == Some(INVALID_PHONE_NUMBER));
        let longer = |field: RwSignal<String>, most| field.with_untracked(|text| text.trim().chars().count() > most);
        if refused || self.phone.with_untracked(|phone| phone.parse::<PhoneNumber>().is_err()) {
            Some(("phone_number", None))
        } else if longer(self.name, NAME_MOST) {
            Some(("call_name", Some(t().form_name_too_long)))
        } else if longer(self.instruction, INSTRUCTION_MOST) {
            Some(("call_instruction", Some(t().form_instruction_too_long)))
        } else {
            None
        }
    }

    /// Says why the call was not placed, and goes to the field that it is about.
    pub(super) fn fail(self, why: String) {
        self.error.set(Some(why));
        if let Some((field, _)) = self.first_wrong() {
            browser::focus(field);
        }
    }

    /// Keeps the number that was dialled just now among the recent ones.
    pub(super) fn remember(self) {
        if let Ok(number) = self.phone.get_untracked().parse::<PhoneNumber>() {
            remember(number.into(), self.name.get_untracked().trim().to_owned());
        }
    }

    /// The key for this body: the same for the same body, so that a second click never dials twice.
    pub(super) fn key_for(self, body: &str) -> String {
        self.key
            .try_update_value(|(key, used_for)| {
                if !used_for.is_empty() && used_for != body {
                    *key = browser::random_key();
                }
                body.clone_into(used_for);
                key.clone()
            })
            .unwrap_or_default()
    }
}
