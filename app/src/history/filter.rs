//! Which calls are shown: in the address, and in the form above them.

use leptos::prelude::*;
use warmline_api::call::{EndReason, Phase};

use crate::{
    address::{Here, Step, encode},
    texts::t,
    ui::Show,
    words,
};

/// Which calls are shown, as the address has it. What is empty does not count.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Filter {
    pub(super) q: String,
    reason: String,
    phase: String,
    since: String,
    until: String,
    pub(super) cursor: String,
}

impl Filter {
    /// From the parameters of the page's address. Words that are none of the contract's are left out.
    pub(super) fn read(given: impl Fn(&str) -> Option<String>) -> Self {
        let text = |key: &str| given(key).map(|text| text.trim().to_owned()).unwrap_or_default();
        let reason = text("reason");
        let phase = text("phase");
        Self {
            q: text("q"),
            reason: if reason.parse::<EndReason>().is_ok() { reason } else { String::new() },
            phase: if phase.parse::<Phase>().is_ok() { phase } else { String::new() },
            since: text("since"),
            until: text("until"),
            cursor: text("cursor"),
        }
    }

    /// The query of the page, and of `GET /calls`, with its `?` unless it is empty.
    pub(super) fn query(&self) -> String {
        query_string(&self.pairs())
    }

    /// Where the calls that fit are had as a file, from the newest on.
    pub(super) fn export(&self, format: &'static str) -> String {
        let filter = Self { cursor: String::new(), ..self.clone() };
        let mut pairs = vec![("format", format)];
        pairs.extend(filter.pairs());
        format!("/calls/export{}", query_string(&pairs))
    }

    /// The page that begins at `cursor`; at the newest call where it is empty.
    pub(super) fn address(&self, cursor: &str) -> String {
        format!("/history{}", Self { cursor: cursor.to_owned(), ..self.clone() }.query())
    }

    pub(super) fn is_narrow(&self) -> bool {
        Self { cursor: String::new(), ..self.clone() } != Self::default()
    }

    fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("q", &self.q),
            ("reason", &self.reason),
            ("phase", &self.phase),
            ("since", &self.since),
            ("until", &self.until),
            ("cursor", &self.cursor),
        ]
    }
}

