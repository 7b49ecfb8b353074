//! An escalation rings until somebody claims it: sound in one tab, the title, a notification, a bar above the page.

use std::collections::HashSet;

use leptos::prelude::*;
use warmline_api::call::CallId;

use crate::{
    browser,
    me::Me,
    store::Store,
    texts::t,
    time,
    ui::{memo, press},
    words,
};

/// A call that waits for somebody to claim it.
#[derive(Clone, PartialEq)]
struct Waiting {
    id: CallId,
    who: String,
    why: String,
}

/// Rings, and shows who waits.
#[component]
pub(crate) fn Alerts() -> impl IntoView {
    let (t, store) = (t(), expect_context::<Store>());
    let calls = store.clone();
    let waiting = memo(move || waiting(&calls));
    let known = StoredValue::new(HashSet::<CallId>::new());
    Effect::new(move |_| {
        let waiting = waiting.get();
        browser::ring(!waiting.is_empty());
        let count = waiting.len();
        browser::title((count > 0).then(|| words::waiting(count)).as_deref());
        let new: Vec<_> = waiting.iter().filter(|w| known.with_value(|known| !known.contains(&w.id))).collect();
        for call in new {
            browser::notify(&words::waits(&call.who), &call.why, &format!("/call/{}", call.id));
        }
        known.set_value(waiting.into_iter().map(|w| w.id).collect());
    });
    let now = store.now.clone();
    // Whether the browser lets the page sound is no event: it is looked at as the clock moves, while something rings.
    let blocked = memo(move || {
        now.track();
        !waiting.with(Vec::is_empty) && browser::sound_is_blocked()
    });
    let allow = move || browser::test_sound(|_| {});
    let off = RwSignal::new(false);
    browser::when_hydrated(move || off.set(!browser::notifications_are_on()));
    let turn_on = move || browser::test_notification(move |done| off.set(done.is_err()));
    view! {
        <p class="sr-only" role="alert">{move || waiting.with(|w| w.last().map(|w| words::waits(&w.who)))}</p>
        <div id="alerts" class="alerts" class:hidden=move || waiting.with(Vec::is_empty)>
            <ul class="mx-auto grid w-full max-w-7xl grid-cols-1 gap-2 px-4 sm:px-6">
                <For each=move || waiting.get() key=|call| call.id.clone() let:call>
                    <Alarm call/>
                </For>
            </ul>
            <p id="sound-blocked" class="mx-auto w-full max-w-7xl px-4 text-sm sm:px-6" class:hidden=move || !blocked.get()>
                {t.sound_blocked} " " <button class="link" on:click=press(allow)>{t.sound_allow}</button>
            </p>
            <p id="notifications-off" class="mx-auto w-full max-w-7xl px-4 text-xs sm:px-6" class:hidden=move || !off.get()>
                {t.notifications_off} " " <button class="link" on:click=press(turn_on)>{t.notifications_allow}</button>
            </p>
        </div>
    }
    .into_any()
}

#[component]
fn Alarm(call: Waiting) -> impl IntoView {
    let (t, me, store) = (t(), expect_context::<Me>(), expect_context::<Store>());
    let id = StoredValue::new(call.id.to_string());
    let view = untrack(|| store.call(call.id.as_str()));
    let since = move || {
        let now = store.now.get();
        view.as_ref().and_then(|view| view.with(words::waiting_since)).map(|since| time::clock(since, now))
    };
    let claim = move || {
        let url = me.sign(&format!("/calls/{}/claim", id.get_value()));
        browser::post(url, None, "{}".into(), |_| {});
    };
    view! {
        <li class="flex flex-wrap items-center gap-x-4 gap-y-1">
            <a href=format!("/call/{}", call.id) class="max-w-full min-w-0 grow truncate">
                <span class="font-semibold">{words::waits(&call.who)}</span>
                <span class="ml-2 opacity-85">{call.why}</span>
            </a>
            <span class="tabular-nums">{since}</span>
            <button class="button button-main" on:click=press(claim)>{t.claim}</button>
        </li>
    }
    .into_any()
}

fn waiting(store: &Store) -> Vec<Waiting> {
    let one = |call: crate::store::Entry| {
        call.view.with(|view| {
            let waits = words::is_escalated(view.phase) && view.claimed_by.is_none();
            waits.then(|| Waiting {
                id: view.call.clone(),
                who: words::who(view),
                why: view.escalation.as_ref().map(|e| e.reason.reveal().clone()).unwrap_or_default(),
            })
        })
    };
    store.by_need().into_iter().filter_map(one).collect()
}
