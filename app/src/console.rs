//! The supervisor's console: who needs what on the left, one call in full beside it.

use leptos::prelude::*;

use crate::{
    address::{Here, Step, encode},
    board::{Board, Filter, Subset},
    browser,
    call::Call,
    keys::{Keys, Shortcut},
    store::{Entry, Store},
    texts::t,
    ui::memo,
    words,
};

/// `/console?call=…&show=…&q=…`.
#[component]
pub(crate) fn Console() -> impl IntoView {
    let (t, store, keys) = (t(), expect_context::<Store>(), expect_context::<Keys>());
    let here: Here = expect_context();
    let filter = memo(move || Filter { show: Subset::parse(&here.get("show")), q: here.get("q") });
    let asked = memo(move || here.get("call"));
    let (calls, views) = (store.clone(), store.clone());
    // Without a choice whoever waits the longest is shown, and then stays until the call is over and somebody else waits.
    let chosen = Memo::new(move |before: Option<&String>| {
        let asked = asked.get();
        if !asked.is_empty() {
            return asked;
        }
        let calls = calls.by_need();
        let before = before.cloned().unwrap_or_default();
        let lives = |c: &Entry| c.id.as_str() == before && c.view.with(|v| v.end.is_none());
        let waits = |c: &&Entry| c.view.with(|v| words::waiting_since(v).is_some());
        if calls.iter().any(lives) {
            return before;
        }
        calls.iter().find(waits).map_or(before, |call| call.id.to_string())
    });
    let view = memo(move || views.call(&chosen.get()));
    let link = Callback::new(move |id: String| address(&id, &filter.get_untracked()));
    for (shortcut, by) in [(Shortcut::Next, 1), (Shortcut::Previous, -1)] {
        let store = store.clone();
        keys.on(shortcut, move || {
            let filter = filter.get_untracked();
            let ids: Vec<String> = untrack(|| {
                let fit = store.by_need().into_iter().filter(|c| c.view.with(|view| filter.fits(view)));
                fit.map(|c| c.id.to_string()).collect()
            });
            let at = ids.iter().position(|id| *id == chosen.get_untracked());
            let next = at.map_or(Some(0), |at| at.checked_add_signed(by));
            if let Some(id) = next.and_then(|next| ids.get(next)) {
                here.go(&address(id, &filter), Step::InPlace);
            }
        });
    }
    keys.on(Shortcut::Search, || browser::focus("console-q"));
    let find = move |text: String| {
        let filter = Filter { q: text.trim().to_owned(), ..filter.get_untracked() };
        here.go(&address(&asked.get_untracked(), &filter), Step::InPlace);
    };
    view! {
        <h1 class="sr-only">{t.console_title}</h1>
        <div class="grid items-start gap-8 lg:grid-cols-[minmax(20rem,25rem)_1fr]">
            <div class="min-w-0" class=("max-lg:hidden", move || !asked.with(String::is_empty))>
                <Filters filter asked find/>
                <Board filter chosen link/>
            </div>
            <div class="min-w-0" class=("max-lg:hidden", move || asked.with(String::is_empty))>
                <a href="/console" class="link mb-3 inline-block lg:hidden">{t.board_title}</a>
                {move || match view.get() {
                    Some(view) => view! { <Call view/> }.into_any(),
                    None => view! { <p class="rounded-xl border border-dashed border-line px-6 py-24 text-center text-muted">{t.console_pick}</p> }.into_any(),
                }}
            </div>
        </div>
    }
    .into_any()
}

/// Chips for the usual questions, and a field for all others; all of it in the address.
#[component]
fn Filters(
    filter: Memo<Filter>,
    asked: Memo<String>,
    find: impl Fn(String) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let t = t();
    let label = |kind| match kind {
        Subset::All => t.show_all,
        Subset::Waiting => t.show_waiting,
        Subset::Open => t.show_open,
        Subset::Ended => t.show_ended,
    };
    let chips = Subset::ALL
        .into_iter()
        .map(|kind| {
            let href = move || address(&asked.get(), &Filter { show: kind, q: filter.with(|f| f.q.clone()) });
            let current = move || filter.with(|f| f.show == kind).then_some("true");
            view! { <a href=href class="chip" aria-current=current>{label(kind)}</a> }.into_any()
        })
        .collect_view();
    view! {
        <form method="get" action="/console" role="search" class="mb-5 grid gap-3" on:submit=|event| event.prevent_default()>
            <input
                id="console-q"
                class="input"
                type="search"
                name="q"
                aria-label=t.console_find
                placeholder=t.console_find
                value=filter.with_untracked(|f| f.q.clone())
                on:input:target=move |event| find(event.target().value())
            />
            <nav class="flex flex-wrap gap-1.5" aria-label=t.board_title>{chips}</nav>
        </form>
    }
    .into_any()
}

/// The console's address with that call and those filters.
fn address(call: &str, filter: &Filter) -> String {
    let fields = [("call", call), ("show", filter.show.as_str()), ("q", &filter.q)];
    let given: Vec<_> = fields
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    if given.is_empty() { "/console".to_owned() } else { format!("/console?{}", given.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choice_and_filters_live_in_the_address() {
        assert_eq!(address("", &Filter::default()), "/console");
        let filter = Filter { show: Subset::Waiting, q: "a b".to_owned() };
        assert_eq!(address("outbound-1", &filter), "/console?call=outbound-1&show=waiting&q=a%20b");
    }
}