/// `?a=1&b=2` of the pairs that are not empty; nothing where all are.
fn query_string(pairs: &[(&'static str, &str)]) -> String {
    let mut query = String::new();
    for (key, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(key);
        query.push('=');
        query.push_str(&encode(value));
    }
    query
}

/// What stands in the filter's fields.
#[derive(Clone, Copy)]
struct Fields {
    q: RwSignal<String>,
    reason: RwSignal<String>,
    phase: RwSignal<String>,
    since: RwSignal<String>,
    until: RwSignal<String>,
}

impl Fields {
    fn new(filter: Filter) -> Self {
        Self {
            q: RwSignal::new(filter.q),
            reason: RwSignal::new(filter.reason),
            phase: RwSignal::new(filter.phase),
            since: RwSignal::new(filter.since),
            until: RwSignal::new(filter.until),
        }
    }

    /// After a link or the browser's back button the fields follow the address.
    fn show(self, filter: Filter) {
        self.q.set(filter.q);
        self.reason.set(filter.reason);
        self.phase.set(filter.phase);
        self.since.set(filter.since);
        self.until.set(filter.until);
    }

    /// What they ask for, from the newest call on.
    fn filter(self) -> Filter {
        let fields = [
            ("q", self.q),
            ("reason", self.reason),
            ("phase", self.phase),
            ("since", self.since),
            ("until", self.until),
        ];
        Filter::read(|key| fields.iter().find(|(name, _)| *name == key).map(|(_, field)| field.get_untracked()))
    }
}

/// The filter. A change of a choice counts at once, what is typed with the Enter key.
#[component]
pub(super) fn FilterForm(filter: Memo<Filter>) -> impl IntoView {
    let fields = Fields::new(filter.get_untracked());
    Effect::new(move |before: Option<()>| {
        let filter = filter.get();
        if before.is_some() {
            fields.show(filter);
        }
    });
    let here: Here = expect_context();
    let submit = Callback::new(move |()| here.go(&fields.filter().address(""), Step::Forward));
    let reasons: Vec<_> = EndReason::ALL.iter().map(|reason| (reason.as_str(), words::end(*reason))).collect();
    let phases: Vec<_> = Phase::ALL.iter().map(|phase| (phase.as_str(), words::phase(*phase))).collect();
    view! {
        <form
            id="history-filter"
            method="get"
            action="/history"
            role="search"
            aria-label=t().history_filter
            class="card mt-5 grid items-end gap-3 sm:grid-cols-2 lg:grid-cols-[minmax(0,1.6fr)_repeat(4,minmax(0,1fr))_auto]"
            on:submit=move |event| {
                event.prevent_default();
                submit.run(());
            }
        >
            <label class="block min-w-0">
                <span class="label">{t().history_search}</span>
                <input class="input" type="search" name="q" maxlength="200" autocomplete="off" placeholder=t().history_search_hint value=fields.q.get_untracked() bind:value=fields.q/>
            </label>
            <FilterChoice name="reason" label=t().history_reason all=reasons chosen=fields.reason submit/>
            <FilterChoice name="phase" label=t().history_phase all=phases chosen=fields.phase submit/>
            <FilterDay name="since" label=t().history_since chosen=fields.since submit/>
            <FilterDay name="until" label=t().history_until chosen=fields.until submit/>
            <button class="button" type="submit">{t().history_search}</button>
            <Show when=move || filter.with(Filter::is_narrow)>
                <a id="clear-filters" class="col-span-full justify-self-start text-sm text-accent underline" href="/history">{t().history_clear}</a>
            </Show>
        </form>
    }
    .into_any()
}

#[component]
fn FilterChoice(
    name: &'static str,
    label: &'static str,
    /// What goes into the address, and what is shown.
    all: Vec<(&'static str, &'static str)>,
    chosen: RwSignal<String>,
    submit: Callback<()>,
) -> impl IntoView {
    let start = chosen.get_untracked();
    let options: Vec<_> = std::iter::once(("", t().history_any))
        .chain(all)
        .map(|(value, text)| {
            let selected = move || chosen.with(|chosen| chosen == value);
            view! { <option value=value selected=value == start prop:selected=selected>{text}</option> }.into_any()
        })
        .collect();
    view! {
        <label class="block min-w-0">
            <span class="label">{label}</span>
            <select
                class="input"
                name=name
                on:change:target=move |event| {
                    chosen.set(event.target().value());
                    submit.run(());
                }
            >
                {options}
            </select>
        </label>
    }
    .into_any()
}

#[component]
fn FilterDay(name: &'static str, label: &'static str, chosen: RwSignal<String>, submit: Callback<()>) -> impl IntoView {
    view! {
        <label class="block min-w-0">
            <span class="label">{label}</span>
            <input
                class="input"
                type="date"
                name=name
                value=chosen.get_untracked()
                prop:value=chosen
                on:change:target=move |event| {
                    let day = event.target().value();
                    // While a year is being typed it passes through the first centuries.
                    let whole = day.is_empty() || day.as_str() >= "2000";
                    chosen.set(day);
                    if whole {
                        submit.run(());
                    }
                }
            />
        </label>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(pairs: &[(&str, &str)]) -> Filter {
        Filter::read(|key| pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_address_holds_what_is_known_and_not_empty() {
        assert_eq!(filter(&[]).query(), "");
        assert_eq!(filter(&[("q", " "), ("reason", ""), ("page", "2")]).query(), "");
        assert_eq!(filter(&[("reason", "bored"), ("phase", "asleep")]).query(), "");
        let all = filter(&[("q", "a&b ü+1"), ("reason", "busy"), ("phase", "ended"), ("cursor", "12_a")]);
        assert_eq!(all.query(), "?q=a%26b%20%C3%BC%2B1&reason=busy&phase=ended&cursor=12_a");
        assert_eq!(all.address(""), "/history?q=a%26b%20%C3%BC%2B1&reason=busy&phase=ended");
        assert_eq!(all.address("9"), "/history?q=a%26b%20%C3%BC%2B1&reason=busy&phase=ended&cursor=9");
        assert!(all.is_narrow());
        assert!(!filter(&[("cursor", "9")]).is_narrow());
    }

    #[test]
    fn a_file_has_the_calls_of_all_pages() {
        let days = filter(&[("since", "2026-11-01"), ("until", "2026-11-30"), ("cursor", "9")]);
        assert_eq!(days.query(), "?since=2026-11-01&until=2026-11-30&cursor=9");
        assert_eq!(days.export("csv"), "/calls/export?format=csv&since=2026-11-01&until=2026-11-30");
    }
}
