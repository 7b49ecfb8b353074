//! The operator's form. Without WebAssembly it is a plain form post to `/form/call`; with it, a JSON POST.
//!
//! After a plain post that was refused the server sends the browser back to `/` with `error` and what was typed
//! (`phone`, `name`, `instruction`, `language`, `emotion`) in the query.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate, hooks::use_query_map};
use warmline_api::{OutboundRequest, OutboundResponse, PhoneNumber, call::Private};

use crate::{browser, page::PageData, words};

/// Languages and emotions on offer: what is spoken of, how it is shown. The first is the default.
const LANGUAGES: &[(&str, &str)] = &[("en", "English")];
const EMOTIONS: &[(&str, &str)] =
    &[("Calm", "Calm"), ("Friendly", "Friendly"), ("Serious", "Serious"), ("Excited", "Excited")];

/// What is typed, and what became of it.
#[derive(Clone, Copy)]
struct Draft {
    phone: RwSignal<String>,
    name: RwSignal<String>,
    instruction: RwSignal<String>,
    language: RwSignal<String>,
    emotion: RwSignal<String>,
    /// The number's field was left, or the form was sent: from now on a wrong number is an error, not unfinished.
    touched: RwSignal<bool>,
    sending: RwSignal<bool>,
    error: RwSignal<Option<String>>,
    /// The idempotency key, and the body it was last used for.
    key: StoredValue<(String, String)>,
}

impl Draft {
    fn new() -> Self {
        let query = use_query_map().get_untracked();
        let given = |name: &str| query.get(name).unwrap_or_default();
        let chosen = |name: &str, all: &[(&str, &str)]| {
            let wanted = given(name);
            let known = all.iter().find(|(value, _)| *value == wanted).or(all.first());
            RwSignal::new(known.map_or_else(String::new, |(value, _)| (*value).to_owned()))
        };
        let key = use_context::<PageData>().map_or_else(browser::random_key, |page| page.form_key);
        let error = query.get("error").filter(|e| !e.is_empty());
        Self {
            phone: RwSignal::new(given("phone")),
            name: RwSignal::new(given("name")),
            instruction: RwSignal::new(given("instruction")),
            language: chosen("language", LANGUAGES),
            emotion: chosen("emotion", EMOTIONS),
            touched: RwSignal::new(error.is_some()),
            sending: RwSignal::new(false),
            error: RwSignal::new(error),
            key: StoredValue::new((key, String::new())),
        }
    }

    fn request(self) -> OutboundRequest {
        let some = |text: String| (!text.trim().is_empty()).then(|| Private::from(text.trim().to_owned()));
        OutboundRequest {
            phone_number: self.phone.get_untracked().into(),
            name: some(self.name.get_untracked()),
            dynamic_instruction: some(self.instruction.get_untracked()),
            language: Some(self.language.get_untracked()),
            emotion: Some(self.emotion.get_untracked()),
        }
    }

