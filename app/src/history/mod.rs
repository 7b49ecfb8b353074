//! `/history`: what happened, and why, for every call.
//!
//! The filter is a plain GET form and lives in the address, so that it works without JavaScript and can be sent around.

mod filter;
mod table;

use leptos::prelude::*;
use warmline_api::CallPage;

use self::{
    filter::{Filter, FilterForm},
    table::{Calls, Nothing},
};
use crate::{
    address::Here,
    fetched::{Fetched, sent_along},
    texts::t,
    ui::memo,
};

/// `/history`.
#[component]
pub(crate) fn HistoryPage() -> impl IntoView {
    let here: Here = expect_context();
    let filter = memo(move || here.with(|address| Filter::read(|key| address.get(key).map(str::to_owned))));
    let first = sent_along(|page| page.history).map(|page| (filter.get_untracked(), page));
    let known = first.is_some();
    // The page that is shown, and the filter that it answers.
    let found = Fetched::new(first);
    Effect::new(move |before: Option<()>| {
        let filter = filter.get();
        if before.is_some() || !known {
            found.ask(format!("/calls{}", filter.query()), move |page: CallPage| (filter, page));
        }
    });
    view! {
        <h1 class="text-2xl font-semibold tracking-tight">{t().history_history}</h1>
        <p class="mt-1 text-sm text-muted">{t().history_intro}</p>
        <FilterForm filter/>
        <div class="mt-6 mb-3 flex flex-wrap items-center justify-between gap-x-6 gap-y-2 text-sm">
            <p id="history-count" role="status" class="text-muted">
                {move || {
                    if found.loading.get() {
                        t().history_loading.to_owned()
                    } else {
                        found.value.with(|page| page.as_ref().map(|(_, page)| count(page)).unwrap_or_default())
                    }
                }}
            </p>
            <p class="flex items-center gap-2">
                <span class="text-muted">{t().history_export}</span>
                <a id="export-csv" class="button" href=move || filter.get().export("csv") rel="external" download="">{t().history_export_csv}</a>
                <a id="export-json" class="button" href=move || filter.get().export("json") rel="external" download="">{t().history_export_json}</a>
            </p>
        </div>
        <p id="history-error" role="alert" class="error mb-3 empty:hidden">{move || found.error.get()}</p>
        <div class="aria-busy:opacity-60" aria-busy=move || found.loading.get().to_string()>
            {move || {
                found.value.get().map(|(filter, page)| {
                    if page.calls.is_empty() {
                        view! { <Nothing filter/> }.into_any()
                    } else {
                        view! { <Calls filter page/> }.into_any()
                    }
                })
            }}
        </div>
    }
    .into_any()
}

/// How many calls stand on the page, and whether there are more.
fn count(page: &CallPage) -> String {
    let count = match page.calls.len() {
        0 => t().history_none_found.to_owned(),
        1 => t().history_one_found.to_owned(),
        n => format!("{n} {}", t().history_calls_found),
    };
    if page.next_cursor.is_some() { format!("{count}, {}", t().history_more_follow) } else { count }
}
