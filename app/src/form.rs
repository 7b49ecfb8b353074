//! The operator's form. Without WebAssembly it is a plain form post to `/form/call`; with it, a JSON POST.
//!
//! After a plain post that was refused the server sends the browser back to `/` with the code of a [`Refusal`] as `error`
//! and what was typed (`phone`, `name`, `instruction`, `language`, `emotion`) in the query.

use leptos::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use warmline_api::PhoneNumber;

use self::{
    countries::country,
    draft::{Draft, EMOTIONS, INSTRUCTION_MOST, LANGUAGES, NAME_MOST},
    recent::RecentNumbers,
    saved::SavedInstructions,
};
use crate::{
    address::{Here, Step},
    browser,
    page::{DeskInfo, PageData},
    setup::CopyButton,
    texts::t,
    ui::{memo, raw_text},
};

mod countries;
mod draft;
mod recent;
mod refusal;
mod saved;

pub use self::refusal::Refusal;

/// Where a call is posted to.
const PLACE_URL: &str = "/calls/outbound-with-escalation";

/// What the form reads of the answer to its post.
#[derive(Deserialize)]
struct Posted {
    details: PostedCall,
}

#[derive(Deserialize)]
struct PostedCall {
    call_id: String,
}

/// A list that this browser keeps; empty where it keeps none, or something else.
fn kept<T: DeserializeOwned>(key: &str) -> Vec<T> {
    browser::stored(key).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
}

fn keep<T: Serialize>(key: &str, list: &[T]) {
    if let Ok(json) = serde_json::to_string(list) {
        browser::store(key, &json);
    }
}

/// The command that places the call from a terminal. It has no idempotency key: run twice, it dials twice.
fn curl(origin: &str, body: &str) -> String {
    let (url, body) = (quoted(&format!("{origin}{PLACE_URL}")), quoted(body));
    format!("curl -X POST {url} -H 'content-type: application/json' -d {body}")
}

/// Text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Places a call.
#[component]
pub(crate) fn CallForm() -> impl IntoView {
    let draft = Draft::new();
    let here: Here = expect_context();
    let send = move || {
        draft.touched.set(true);
        if draft.sending.get_untracked() {
            return;
        }
        draft.error.set(None);
        if let Some((field, why)) = draft.first_wrong() {
            draft.error.set(why.map(str::to_owned));
            return browser::focus(field);
        }
        draft.sending.set(true);
        let body = serde_json::to_string(&draft.request()).unwrap_or_default();
        let key = draft.key_for(&body);
        browser::post(PLACE_URL.into(), Some(key), body, move |answer| {
            if draft.sending.try_set(false).is_some() {
                // The form was left.
                return;
            }
            match answer.map(|text| serde_json::from_str::<Posted>(&text)) {
                Ok(Ok(placed)) => {
                    draft.remember();
                    here.go(&format!("/call/{}", placed.details.call_id), Step::Forward);
                }
                Ok(Err(_)) => draft.fail(t().not_understood.to_owned()),
                Err(why) => draft.fail(why),
            }
        });
    };
    browser::when_hydrated(move || {
        draft.ready.set(true);
        // Back from a plain post that was refused.
        if draft.error.with_untracked(Option::is_some)
            && let Some((field, _)) = draft.first_wrong()
        {
            browser::focus(field);
        }
    });
    let command = Signal::derive(move || {
        draft.track();
        curl(&browser::origin(), &serde_json::to_string(&draft.request()).unwrap_or_default())
    });
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
                    send();
                }
            }
        >
            <h1 id="call-form-title" class="text-lg font-semibold tracking-tight">{t().form_place_a_call}</h1>
            <p class="mt-1 text-sm text-muted">{t().form_intro}</p>
            <input type="hidden" name="idempotency_key" value=draft.key.with_value(|(key, _)| key.clone())/>
            <NumberField draft/>
            <RecentNumbers draft/>
            <label class="field">
                <span class="label">{t().form_name} <Optional/></span>
                <input id="call_name" class="input" name="name" autocomplete="off" maxlength=NAME_MOST.to_string() placeholder=t().form_name_example value=draft.name.get_untracked() bind:value=draft.name/>
            </label>
            <label class="field">
                <span class="label">{t().form_instruction} <Optional/></span>
                <textarea
                    id="call_instruction"
                    class="input min-h-24 resize-y"
                    name="dynamic_instruction"
                    rows="4"
                    maxlength=INSTRUCTION_MOST.to_string()
                    placeholder=t().form_instruction_example
                    prop:value=draft.instruction
                    on:input:target=move |event| draft.instruction.set(event.target().value())
                    inner_html=raw_text(&draft.instruction.get_untracked())
                ></textarea>
            </label>
            <SavedInstructions draft/>
            <div class="grid grid-cols-2 gap-3">
                <Choice name="language" label=t().form_language all=LANGUAGES chosen=draft.language/>
                <Choice name="emotion" label=t().form_voice all=EMOTIONS chosen=draft.emotion/>
            </div>
            <Readiness/>
            <p id="form-error" role="alert" class="error mt-4 empty:hidden">{move || draft.error.get()}</p>
            <button id="place" class="button button-main mt-5 w-full" type="submit" aria-disabled=move || draft.sending.get().to_string()>
                {move || if draft.sending.get() { t().form_calling } else { t().form_call }}
                <kbd class="kbd" aria-hidden="true">"Ctrl ↵"</kbd>
            </button>
            <p class="mt-3 text-right" class:invisible=move || !draft.ready.get()>
                <CopyButton id="copy-curl" text=command label=t().form_copy_curl aria=t().form_copy_curl_hint/>
            </p>
        </form>
    }
    .into_any()
}

