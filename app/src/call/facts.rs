//! What happened when, how fast the agent was, and the names to report it by.

use jiff::Timestamp;
use leptos::prelude::*;
use warmline_api::call::{CallView, Leg, Timings};

use super::part;
use crate::{
    browser,
    texts::t,
    time,
    ui::{in_order, press},
    words,
};

/// The slowest turn that fills its bar. Milliseconds.
const SLOW: u32 = 2_000;

/// The call's facts, below what is said.
#[component]
pub(super) fn Facts(view: ArcRwSignal<CallView>) -> impl IntoView {
    let t = t();
    let shown = view.get_untracked();
    let timings = part(&view, |v| v.timings.clone());
    let placed = shown.placed_at;
    let id = shown.call.to_string();
    let marks = part(&view, marks);
    let timeline = move || {
        let mark = |(at, text): (Timestamp, String)| {
            view! { <li class="mark"><span class="text-muted tabular-nums">{time::clock(placed, at)}</span> <span>{text}</span></li> }
        };
        marks.get().into_iter().map(mark).collect_view()
    };
    view! {
        <div class="mt-6 grid items-start gap-6 md:grid-cols-2">
            <section class="card" aria-labelledby="timeline-title">
                <h2 id="timeline-title" class="card-title">{t.timeline}</h2>
                <ol id="timeline" class="grid gap-1.5 text-sm">{timeline}</ol>
            </section>
            <div class="grid min-w-0 gap-6">
                <section class="card" aria-labelledby="latency-title" class:hidden=move || timings.with(Vec::is_empty)>
                    <h2 id="latency-title" class="text-sm font-semibold">{t.latency}</h2>
                    <p class="mb-3 text-xs text-muted">{t.latency_about}</p>
                    <ol id="latency" class="grid gap-1 text-sm tabular-nums">
                        {move || timings.get().into_iter().map(turn).collect_view()}
                    </ol>
                </section>
                <section class="card" aria-labelledby="ids-title">
                    <h2 id="ids-title" class="card-title">{t.ids}</h2>
                    <dl class="grid gap-1.5 text-sm">
                        <Name name=t.id_room value=Signal::stored(Some(id.clone()))/>
                        <Name name=t.id_sip value=ids(&view, |leg| leg.sip_call_id.clone())/>
                        <Name name=t.id_participant value=ids(&view, |leg| leg.participant_id.clone())/>
                    </dl>
                    <p class="mt-3 text-sm"><a class="link" rel="external" download="" href=format!("/calls/{id}/bundle")>{t.bundle}</a></p>
                </section>
            </div>
        </div>
    }
    .into_any()
}

fn ids(
    view: &ArcRwSignal<CallView>,
    of: impl Fn(&warmline_api::call::LegView) -> Option<String> + Send + Sync + 'static,
) -> Signal<Option<String>> {
    part(view, move |v| v.legs.iter().find(|leg| leg.leg == Leg::Customer).and_then(&of)).into()
}

/// A name to copy.
#[component]
fn Name(name: &'static str, value: Signal<Option<String>>) -> impl IntoView {
    let t = t();
    let copied = RwSignal::new(false);
    let copy = move || {
        if let Some(text) = value.get_untracked() {
            browser::copy(text, move |done| copied.set(done));
        }
    };
    view! {
        <div class="flex items-baseline gap-3" class:hidden=move || value.with(Option::is_none)>
            <dt class="w-24 shrink-0 text-muted">{name}</dt>
            <dd class="flex min-w-0 grow items-baseline gap-3">
                <span class="min-w-0 grow truncate font-mono text-xs">{move || value.get()}</span>
                <button class="link text-xs" aria-label=format!("{} {name}", t.copy) on:click=press(copy)>
                    {move || if copied.get() { t.copied } else { t.copy }}
                </button>
            </dd>
        </div>
    }
}

/// One turn: how long it took, and where the time went.
fn turn(timings: Timings) -> impl IntoView {
    let parts = [
        ("endpointing", timings.endpointing_ms),
        ("recognition", timings.stt_ms),
        ("thinking", timings.llm_first_token_ms),
        ("voice", timings.tts_first_audio_ms),
    ];
    let told: Vec<_> = parts.iter().map(|(name, ms)| format!("{name} {ms} ms")).collect();
    let share = timings.response_ms.min(SLOW) * 100 / SLOW;
    view! {
        <li class="flex items-center gap-3" title=told.join(", ")>
            <span class="w-16 shrink-0 text-right">{timings.response_ms} " ms"</span>
            <span class="bar" aria-hidden="true"><span style=format!("width:{share}%")></span></span>
        </li>
    }
}

/// What happened, in order: phases, requests, decisions, what people did.
fn marks(view: &CallView) -> Vec<(Timestamp, String)> {
    let mut marks: Vec<_> = view.phases.iter().map(|p| (p.at, words::phase(p.phase).to_owned())).collect();
    if let Some(escalation) = &view.escalation {
        marks.push((escalation.at, words::asked(escalation.by).to_owned()));
    }
    marks.extend(view.acts.iter().map(|act| (act.at, format!("{} {}", act.by, act.action.words()))));
    let marks = in_order(marks.into_iter().enumerate().map(|(n, (at, what))| (at, n, what)));
    marks.into_iter().map(|(at, _, what)| (at, what)).collect()
}
