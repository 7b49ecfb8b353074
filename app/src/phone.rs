//! A telephone in the browser: it rings when its number is dialled on the embedded exchange.

use jiff::Timestamp;
use leptos::prelude::*;
use warmline_api::{PhoneNumber, PhoneOrder};

use crate::{
    address::Here,
    browser,
    store::Store,
    time,
    ui::{Show, memo, press},
};

const KEYS: [char; 12] = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'];

/// What the phone is doing.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a browser's phone rings"))]
pub(crate) enum Phone {
    /// Not connected to the exchange.
    Off(&'static str),
    /// Connected: it rings when it is called.
    Idle,
    Ringing {
        from: String,
    },
    /// Answered by this page, not yet through.
    Answering,
    Talking {
        since: Timestamp,
    },
    Ended {
        reason: String,
    },
}

/// The microphone, while the phone is answered.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a browser has one"))]
pub(crate) enum Microphone {
    Unused,
    On,
    /// Not allowed, or there is none: one can listen and press keys.
    Absent,
}

/// `/phone?number=+…`.
#[component]
pub(crate) fn PhonePage() -> impl IntoView {
    let here: Here = expect_context();
    let number = memo(move || {
        // In a query string a '+' is a space: '?number=+1555…' has lost its plus on the way.
        let given = here.get("number");
        given.parse::<PhoneNumber>().or_else(|_| format!("+{}", given.trim()).parse()).ok()
    });
    view! {
        {move || match number.get() {
            Some(number) => view! { <Handset number=number.as_str().to_owned()/> }.into_any(),
            None => view! { <ChooseNumber/> }.into_any(),
        }}
    }
}

#[component]
fn ChooseNumber() -> impl IntoView {
    view! {
        <form method="get" action="/phone" class="card mx-auto max-w-sm">
            <h1 class="text-lg font-semibold tracking-tight">"A phone in this browser"</h1>
            <p class="mt-1 text-sm text-muted">
                "While this page is open, the number rings here: be the customer, or the supervisor, and talk with your microphone."
            </p>
            <label class="field">
                <span class="label">"Its number"</span>
                <input class="input tabular-nums" type="tel" name="number" required placeholder="+1 555 010 0001"/>
            </label>
            <button class="button button-main mt-4 w-full" type="submit">"Switch on"</button>
        </form>
    }
}

#[component]
fn Handset(number: String) -> impl IntoView {
    let store: Store = expect_context();
    let phone = RwSignal::new(Phone::Off("connecting …"));
    let microphone = RwSignal::new(Microphone::Unused);
    let shown = PhoneNumber::spaced(&number);
    let line = StoredValue::new_local(browser::phone(&number, phone, microphone, store.now.clone()));
    let order = move |order: PhoneOrder| line.with_value(|line| line.send(order));
    let answer = move || line.with_value(browser::PhoneLine::answer);
    let now = store.now;
    let state = move || match phone.get() {
        Phone::Off(why) => why.to_owned(),
        Phone::Idle => "waiting for a call".to_owned(),
        Phone::Ringing { from } => format!("{} is calling", PhoneNumber::spaced(&from)),
        Phone::Answering => "answering …".to_owned(),
        Phone::Talking { since } => time::clock(since, now.get()),
        Phone::Ended { reason } => format!("ended: {}", reason.replace('_', " ")),
    };
    let ringing = memo(move || matches!(phone.get(), Phone::Ringing { .. }));
    let talking = memo(move || matches!(phone.get(), Phone::Talking { .. } | Phone::Answering));
    let keys: Vec<_> = KEYS
        .into_iter()
        .map(|digit| {
            let dial = move || order(PhoneOrder::Dtmf { digit });
            view! { <button class="key" disabled=move || !talking.get() on:click=press(dial)>{digit.to_string()}</button> }
                .into_any()
        })
        .collect();
    view! {
        <section class="card mx-auto max-w-xs text-center" class:urgent=move || ringing.get() aria-label="Phone">
            <h1 class="text-lg font-semibold tabular-nums">{shown}</h1>
            <p id="phone-state" role="status" class="mt-1 text-sm text-muted tabular-nums">{state}</p>
            <div class="mt-5 grid grid-cols-3 gap-2">{keys}</div>
            <div class="mt-5 grid grid-cols-2 gap-2">
                <Show
                    when=move || ringing.get()
                    fallback=move || {
                        view! {
                            <button id="phone-hangup" class="button button-bad col-span-2" disabled=move || !talking.get() on:click=press(move || order(PhoneOrder::Hangup))>
                                "Hang up"
                            </button>
                        }
                    }
                >
                    <button id="phone-decline" class="button button-bad" on:click=press(move || order(PhoneOrder::Decline))>"Decline"</button>
                    <button id="phone-answer" class="button button-good" on:click=press(answer)>"Answer"</button>
                </Show>
            </div>
            <p class="mt-3 text-xs text-muted" role="status">
                {move || match microphone.get() {
                    Microphone::Unused => "The microphone is used only while you talk.",
                    Microphone::On => "Microphone on",
                    Microphone::Absent => "No microphone: you can listen and press keys.",
                }}
            </p>
        </section>
    }
    .into_any()
}
