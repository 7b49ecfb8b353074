//! The numbers that were dialled from this browser lately.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use warmline_api::PhoneNumber;

use super::{Draft, keep, kept};
use crate::{
    browser,
    texts::t,
    ui::{Show, press},
};

/// Where this browser keeps them.
const KEY: &str = "warmline.recent";

const MOST: usize = 8;

/// A number that was dialled, and who that was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Recent {
    phone: String,
    #[serde(default)]
    name: String,
}

/// The latest first, each number once.
fn with(mut list: Vec<Recent>, latest: Recent) -> Vec<Recent> {
    list.retain(|recent| recent.phone != latest.phone);
    list.insert(0, latest);
    list.truncate(MOST);
    list
}

/// Keeps a number that was dialled just now.
pub(super) fn remember(phone: String, name: String) {
    keep(KEY, &with(kept(KEY), Recent { phone, name }));
}

/// Offers them to the number's field, and as buttons that fill in number and name.
#[component]
pub(super) fn RecentNumbers(draft: Draft) -> impl IntoView {
    let recent = RwSignal::new(Vec::<Recent>::new());
    browser::when_hydrated(move || recent.set(kept(KEY)));
    let offers = move || {
        let offer = |recent: Recent| view! { <option value=recent.phone>{recent.name}</option> };
        recent.get().into_iter().map(offer).collect_view()
    };
    let chips = move || recent.get().into_iter().map(|recent| view! { <Chip recent draft/> }).collect_view();
    view! {
        <datalist id="recent-numbers">{offers}</datalist>
        <Show when=move || recent.with(|recent| !recent.is_empty())>
            <ul id="recent" aria-label=t().form_recent class="mt-1.5 flex gap-1.5 overflow-x-auto p-0.5">{chips}</ul>
        </Show>
    }
    .into_any()
}

#[component]
fn Chip(recent: Recent, draft: Draft) -> impl IntoView {
    let number = PhoneNumber::spaced(&recent.phone);
    let shown = if recent.name.is_empty() { number.clone() } else { recent.name.clone() };
    let fill = move || {
        draft.phone.set(recent.phone.clone());
        draft.name.set(recent.name.clone());
        draft.touched.set(true);
    };
    view! {
        <li class="shrink-0">
            <button type="button" class="max-w-40 truncate rounded-full border border-line bg-sunken px-2.5 py-1 text-xs tabular-nums hover:border-edge" title=number on:click=press(fill)>
                {shown}
            </button>
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent(phone: &str, name: &str) -> Recent {
        Recent { phone: phone.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn the_latest_number_stands_first_and_once() {
        let mut list = Vec::new();
        for n in 0..10 {
            list = with(list, recent(&format!("+1555010000{n}"), ""));
        }
        list = with(list, recent("+15550100005", "Ada"));
        assert_eq!(list.len(), MOST);
        assert_eq!(list[0], recent("+15550100005", "Ada"));
        assert_eq!(list[1].phone, "+15550100009");
        assert_eq!(list.iter().filter(|r| r.phone == "+15550100005").count(), 1);
    }
}