/// Whether a call can be placed and handed over, before anybody clicks.
#[component]
fn Readiness() -> impl IntoView {
    let desk = use_context::<PageData>().map(|page| page.desk);
    let lines = desk.as_ref().map(readiness).unwrap_or_default();
    let lines = lines.into_iter().map(|(tone, text)| {
        view! {
            <li class="flex items-baseline gap-2 text-(--tone)" data-tone=tone>
                <span class="dot shrink-0 -translate-y-px" aria-hidden="true"></span>
                <span class="min-w-0 wrap-anywhere">{text}</span>
            </li>
        }
    });
    let lines = lines.collect_view();
    view! { <ul id="readiness" class="mt-4 grid gap-1 text-sm tabular-nums">{lines}</ul> }.into_any()
}

/// What is said before the click, each with its tone: what is missing, whether an escalation can succeed, who takes it.
fn readiness(desk: &DeskInfo) -> Vec<(&'static str, String)> {
    let mut lines: Vec<_> = desk.missing.iter().map(|missing| ("bad", missing.clone())).collect();
    if lines.is_empty() {
        let ready = if desk.exchange { t().form_ready_exchange } else { t().form_ready_livekit };
        lines.push(("good", ready.to_owned()));
    }
    if !desk.escalation {
        lines.push(("warn", t().form_escalation_fails.to_owned()));
    }
    if let Some(number) = &desk.supervisor {
        lines.push(("quiet", format!("{} {number}", t().form_supervisor)));
    }
    lines
}

#[component]
fn Optional() -> impl IntoView {
    view! { <span class="font-normal text-muted">{t().form_optional}</span> }
}

/// The number, checked as it is typed by the code that checks it on the server.
#[component]
fn NumberField(draft: Draft) -> impl IntoView {
    let number = memo(move || draft.phone.get().parse::<PhoneNumber>().ok());
    let wrong = memo(move || draft.touched.get() && number.get().is_none());
    // One line each: a note that grew when the field is left would move the button away from under the click.
    let note = move || match number.get() {
        Some(number) => will_dial(&number),
        None if wrong.get() => t().form_wrong_phone.to_owned(),
        None if draft.phone.get().trim().is_empty() => t().form_no_phone.to_owned(),
        None => t().form_unfinished_phone.to_owned(),
    };
    view! {
        <label class="field">
            <span class="label">{t().form_phone}</span>
            <input
                id="phone_number"
                class="input text-base tabular-nums"
                type="tel"
                name="phone_number"
                inputmode="tel"
                autocomplete="off"
                maxlength="40"
                required
                placeholder=t().form_phone_example
                list="recent-numbers"
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

/// The number as it will be dialled, and where that is.
fn will_dial(number: &PhoneNumber) -> String {
    let spaced = PhoneNumber::spaced(number.as_str());
    match country(number.as_str()) {
        Some(country) => format!("{} {spaced} · {country}", t().form_will_dial),
        None => format!("{} {spaced}", t().form_will_dial),
    }
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
        .map(|(value, text)| view! { <option value=*value selected=*value == start>{*text}</option> }.into_any())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_survives_every_quote() {
        assert_eq!(quoted("plain"), "'plain'");
        assert_eq!(quoted("it's 'quoted'"), r"'it'\''s '\''quoted'\'''");
        assert_eq!(quoted(r#"$HOME `x` \ "y""#), r#"'$HOME `x` \ "y"'"#);
        assert_eq!(
            curl("http://127.0.0.1:8000", r#"{"name":"O'Hara"}"#),
            r#"curl -X POST 'http://127.0.0.1:8000/calls/outbound-with-escalation' -H 'content-type: application/json' -d '{"name":"O'\''Hara"}'"#
        );
    }

    #[test]
    fn the_note_says_what_will_be_dialled_and_where() {
        let note = |number: &str| will_dial(&number.parse().unwrap());
        assert_eq!(note("+1 (555) 010-0001"), "will dial +1 555 010 0001 · United States or Canada");
        assert_eq!(note("00442079460018"), "will dial +44 207 946 0018 · United Kingdom");
    }

    #[test]
    fn what_is_missing_is_said_before_the_click() {
        let ready = DeskInfo {
            supervisor: Some("+1 555 ··· 0002".into()),
            escalation: true,
            missing: Vec::new(),
            exchange: true,
        };
        let supervisor = ("quiet", "Supervisor +1 555 ··· 0002".to_owned());
        assert_eq!(readiness(&ready), [("good", t().form_ready_exchange.to_owned()), supervisor]);
        let missing = DeskInfo {
            supervisor: None,
            escalation: false,
            missing: vec!["LIVEKIT_URL is not set.".into()],
            exchange: false,
        };
        let lines = [("bad", "LIVEKIT_URL is not set.".to_owned()), ("warn", t().form_escalation_fails.to_owned())];
        assert_eq!(readiness(&missing), lines);
    }
}
