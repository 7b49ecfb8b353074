//! The calls in the order of need.

use leptos::prelude::*;
use warmline_api::call::{CallView, Phase, PhoneNumber, Side};

use crate::{
    me::Me,
    store::{Entry, Store},
    texts::t,
    time,
    ui::{Show, memo},
    words,
};

/// Which calls a board shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) show: Subset,
    /// Looked for in name, number and what was said, upper or lower case.
    pub(crate) q: String,
}

/// The filters with a name of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Subset {
    #[default]
    All,
    Waiting,
    Open,
    Ended,
}

impl Subset {
    pub(crate) const ALL: [Self; 4] = [Self::All, Self::Waiting, Self::Open, Self::Ended];

    /// As it stands in an address.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Waiting => "waiting",
            Self::Open => "open",
            Self::Ended => "ended",
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|show| show.as_str() == text).unwrap_or_default()
    }

    fn fits(self, view: &CallView) -> bool {
        match self {
            Self::All => true,
            Self::Waiting => words::waiting_since(view).is_some(),
            Self::Open => view.end.is_none(),
            Self::Ended => view.end.is_some(),
        }
    }
}

impl Filter {
    /// Whether a call is shown.
    pub(crate) fn fits(&self, view: &CallView) -> bool {
        self.show.fits(view) && (self.q.is_empty() || contains(view, &self.q.to_lowercase()))
    }
}

/// Whether a text in lower case is found in a call.
fn contains(view: &CallView, q: &str) -> bool {
    let digits: String = q.chars().filter(char::is_ascii_digit).collect();
    let found = |text: &str| text.to_lowercase().contains(q);
    view.name.as_ref().is_some_and(|name| found(name.reveal()))
        || (!digits.is_empty() && view.phone_number.reveal().contains(&digits))
        || view.transcript.iter().any(|line| found(line.text.reveal()))
}

/// The calls that fit. `link` makes a row's address of a call's id; `chosen` is the call that is shown beside.
#[component]
pub(crate) fn Board(
    #[prop(optional)] filter: Option<Memo<Filter>>,
    #[prop(optional)] chosen: Option<Memo<String>>,
    #[prop(into)] link: Callback<String, String>,
) -> impl IntoView {
    let (t, store) = (t(), expect_context::<Store>());
    let filtered = move || filter.map(|f| f.get()).unwrap_or_default();
    let order = memo(move || {
        let filter = filtered();
        store.by_need().into_iter().filter(|c| c.view.with(|view| filter.fits(view))).collect::<Vec<_>>()
    });
    let open = memo(move || order.get().iter().filter(|c| c.view.with(|v| v.end.is_none())).count());
    let is_filtered = move || filter.is_some_and(|f| f.get() != Filter::default());
    view! {
        <section aria-labelledby="board-title" class="min-w-0">
            <div class="mb-3 flex items-baseline justify-between gap-4">
                <h2 id="board-title" class="text-lg font-semibold tracking-tight">{t.board_title}</h2>
                <p class="text-sm text-muted" aria-live="polite">
                    {move || match open.get() {
                        0 => "none open".to_owned(),
                        n => format!("{n} open"),
                    }}
                </p>
            </div>
            <Show when=move || order.with(Vec::is_empty)>
                <div class="rounded-xl border border-dashed border-line px-6 py-14 text-center">
                    <Show when=is_filtered fallback=move || view! {
                        <p class="font-medium">{t.board_none}</p>
                        <p class="mx-auto mt-1 max-w-sm text-sm text-muted">{t.board_about}</p>
                    }>
                        <p class="text-muted">{t.board_none_fit}</p>
                    </Show>
                </div>
            </Show>
            <ul id="board" class="grid gap-2">
                <For each=move || order.get() key=|call| call.id.clone() let:call>
                    <Row call chosen link/>
                </For>
            </ul>
        </section>
    }
    .into_any()
}

#[component]
fn Row(call: Entry, chosen: Option<Memo<String>>, link: Callback<String, String>) -> impl IntoView {
    let me: Me = expect_context();
    let view = call.view;
    let (of, of_line, of_people) = (view.clone(), view.clone(), view.clone());
    let phase = memo(move || of.with(|v| v.phase));
    let last = memo(move || of_line.with(last_line));
    let people = memo(move || of_people.with(|v| words::people(v, &me.name())));
    let shown = view.get_untracked();
    let number = PhoneNumber::spaced(shown.phone_number.reveal());
    let who = words::who(&shown);
    let below = (who != number).then_some(number);
    let id = StoredValue::new(call.id.to_string());
    let is_chosen = move || chosen.is_some_and(|chosen| id.with_value(|id| chosen.with(|c| c == id)));
    view! {
        <li class="row" data-call=call.id.to_string() data-tone=move || words::tone(phase.get()) data-chosen=move || is_chosen().then_some("")>
            <a href=link.run(call.id.to_string()) class="row-link" aria-current=move || is_chosen().then_some("true")>
                <span class="min-w-0">
                    <span class="block truncate font-medium tabular-nums">{who}</span>
                    <span class="block truncate text-sm text-muted tabular-nums">{below}</span>
                </span>
                <span class="flex items-center justify-end gap-3">
                    <PhaseBadge phase/>
                    <span class="w-12 text-right"><PhaseClock view/></span>
                </span>
                <span class="col-span-full truncate text-sm text-muted" class:hidden=move || last.with(String::is_empty)>{move || last.get()}</span>
                <span class="col-span-full truncate text-xs text-calm" class:hidden=move || people.with(String::is_empty)>{move || people.get()}</span>
            </a>
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

/// The time since the phase began, or since somebody waits for a human (amber, then red); of an ended call, how long was
/// talked.
#[component]
pub(crate) fn PhaseClock(view: ArcRwSignal<CallView>) -> impl IntoView {
    let store: Store = expect_context();
    let clock = memo(move || {
        view.with(|v| match &v.end {
            Some(end) => {
                #[allow(clippy::cast_possible_truncation, reason = "whole seconds of a call")]
                let talked = end.talk_s as i64;
                (time::length(talked), "quiet")
            }
            None => {
                let (waiting, now) = (words::waiting_since(v), store.now.get());
                let tone = waiting.map_or("quiet", |since| words::patience(since, now));
                (time::clock(waiting.unwrap_or(v.phase_since), now), tone)
            }
        })
    });
    view! { <span class="clock" data-tone=move || clock.get().1>{move || clock.get().0}</span> }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::placed;

    fn call() -> CallView {
        let mut view = CallView::placed(&placed(1, 1)).unwrap();
        view.name = Some("Ada Lovelace".into());
        view
    }

    #[test]
    fn a_call_is_found_by_name_and_number_and_shown_by_what_it_does() {
        let mut view = call();
        let fits = |view: &CallView, show: Subset, q: &str| Filter { show, q: q.to_owned() }.fits(view);
        for q in ["", "lovel", "555 010", "+1 555"] {
            assert!(fits(&view, Subset::All, q), "{q}");
        }
        assert!(!fits(&view, Subset::All, "grace"));
        assert!(fits(&view, Subset::Open, "") && !fits(&view, Subset::Ended, "") && !fits(&view, Subset::Waiting, ""));
        view.phase = Phase::OnHold;
        assert!(fits(&view, Subset::Waiting, ""));
    }
}
