//! Moments as people read them.

use jiff::{Timestamp, civil::DateTime, tz::Offset};
use leptos::prelude::*;

use crate::browser;

/// A moment: UTC as the server renders it, in the viewer's own zone from then on.
#[component]
pub(crate) fn When(at: Timestamp) -> impl IntoView {
    let text = RwSignal::new(utc(at));
    browser::when_hydrated(move || text.set(browser::local_time(at)));
    view! { <time class="tabular-nums whitespace-nowrap" datetime=iso(at)>{move || text.get()}</time> }
}

/// `2026-11-22 23:41 UTC`.
pub(crate) fn utc(at: Timestamp) -> String {
    let at = Offset::UTC.to_datetime(at);
    format!("{} {:02}:{:02} UTC", day(at), at.hour(), at.minute())
}

/// `2026-11-22T23:41:30Z`, for programs.
fn iso(at: Timestamp) -> String {
    let at = Offset::UTC.to_datetime(at);
    format!("{}T{:02}:{:02}:{:02}Z", day(at), at.hour(), at.minute(), at.second())
}

fn day(at: DateTime) -> String {
    format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day())
}

/// `0:07`, `12:30`, `1:02:03`; never negative.
pub(crate) fn clock(from: Timestamp, to: Timestamp) -> String {
    length(to.duration_since(from).as_secs())
}

/// Seconds as a clock shows them.
pub(crate) fn length(seconds: i64) -> String {
    let s = seconds.max(0);
    match s / 3600 {
        0 => format!("{}:{:02}", s / 60, s % 60),
        hours => format!("{hours}:{:02}:{:02}", s / 60 % 60, s % 60),
    }
}

/// Seconds, as `42 s`, `3 min 5 s` or `1 h 2 min`.
pub(crate) fn span(seconds: f64) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "seconds of a call")]
    let s = seconds.round().max(0.0) as i64;
    match (s / 3600, s / 60 % 60, s % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_short_as_they_can_be() {
        for (s, text) in [(0.4, "0 s"), (42.0, "42 s"), (60.0, "1 min"), (185.2, "3 min 5 s"), (3_720.0, "1 h 2 min")] {
            assert_eq!(span(s), text);
        }
    }

    #[test]
    fn a_moment_is_utc_before_the_browser_has_it() {
        let at = "2026-11-22T23:41:30Z".parse().unwrap();
        assert_eq!((utc(at), iso(at)), ("2026-11-22 23:41 UTC".to_owned(), "2026-11-22T23:41:30Z".to_owned()));
    }

    #[test]
    fn a_clock_counts_up_and_never_below_zero() {
        let at = |s| Timestamp::from_second(s).unwrap();
        for (s, text) in [(-5, "0:00"), (7, "0:07"), (750, "12:30"), (3723, "1:02:03")] {
            assert_eq!(clock(at(0), at(s)), text);
        }
    }
}