    /// The key for this body: the same for the same body, so that a second click never dials twice.
    fn key_for(self, body: &str) -> String {
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

/// Places a call.
#[component]
pub(crate) fn CallForm() -> impl IntoView {
    let draft = Draft::new();
    let navigate = use_navigate();
    let send = move || {
        draft.touched.set(true);
        if draft.sending.get_untracked() {
            return;
        }
        if draft.phone.get_untracked().parse::<PhoneNumber>().is_err() {
            return browser::focus("phone_number");
        }
        draft.sending.set(true);
        draft.error.set(None);
        let body = serde_json::to_string(&draft.request()).unwrap_or_default();
        let key = draft.key_for(&body);
        let navigate = navigate.clone();
        browser::post("/calls/outbound-with-escalation".into(), Some(key), body, move |answer| {
            draft.sending.set(false);
            match answer.map(|text| serde_json::from_str::<OutboundResponse>(&text)) {
                Ok(Ok(placed)) => navigate(&format!("/call/{}", placed.details.call_id), NavigateOptions::default()),
                Ok(Err(_)) => draft.error.set(Some("Warmline's answer was not understood.".into())),
                Err(why) => draft.error.set(Some(why)),
            }
        });
    };
    let send_by_key = send.clone();
    view! {
        <form
            id="call-form"
            method="post"
            action="/form/call"
            class="card lg:sticky lg:top-6"
            aria-labelledby="call-form-title"
            on:submit=move |event| {
                event.prevent_default();
                send();
            }
            on:keydown=move |event| {
                if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
                    event.prevent_default();
                    send_by_key();
                }
            }
        >
            <h1 id="call-form-title" class="text-lg font-semibold tracking-tight">"Place a call"</h1>
            <p class="mt-1 text-sm text-muted">
                "The agent talks first. Whoever asks for a person is handed over to your supervisor."
            </p>
            <input type="hidden" name="idempotency_key" value=draft.key.with_value(|(key, _)| key.clone())/>
            <NumberField draft/>
            <label class="field">
                <span class="label">"Name" <Optional/></span>
                <input class="input" name="name" autocomplete="off" maxlength="200" placeholder="Ada Lovelace" value=draft.name.get_untracked() bind:value=draft.name/>
            </label>
            <label class="field">
                <span class="label">"What the call is about" <Optional/></span>
                <textarea
                    class="input min-h-24 resize-y"
                    name="dynamic_instruction"
                    rows="4"
                    maxlength="8000"
                    placeholder="Follow up on the ticket about the log-in. Ask whether it works now."
                    prop:value=draft.instruction
                    on:input:target=move |event| draft.instruction.set(event.target().value())
                >
                    {draft.instruction.get_untracked()}
                </textarea>
            </label>
            <div class="grid grid-cols-2 gap-3">
                <Choice name="language" label="Language" all=LANGUAGES chosen=draft.language/>
                <Choice name="emotion" label="Voice" all=EMOTIONS chosen=draft.emotion/>
            </div>
            <p id="form-error" role="alert" class="error mt-4 empty:hidden">{move || draft.error.get()}</p>
            <button id="place" class="button button-main mt-5 w-full" type="submit" aria-disabled=move || draft.sending.get().to_string()>
                {move || if draft.sending.get() { "Calling …" } else { "Call" }}
                <kbd class="kbd" aria-hidden="true">"Ctrl ↵"</kbd>
            </button>
        </form>
    }
    .into_any()
}

#[component]
fn Optional() -> impl IntoView {
    view! { <span class="font-normal text-muted">"optional"</span> }
}

/// The number, checked as it is typed by the code that checks it on the server.
#[component]
fn NumberField(draft: Draft) -> impl IntoView {
    let number = Memo::new(move |_| draft.phone.get().parse::<PhoneNumber>().ok());
    let wrong = Memo::new(move |_| draft.touched.get() && number.get().is_none());
    // One line each: a note that grew when the field is left would move the button away from under the click.
    let note = move || match number.get() {
        Some(number) => format!("will dial {}", words::spaced(number.as_str())),
        None if wrong.get() => "Can't be dialled. Example: +1 555 010 0001".to_owned(),
        None if draft.phone.get().trim().is_empty() => "With country code: +1 555 010 0001".to_owned(),
        None => "Starts with + and the country code".to_owned(),
    };
    view! {
        <label class="field">
            <span class="label">"Phone number"</span>
            <input
                id="phone_number"
                class="input text-base tabular-nums"
                type="tel"
                name="phone_number"
                inputmode="tel"
                autocomplete="off"
                maxlength="40"
                required
                placeholder="+1 555 010 0001"
                aria-describedby="phone-note"
                aria-invalid=move || wrong.get().to_string()
                value=draft.phone.get_untracked()
                bind:value=draft.phone
                on:blur=move |_| draft.touched.set(!draft.phone.get_untracked().is_empty())
            />
        </label>
        <p id="phone-note" class="note" data-tone=move || if wrong.get() { "bad" } else if number.get().is_some() { "good" } else { "quiet" }>
            {note}
        </p>
    }
    .into_any()
}

#[component]
fn Choice(
    name: &'static str,
    label: &'static str,
    all: &'static [(&'static str, &'static str)],
    chosen: RwSignal<String>,
) -> impl IntoView {
    let start = chosen.get_untracked();
    let options: Vec<_> = all
        .iter()
        .map(|(value, text)| view! { <option value=*value selected=*value == start>{*text}</option> })
        .collect();
    view! {
        <label class="field">
            <span class="label">{label}</span>
            <select class="input" name=name on:change:target=move |event| chosen.set(event.target().value())>
                {options}
            </select>
        </label>
    }
}
