//! What was said in one of a call's two conversations.

use jiff::Timestamp;
use leptos::prelude::*;
use warmline_api::call::{CallView, Line, Side};

use crate::{
    browser, time,
    ui::{Show, memo, press},
    words,
};

/// Finished lines in a log that screen readers announce; what is still being said stands dim below it.
#[component]
pub(crate) fn Transcript(
    view: ArcRwSignal<CallView>,
    side: Side,
    /// Names the scrolling element.
    id: &'static str,
    label: &'static str,
    /// Shown while nothing has been said.
    empty: &'static str,
) -> impl IntoView {
    let placed = view.with_untracked(|v| v.placed_at);
    let lines = move |done: bool| {
        let view = view.clone();
        memo(move || {
            let wanted = |l: &&Line| l.side == side && l.r#final == done;
            view.with(|v| v.transcript.iter().filter(wanted).cloned().collect::<Vec<_>>())
        })
    };
    let (finals, partials) = (lines(true), lines(false));
    let unseen = RwSignal::new(0);
    Effect::new(move |before: Option<usize>| {
        let count = finals.with(Vec::len);
        partials.track();
        let new = before.map_or(0, |before| count.saturating_sub(before));
        browser::stick_to_bottom(id, before.is_none(), move |sticks| {
            unseen.update(|unseen| *unseen = if sticks { 0 } else { *unseen + new });
        });
        count
    });
    let to_bottom = move || browser::stick_to_bottom(id, true, move |_| unseen.set(0));
    let seen = move |_| {
        if unseen.get_untracked() > 0 && browser::is_at_bottom(id) {
            unseen.set(0);
        }
    };
    // The final text of a line may be corrected: what is shown is part of its key.
    let key = |l: &Line| (l.utterance, l.interrupted, l.text.reveal().clone());
    view! {
        <div id=id class="transcript" tabindex="0" aria-label=label role="group" on:scroll=seen>
            <Show when=move || finals.with(Vec::is_empty) && partials.with(Vec::is_empty)>
                <p class="py-6 text-center text-sm text-muted">{empty}</p>
            </Show>
            <div role="log" aria-label=label>
                <ol class="grid gap-3">
                    <For each=move || finals.get() key=key let:line>
                        <Said line placed/>
                    </For>
                </ol>
            </div>
            <ol aria-hidden="true" class="partials">
                <For each=move || partials.get() key=key let:line>
                    <Said line placed/>
                </For>
            </ol>
        </div>
        <button class="new-lines" class:hidden=move || unseen.get() == 0 on:click=press(to_bottom)>
            {move || if unseen.get() == 1 { "1 new line".to_owned() } else { format!("{} new lines", unseen.get()) }}
        </button>
    }
    .into_any()
}

#[component]
fn Said(line: Line, placed: Timestamp) -> impl IntoView {
    view! {
        <li class="said" data-speaker=line.speaker.as_str()>
            <p class="flex gap-2 text-xs text-muted">
                <span class="font-medium">{words::speaker(line.speaker)}</span>
                <span class="tabular-nums">{time::clock(placed, line.started_at)}</span>
                {line.interrupted.then_some("interrupted")}
            </p>
            <p class="said-text">{line.text.into_inner()}</p>
        </li>
    }
}
