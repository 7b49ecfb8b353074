//! The live board: every call, who needs a human first.

use leptos::prelude::*;
use leptos_router::components::A;
use warmline_api::call::{CallView, Phase, Side};

use crate::{
    store::{Entry, Store},
    words,
};

/// The calls in the order of need.
#[component]
pub(crate) fn Board() -> impl IntoView {
    let store: Store = expect_context();
    let order = Memo::new(move |_| store.by_need());
    let open = Memo::new(move |_| order.get().iter().filter(|c| c.view.with(|v| v.end.is_none())).count());
    view! {
        <section aria-labelledby="board-title" class="min-w-0">
            <div class="mb-3 flex items-baseline justify-between gap-4">
                <h2 id="board-title" class="text-lg font-semibold tracking-tight">"Calls"</h2>
                <p class="text-sm text-muted" aria-live="polite">
                    {move || match open.get() {
                        0 => "none open".to_owned(),
                        n => format!("{n} open"),
                    }}
                </p>
            </div>
            <Show when=move || order.with(Vec::is_empty)>
                <div class="rounded-xl border border-dashed border-line px-6 py-14 text-center">
                    <p class="font-medium">"No calls yet"</p>
                    <p class="mx-auto mt-1 max-w-sm text-sm text-muted">
                        "Calls appear here the moment they are placed, and move by themselves. Whoever waits for a person stands on top."
                    </p>
                </div>
            </Show>
            <ul id="board" class="grid gap-2">
                <For each=move || order.get() key=|call| call.id.clone() let:call>
                    <Row call/>
                </For>
            </ul>
        </section>
    }
    .into_any()
}

#[component]
fn Row(call: Entry) -> impl IntoView {
    let view = call.view;
    let (of, of_line) = (view.clone(), view.clone());
    let phase = Memo::new(move |_| of.with(|v| v.phase));
    let last = Memo::new(move |_| of_line.with(last_line));
    let shown = view.get_untracked();
    let number = words::spaced(shown.phone_number.reveal());
    let who = shown.name.map(|n| n.into_inner()).filter(|n| !n.is_empty());
    view! {
        <li class="row" data-call=call.id.to_string() data-tone=move || words::tone(phase.get())>
            <A href=format!("/call/{}", call.id) attr:class="row-link">
                <span class="min-w-0">
                    <span class="block truncate font-medium tabular-nums">{who.clone().unwrap_or_else(|| number.clone())}</span>
                    <span class="block truncate text-sm text-muted tabular-nums">{who.is_some().then_some(number)}</span>
                </span>
                <span class="order-last col-span-full truncate text-sm text-muted empty:hidden sm:order-none sm:col-span-1">{move || last.get()}</span>
                <span class="flex items-center justify-end gap-3">
                    <PhaseBadge phase/>
                    <span class="w-12 text-right"><PhaseClock view/></span>
                </span>
            </A>
        </li>
    }
    .into_any()
}

/// What was said last in the customer's conversation, or how it ended.
fn last_line(view: &CallView) -> String {
    if let Some(end) = &view.end {
        return words::end(end.reason).to_owned();
    }
    let said = view.transcript.iter().rev().find(|l| l.side == Side::Call && !l.text.reveal().is_empty());
    said.map_or_else(String::new, |l| format!("{}: {}", words::speaker(l.speaker), l.text.reveal()))
}

/// The phase in plain words.
#[component]
pub(crate) fn PhaseBadge(phase: Memo<Phase>) -> impl IntoView {
    view! {
        <span class="badge" data-phase=move || phase.get().as_str() data-tone=move || words::tone(phase.get())>
            <span class="dot" aria-hidden="true"></span>
            {move || words::phase(phase.get())}
        </span>
    }
}

/// The time since the phase began; of an ended call, how long was talked.
#[component]
pub(crate) fn PhaseClock(view: ArcRwSignal<CallView>) -> impl IntoView {
    let store: Store = expect_context();
    let text = Memo::new(move |_| {
        view.with(|v| match &v.end {
            Some(end) => {
                #[allow(clippy::cast_possible_truncation, reason = "whole seconds of a call")]
                let talked = jiff::SignedDuration::from_secs(end.talk_s as i64);
                words::clock(v.placed_at, v.placed_at.checked_add(talked).unwrap_or(v.placed_at))
            }
            None => words::clock(v.phase_since, store.now.get()),
        })
    });
    view! { <span class="text-sm text-muted tabular-nums">{move || text.get()}</span> }
}
