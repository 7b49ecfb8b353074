//! `/history`: what happened, and why, for every call.
//!
//! The filter is a plain GET form and lives in the address, so that it works without JavaScript and can be sent around.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{Timestamp, civil::Date};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{
    NavigateOptions,
    components::A,
    hooks::{use_navigate, use_query_map},
};
use warmline_api::{
    CallPage,
    call::{CallView, EndReason, Phase},
};

use crate::{browser, page::PageData, texts::t, time::When, url, words};

const AROUND: usize = 60;

/// A cell; on a phone the row is a card, and each cell a line with its column's name.
const CELL: &str = "px-3 py-3 align-top max-md:flex max-md:justify-between max-md:gap-4 max-md:px-0 max-md:py-1 max-md:text-right max-md:before:shrink-0 max-md:before:text-muted max-md:before:content-[attr(data-label)]";

/// Which calls are shown, as the address has it. What is empty does not count.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filter {
    q: String,
    reason: String,
    phase: String,
    since: String,
    until: String,
    cursor: String,
}

impl Filter {
    /// From the parameters of the page's address. Words that are none of the contract's are left out.
    pub(crate) fn read(given: impl Fn(&str) -> Option<String>) -> Self {
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

    /// The query of the page itself, with its `?` unless it is empty.
    fn page_query(&self) -> String {
        query_string(&self.pairs())
    }

    /// The query of `GET /calls`: the same, but the API takes `until` for a moment that is no longer meant.
    pub(crate) fn calls_query(&self) -> String {
        Self { until: day_after(&self.until), ..self.clone() }.page_query()
    }

    /// Where the calls that fit are had as a file, from the newest on.
    fn export(&self, format: &'static str) -> String {
        let filter = Self { until: day_after(&self.until), cursor: String::new(), ..self.clone() };
        let mut pairs = vec![("format", format)];
        pairs.extend(filter.pairs());
        format!("/calls/export{}", query_string(&pairs))
    }

    /// The page that begins at `cursor`; at the newest call where it is empty.
    fn address(&self, cursor: &str) -> String {
        format!("/history{}", Self { cursor: cursor.to_owned(), ..self.clone() }.page_query())
    }

    fn is_narrow(&self) -> bool {
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

/// The day after a day; anything else as it is.
fn day_after(text: &str) -> String {
    let next = text.parse::<Date>().ok().filter(|_| text.len() == 10).and_then(|day| day.tomorrow().ok());
    next.map_or_else(|| text.to_owned(), |day| day.to_string())
}

/// `?a=1&b=2` of the pairs that are not empty; nothing where all are.
fn query_string(pairs: &[(&'static str, &str)]) -> String {
    let mut query = String::new();
    for (key, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(key);
        query.push('=');
        query.push_str(&url::encode(value));
    }
    query
}

/// The first line that contains what was searched for: who says it and what stands before, the hit, and what follows.
fn snippet(view: &CallView, q: &str) -> Option<(String, String, String)> {
    view.transcript.iter().find_map(|line| {
        let text = line.text.reveal().as_str();
        let (from, to) = find(text, q.trim())?;
        let before = format!("{}: {}", words::speaker(line.speaker), last_of(&text[..from]));
        Some((before, text[from..to].to_owned(), first_of(&text[to..])))
    })
}

/// Where `q` stands in the text, whatever its case; both ends are boundaries of characters.
fn find(text: &str, q: &str) -> Option<(usize, usize)> {
    let wanted: Vec<char> = q.chars().flat_map(char::to_lowercase).collect();
    if wanted.is_empty() {
        return None;
    }
    // One character may have several in lower case: each remembers where the whole began and ended.
    let mut folded = Vec::with_capacity(text.len());
    for (from, c) in text.char_indices() {
        folded.extend(c.to_lowercase().map(|low| (low, from, from + c.len_utf8())));
    }
    let hit = folded.windows(wanted.len()).find(|hit| hit.iter().map(|(low, ..)| low).eq(&wanted))?;
    Some((hit.first()?.1, hit.last()?.2))
}

fn last_of(text: &str) -> String {
    match text.char_indices().rev().nth(AROUND - 1) {
        Some((at, _)) if at > 0 => format!("…{}", &text[at..]),
        _ => text.to_owned(),
    }
}

fn first_of(text: &str) -> String {
    match text.char_indices().nth(AROUND) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Seconds as a clock shows them; a dash for none.
fn length(seconds: Option<f64>) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "whole seconds of a call")]
    let whole = seconds.map_or(0, |s| s.round() as i64);
    match Timestamp::from_second(whole) {
        Ok(to) if whole > 0 => words::clock(Timestamp::UNIX_EPOCH, to),
        _ => t().history_nothing.to_owned(),
    }
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

/// What was found, and what is being looked for.
#[derive(Clone, Copy)]
struct Found {
    /// The page that is shown, and the filter that it answers.
    page: RwSignal<Option<(Filter, CallPage)>>,
    loading: RwSignal<bool>,
    error: RwSignal<Option<String>>,
    /// Counts what was asked: of several answers the one to the last question counts.
    asked: StoredValue<u32>,
}

impl Found {
    fn new(first: Option<(Filter, CallPage)>) -> Self {
        Self {
            loading: RwSignal::new(first.is_none()),
            page: RwSignal::new(first),
            error: RwSignal::new(None),
            asked: StoredValue::new(0),
        }
    }

    fn ask(self, filter: Filter) {
        self.asked.update_value(|asked| *asked += 1);
        let number = self.asked.get_value();
        self.loading.set(true);
        browser::get(format!("/calls{}", filter.calls_query()), move |answer| {
            if self.asked.try_get_value() != Some(number) {
                return;
            }
            self.loading.set(false);
            match answer.map(|text| serde_json::from_str::<CallPage>(&text)) {
                Ok(Ok(page)) => {
                    self.error.set(None);
                    self.page.set(Some((filter, page)));
                }
                Ok(Err(_)) => self.error.set(Some(t().history_not_understood.to_owned())),
                Err(why) => self.error.set(Some(why)),
            }
        });
    }
}

/// What the server sent along: good for the page's first rendering, and stale when one comes back to it.
fn sent_along() -> Option<CallPage> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let stale = cfg!(target_arch = "wasm32") && TAKEN.swap(true, Ordering::Relaxed);
    use_context::<PageData>().and_then(|page| page.history).filter(|_| !stale)
}

/// `/history`.
#[component]
pub(crate) fn HistoryPage() -> impl IntoView {
    let query = use_query_map();
    let filter = Memo::new(move |_| query.with(|query| Filter::read(|key| query.get(key))));
    let first = sent_along().map(|page| (filter.get_untracked(), page));
    // The server takes a last day for its beginning.
    let known = first.is_some() && filter.with_untracked(|filter| day_after(&filter.until) == filter.until);
    let found = Found::new(first);
    Effect::new(move |before: Option<()>| {
        let filter = filter.get();
        if before.is_some() || !known {
            found.ask(filter);
        }
    });
    view! {
        <Title text=t().history_history/>
        <h1 class="text-2xl font-semibold tracking-tight">{t().history_history}</h1>
        <p class="mt-1 text-sm text-muted">{t().history_intro}</p>
        <FilterForm filter/>
        <div class="mt-6 mb-3 flex flex-wrap items-center justify-between gap-x-6 gap-y-2 text-sm">
            <p id="history-count" role="status" class="text-muted">
                {move || {
                    if found.loading.get() {
                        t().history_loading.to_owned()
                    } else {
                        found.page.with(|page| page.as_ref().map(|(_, page)| count(page)).unwrap_or_default())
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
                found.page.get().map(|(filter, page)| {
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
fn FilterForm(filter: Memo<Filter>) -> impl IntoView {
    let fields = Fields::new(filter.get_untracked());
    Effect::new(move |before: Option<()>| {
        let filter = filter.get();
        if before.is_some() {
            fields.show(filter);
        }
    });
    let navigate = use_navigate();
    let submit = Callback::new(move |()| {
        let options = NavigateOptions { scroll: false, ..NavigateOptions::default() };
        navigate(&fields.filter().address(""), options);
    });
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
            view! { <option value=value selected=value == start prop:selected=selected>{text}</option> }
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

/// There are no calls at all, or none that fit.
#[component]
fn Nothing(filter: Filter) -> impl IntoView {
    let (title, hint, to, link) = if filter.is_narrow() {
        (t().history_none_fit, t().history_none_fit_hint, "/history", t().history_clear)
    } else {
        (t().history_empty, t().history_empty_hint, "/", t().history_place)
    };
    view! {
        <div id="history-empty" class="rounded-xl border border-dashed border-line px-6 py-14 text-center">
            <p class="font-medium">{title}</p>
            <p class="mx-auto mt-1 max-w-sm text-sm text-muted">{hint}</p>
            <a class="button mt-6" href=to>{link}</a>
        </div>
    }
    .into_any()
}

/// The calls of one page. The roles say what the elements are where a style sheet makes cards of them.
#[component]
fn Calls(filter: Filter, page: CallPage) -> impl IntoView {
    let newest = (!filter.cursor.is_empty()).then(|| filter.address(""));
    let older = page.next_cursor.as_deref().map(|cursor| filter.address(cursor));
    let q = filter.q;
    let rows: Vec<_> = page.calls.into_iter().map(|call| view! { <Row call q=q.clone()/> }).collect();
    let head =
        |name: &'static str| view! { <th role="columnheader" scope="col" class="px-3 py-2 font-medium">{name}</th> };
    view! {
        <table role="table" class="w-full text-left text-sm max-md:block">
            <caption class="sr-only">{t().history_caption}</caption>
            <thead role="rowgroup" class="text-xs text-muted max-md:sr-only">
                <tr role="row">
                    {head(t().history_column_placed)}
                    {head(t().history_column_customer)}
                    {head(t().history_column_outcome)}
                    {head(t().history_column_talk)}
                    {head(t().history_column_hold)}
                    {head(t().history_column_human)}
                    {head(t().history_column_attempts)}
                </tr>
            </thead>
            <tbody id="history-list" role="rowgroup" class="max-md:grid max-md:gap-2">{rows}</tbody>
        </table>
        <nav aria-label=t().history_pages class="mt-4 flex gap-2 empty:hidden">
            {newest.map(|to| view! { <a id="newest" class="button" href=to>{t().history_newest}</a> })}
            {older.map(|to| view! { <a id="older" class="button" rel="next" href=to>{t().history_older}</a> })}
        </nav>
    }
    .into_any()
}

#[component]
fn Row(call: CallView, q: String) -> impl IntoView {
    let number = words::spaced(call.phone_number.reveal());
    let who = words::who(&call);
    let below = (who != number).then_some(number);
    let end = call.end.as_ref();
    let talk = length(end.map(|end| end.talk_s));
    let hold = length(end.map(|end| end.hold_s));
    let human = length(end.and_then(|end| end.time_to_human_s));
    let attempts = match call.attempts.last() {
        Some(last) => format!("{} · {}", call.attempts.len(), words::attempt(last.outcome, last.state)),
        None => t().history_nothing.to_owned(),
    };
    let escalated = call.escalation.is_some();
    let (id, at) = (call.call.to_string(), call.placed_at);
    let link = format!("/call/{id}");
    view! {
        <tr
            role="row"
            data-call=id
            class="relative border-t border-line hover:bg-sunken max-md:block max-md:rounded-xl max-md:border max-md:bg-surface max-md:px-4 max-md:py-2"
        >
            <td role="cell" class=CELL data-label=t().history_column_placed>
                <span class="whitespace-nowrap tabular-nums"><When at/></span>
            </td>
            <td role="cell" class=CELL data-label=t().history_column_customer>
                <div class="min-w-0">
                    <A href=link attr:class="font-medium tabular-nums after:absolute after:inset-0 after:content-['']">
                        {who}
                    </A>
                    <span class="block whitespace-nowrap text-muted tabular-nums empty:hidden">{below}</span>
                    {escalated.then(|| view! {
                        <span class="badge mt-1" data-tone="warn" data-escalated="">{t().history_escalated}</span>
                    })}
                </div>
            </td>
            <td role="cell" class=CELL data-label=t().history_column_outcome><Outcome call q/></td>
            <td role="cell" class=CELL data-label=t().history_column_talk><span class="tabular-nums">{talk}</span></td>
            <td role="cell" class=CELL data-label=t().history_column_hold><span class="tabular-nums">{hold}</span></td>
            <td role="cell" class=CELL data-label=t().history_column_human><span class="tabular-nums">{human}</span></td>
            <td role="cell" class=CELL data-label=t().history_column_attempts><span>{attempts}</span></td>
        </tr>
    }
    .into_any()
}

/// How the call ended, or where it is; and the line that was searched for.
#[component]
fn Outcome(call: CallView, q: String) -> impl IntoView {
    let said = snippet(&call, &q).map(|(before, hit, after)| {
        view! {
            <p class="mt-1 wrap-anywhere text-muted" data-snippet="">{before}<mark>{hit}</mark>{after}</p>
        }
    });
    let what = match call.end {
        Some(end) => {
            let plain = words::end(end.reason);
            let detail = (end.detail != plain).then_some(end.detail);
            view! {
                <p>{plain}</p>
                <p class="text-muted empty:hidden">{detail}</p>
            }
            .into_any()
        }
        None => view! {
            <span class="badge" data-phase=call.phase.as_str() data-tone=words::tone(call.phase)>
                <span class="dot" aria-hidden="true"></span>
                {words::phase(call.phase)}
            </span>
        }
        .into_any(),
    };
    view! { <div class="min-w-0 md:max-w-[44ch]">{what} {said}</div> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use warmline_api::call::{CallId, Event, Line, Recorded, Side, Speaker};

    fn filter(pairs: &[(&str, &str)]) -> Filter {
        Filter::read(|key| pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned()))
    }

    fn view(said: &[&str]) -> CallView {
        let event = Event::CallPlaced {
            phone_number: "+15550100001".into(),
            name: None,
            language: "en".into(),
            emotion: "Calm".into(),
            has_dynamic_instruction: false,
            escalation_enabled: true,
        };
        let placed = Recorded { seq: 1, call: CallId::from_bits(1), at: Timestamp::UNIX_EPOCH, event };
        let mut view = CallView::placed(&placed).unwrap();
        view.transcript = (0..)
            .zip(said)
            .map(|(utterance, text)| Line {
                utterance,
                side: Side::Call,
                speaker: Speaker::Customer,
                text: (*text).into(),
                started_at: Timestamp::UNIX_EPOCH,
                ended_at: None,
                interrupted: false,
                r#final: true,
            })
            .collect();
        view
    }

    #[test]
    fn the_address_holds_what_is_known_and_not_empty() {
        assert_eq!(filter(&[]).page_query(), "");
        assert_eq!(filter(&[("q", " "), ("reason", ""), ("page", "2")]).page_query(), "");
        assert_eq!(filter(&[("reason", "bored"), ("phase", "asleep")]).page_query(), "");
        let all = filter(&[("q", "a&b ü+1"), ("reason", "busy"), ("phase", "ended"), ("cursor", "12_a")]);
        assert_eq!(all.page_query(), "?q=a%26b%20%C3%BC%2B1&reason=busy&phase=ended&cursor=12_a");
        assert_eq!(all.address(""), "/history?q=a%26b%20%C3%BC%2B1&reason=busy&phase=ended");
        assert_eq!(all.address("9"), "/history?q=a%26b%20%C3%BC%2B1&reason=busy&phase=ended&cursor=9");
        assert!(all.is_narrow());
        assert!(!filter(&[("cursor", "9")]).is_narrow());
    }

    #[test]
    fn the_last_day_is_meant_too() {
        let days = filter(&[("since", "2026-11-01"), ("until", "2026-11-30"), ("cursor", "9")]);
        assert_eq!(days.page_query(), "?since=2026-11-01&until=2026-11-30&cursor=9");
        assert_eq!(days.calls_query(), "?since=2026-11-01&until=2026-12-01&cursor=9");
        assert_eq!(days.export("csv"), "/calls/export?format=csv&since=2026-11-01&until=2026-12-01");
        assert_eq!(day_after("2026-11-30T10:00:00Z"), "2026-11-30T10:00:00Z");
        assert_eq!(day_after(""), "");
    }

    #[test]
    fn the_first_line_that_fits_is_shown_whatever_its_case() {
        let part = |before: &str, hit: &str, after: &str| Some((before.to_owned(), hit.to_owned(), after.to_owned()));
        let view = view(&["Hello.", "My PARCEL is lost, my parcel!", "ÄRGER im İstanbul büro"]);
        assert_eq!(snippet(&view, " parcel "), part("Customer: My ", "PARCEL", " is lost, my parcel!"));
        assert_eq!(snippet(&view, "ärger IM"), part("Customer: ", "ÄRGER im", " İstanbul büro"));
        assert_eq!(snippet(&view, "stanbul BÜ"), part("Customer: ÄRGER im İ", "stanbul bü", "ro"));
        assert_eq!(snippet(&view, "refund"), None);
        assert_eq!(snippet(&view, " "), None);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let long = format!("{}hit{}", "ü".repeat(100), "ö".repeat(100));
        let (before, hit, after) = snippet(&view(&[&long]), "HIT").unwrap();
        assert_eq!(before, format!("Customer: …{}", "ü".repeat(AROUND)));
        assert_eq!((hit.as_str(), after), ("hit", format!("{}…", "ö".repeat(AROUND))));
    }

    #[test]
    fn lengths_read_as_clocks_and_none_is_a_dash() {
        for (seconds, text) in [(None, "–"), (Some(0.0), "–"), (Some(64.6), "1:05"), (Some(3723.0), "1:02:03")] {
            assert_eq!(length(seconds), text);
        }
    }
}
