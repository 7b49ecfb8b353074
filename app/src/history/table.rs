//! The calls that were found, a page at a time.

use leptos::prelude::*;
use warmline_api::{CallPage, PhoneNumber, call::CallView};

use super::filter::Filter;
use crate::{
    texts::t,
    time::{self, When},
    words,
};

/// Characters on either side of what was searched for.
const AROUND: usize = 60;

/// A cell; on a phone the row is a card, and each cell a line with its column's name.
const CELL: &str = "px-3 py-3 align-top max-md:flex max-md:justify-between max-md:gap-4 max-md:px-0 max-md:py-1 max-md:text-right max-md:before:shrink-0 max-md:before:text-muted max-md:before:content-[attr(data-label)]";

/// There are no calls at all, or none that fit.
#[component]
pub(super) fn Nothing(filter: Filter) -> impl IntoView {
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
pub(super) fn Calls(filter: Filter, page: CallPage) -> impl IntoView {
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
            {newest.map(|to| view! { <a id="newest" class="button" href=to>{t().history_newest}</a> }.into_any())}
            {older.map(|to| view! { <a id="older" class="button" rel="next" href=to>{t().history_older}</a> }.into_any())}
        </nav>
    }
    .into_any()
}

#[component]
fn Row(call: CallView, q: String) -> impl IntoView {
    let number = PhoneNumber::spaced(call.phone_number.reveal());
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
                    <a href=link class="font-medium tabular-nums after:absolute after:inset-0 after:content-['']">
                        {who}
                    </a>
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
        Some(end) => view! {
            <p>{words::end(end.reason)}</p>
            <p class="text-muted empty:hidden">{words::more_of(&end)}</p>
        }
        .into_any(),
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
    if whole > 0 { time::length(whole) } else { t().history_nothing.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::placed;
    use jiff::Timestamp;
    use warmline_api::call::{Line, Side, Speaker};

    fn view(said: &[&str]) -> CallView {
        let mut view = CallView::placed(&placed(1, 1)).unwrap();
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
