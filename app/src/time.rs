//! Moments as people read them.

use jiff::Timestamp;
use leptos::prelude::*;

use crate::browser;

/// A moment: UTC as the server renders it, in the viewer's own zone from then on.
#[component]
pub(crate) fn When(at: Timestamp) -> impl IntoView {
    let text = RwSignal::new(utc(at));
    browser::when_hydrated(move || text.set(browser::local_time(at)));
    view! { <time class="tabular-nums whitespace-nowrap" datetime=at.to_string()>{move || text.get()}</time> }
}

/// `2026-11-22 23:41 UTC`.
pub(crate) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
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
        assert_eq!(utc("2026-11-22T23:41:30Z".parse().unwrap()), "2026-11-22 23:41 UTC");
    }
}
