//! `/setup`: whether calls can be placed from here, what hinders them, and whether this browser can take part.

use std::borrow::Cow;

use leptos::prelude::*;
use warmline_api::{Check, Report, Status};

use crate::{
    browser,
    fetched::{Fetched, sent_along},
    texts::t,
    ui::{Show, memo, press},
};

/// `/setup`.
#[component]
pub(crate) fn SetupPage() -> impl IntoView {
    let first = sent_along(|page| page.report);
    let known = first.is_some();
    let doctor = Fetched::new(first);
    let ask = move || doctor.ask("/doctor".to_owned(), |report: Report| report);
    browser::when_hydrated(move || {
        if !known {
            ask();
        }
    });
    let again = move || {
        if !doctor.loading.get_untracked() {
            ask();
        }
    };
    view! {
        <div class="flex flex-wrap items-start justify-between gap-4">
            <div>
                <h1 class="text-2xl font-semibold tracking-tight">{t().setup_setup}</h1>
                <p class="mt-1 text-sm text-muted">{t().setup_intro}</p>
            </div>
            <button id="check-again" class="button" type="button" aria-disabled=move || doctor.loading.get().to_string() on:click=press(again)>
                {move || if doctor.loading.get() { t().setup_checking } else { t().setup_again }}
            </button>
        </div>
        <p id="report-error" role="alert" class="error mt-4 empty:hidden">{move || doctor.error.get()}</p>
        <section id="report" class="mt-6" aria-label=t().setup_report aria-busy=move || doctor.loading.get().to_string()>
            <div role="status">{move || doctor.value.get().map(|report| view! { <Headline report/> })}</div>
            <Show when=move || doctor.loading.get() && doctor.value.with(Option::is_none)>
                <p class="text-sm text-muted">{t().setup_checking} " " {t().setup_checking_hint}</p>
            </Show>
            <ul class="mt-4 grid gap-2 empty:hidden">
                {move || {
                    let checks = doctor.value.get().map(|report| in_order(report.checks)).unwrap_or_default();
                    checks.into_iter().map(|check| view! { <Finding check/> }).collect_view()
                }}
            </ul>
        </section>
        <BrowserChecks/>
    }
    .into_any()
}

/// The report in one sentence.
#[component]
fn Headline(report: Report) -> impl IntoView {
    let (tone, text) = headline(&report);
    let remark = remark(&report);
    view! {
        <p id="headline" class="flex items-center gap-2 text-lg font-semibold tracking-tight" data-tone=tone>
            <span class="dot" aria-hidden="true"></span>
            {text}
        </p>
        <p class="mt-1 text-sm text-muted empty:hidden">{remark}</p>
    }
    .into_any()
}

fn count(report: &Report, status: Status) -> usize {
    report.checks.iter().filter(|check| check.status == status).count()
}

/// Whether calls can be placed, with its tone.
fn headline(report: &Report) -> (&'static str, Cow<'static, str>) {
    match count(report, Status::Fail) {
        0 => ("good", t().setup_all_well.into()),
        1 => ("bad", t().setup_one_fails.into()),
        n => ("bad", format!("{n} {}", t().setup_things_fail).into()),
    }
}

/// What is said of warnings.
fn remark(report: &Report) -> Option<Cow<'static, str>> {
    match count(report, Status::Warn) {
        0 => None,
        1 => Some(t().setup_one_remark.into()),
        n => Some(format!("{n} {}", t().setup_remarks).into()),
    }
}

/// What has to be mended first, then warnings, then what is fine; within each in the doctor's order.
fn in_order(mut checks: Vec<Check>) -> Vec<Check> {
    checks.sort_by_key(|check| match check.status {
        Status::Fail => 0,
        Status::Warn => 1,
        Status::Ok => 2,
        Status::Skipped => 3,
    });
    checks
}

/// A status' tone, its sign, and the sign in words.
fn sign(status: Status) -> (&'static str, &'static str, &'static str) {
    match status {
        Status::Ok => ("good", "✓", t().setup_sign_fine),
        Status::Warn => ("warn", "!", t().setup_sign_warning),
        Status::Fail => ("bad", "✕", t().setup_sign_failed),
        Status::Skipped => ("quiet", "–", t().setup_sign_skipped),
    }
}

/// One check: what was tried, and what is to be done.
#[component]
fn Finding(check: Check) -> impl IntoView {
    let (tone, sign, in_words) = sign(check.status);
    let fix = check.fix.map(|fix| {
        let text = fix.clone();
        view! {
            <dt class="text-muted">{t().setup_fix}</dt>
            <dd class="flex min-w-0 flex-wrap items-start gap-2">
                <code class="min-w-0 grow rounded bg-sunken px-2 py-1 font-mono text-[0.8rem] wrap-anywhere whitespace-pre-wrap">{fix}</code>
                <CopyButton text=Signal::stored(text) aria=t().setup_copy_fix/>
            </dd>
        }
    });
    let cause = check.cause.map(|cause| {
        view! {
            <dt class="text-muted">{t().setup_cause}</dt>
            <dd class="wrap-anywhere">{cause}</dd>
        }
    });
    view! {
        <li
            class="row px-4 py-3 data-[tone=bad]:border-bad/50 data-[tone=bad]:bg-bad/5"
            data-check=check.name.into_owned()
            data-tone=tone
        >
            <div class="flex items-baseline gap-3">
                <span class="w-4 shrink-0 text-center font-semibold text-(--tone)" aria-hidden="true">{sign}</span>
                <span class="sr-only">{in_words} ": "</span>
                <h2 class="min-w-0 grow text-sm font-medium">{check.title.into_owned()}</h2>
                <span class="text-xs whitespace-nowrap text-muted tabular-nums">{check.ms} " ms"</span>
            </div>
            <div class="ml-7 text-sm">
                <p class="wrap-anywhere text-muted">{t().setup_tried} " " {check.tried}</p>
                <dl class="mt-2 grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-2 empty:hidden">{cause} {fix}</dl>
            </div>
        </li>
    }
    .into_any()
}

/// Puts a text on the clipboard, and says so for as long as the text stays the same.
#[component]
pub(crate) fn CopyButton(
    text: Signal<String>,
    /// What is copied, for those who don't see where the button stands.
    aria: &'static str,
    /// What stands on it.
    #[prop(optional)]
    label: Option<&'static str>,
    #[prop(optional)] id: Option<&'static str>,
) -> impl IntoView {
    let copied = RwSignal::new(None::<(String, bool)>);
    let copy = move || {
        let what = text.get_untracked();
        browser::copy(what.clone(), move |done| {
            let _ = copied.try_set(Some((what, done)));
        });
    };
    let outcome = memo(move || copied.get().filter(|(what, _)| text.with(|text| text == what)).map(|(_, done)| done));
    let said = move || match outcome.get() {
        Some(true) => t().setup_copied,
        Some(false) => t().setup_not_copied,
        None => "",
    };
    let shown = move || if outcome.get().is_some() { said() } else { label.unwrap_or(t().setup_copy) };
    view! {
        <button id=id class="button min-h-8 px-2.5 py-1 text-xs" type="button" title=aria on:click=press(copy)>{shown}</button>
        <span class="sr-only" role="status">{said}</span>
    }
    .into_any()
}

/// What only the browser knows.
#[derive(Clone, Copy)]
enum Ability {
    Microphone,
    Sound,
    Notifications,
}

impl Ability {
    /// Its name in the document, its title, what it is for, and what is said when it works.
    fn texts(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Microphone => {
                ("microphone", t().setup_microphone, t().setup_microphone_hint, t().setup_microphone_works)
            }
            Self::Sound => ("sound", t().setup_sound, t().setup_sound_hint, t().setup_sound_works),
            Self::Notifications => {
                ("notifications", t().setup_notifications, t().setup_notifications_hint, t().setup_notifications_work)
            }
        }
    }

    fn test(self, then: impl FnOnce(Result<(), String>) + 'static) {
        match self {
            Self::Microphone => browser::test_microphone(then),
            Self::Sound => browser::test_sound(then),
            Self::Notifications => browser::test_notification(then),
        }
    }
}

/// How a test of the browser stands.
#[derive(Clone, Debug, PartialEq)]
enum Tested {
    NotYet,
    Running,
    Works,
    /// The cause and how to mend it, in words.
    Fails(String),
}

/// Tests that need a click, because the browser asks for leave.
#[component]
fn BrowserChecks() -> impl IntoView {
    view! {
        <section id="browser-checks" class="mt-10" aria-labelledby="browser-title">
            <h2 id="browser-title" class="text-lg font-semibold tracking-tight">{t().setup_browser}</h2>
            <p class="mt-1 text-sm text-muted">{t().setup_browser_hint}</p>
            <ul class="mt-4 grid gap-2">
                <BrowserCheck ability=Ability::Microphone/>
                <BrowserCheck ability=Ability::Sound/>
                <BrowserCheck ability=Ability::Notifications/>
            </ul>
        </section>
    }
    .into_any()
}

#[component]
fn BrowserCheck(ability: Ability) -> impl IntoView {
    let (name, title, hint, works) = ability.texts();
    let tested = RwSignal::new(Tested::NotYet);
    let test = move || {
        if tested.with_untracked(|tested| *tested == Tested::Running) {
            return;
        }
        tested.set(Tested::Running);
        ability.test(move |result| {
            let _ = tested.try_set(match result {
                Ok(()) => Tested::Works,
                Err(why) => Tested::Fails(why),
            });
        });
    };
    let tone = move || {
        tested.with(|tested| match tested {
            Tested::NotYet | Tested::Running => "quiet",
            Tested::Works => "good",
            Tested::Fails(_) => "bad",
        })
    };
    let result = move || match tested.get() {
        Tested::NotYet => String::new(),
        Tested::Running => t().setup_testing.to_owned(),
        Tested::Works => works.to_owned(),
        Tested::Fails(why) => why,
    };
    let running = move || tested.with(|tested| *tested == Tested::Running).to_string();
    view! {
        <li
            class="row flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 py-3 data-[tone=bad]:border-bad/50 data-[tone=bad]:bg-bad/5"
            data-check=name
            data-tone=tone
        >
            <div class="min-w-0 grow basis-60">
                <h3 id=format!("{name}-title") class="text-sm font-medium">{title}</h3>
                <p class="text-sm text-muted">{hint}</p>
                <p id=format!("{name}-result") role="status" class="mt-1 text-sm text-(--tone) empty:hidden">{result}</p>
            </div>
            <button id=format!("test-{name}") class="button" type="button" aria-describedby=format!("{name}-title") aria-disabled=running on:click=press(test)>
                {t().setup_test}
            </button>
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(states: &[Status]) -> Report {
        let check = |(n, status): (usize, &Status)| Check {
            name: format!("check-{n}").into(),
            title: "A check".into(),
            status: *status,
            tried: "something".into(),
            ms: 1,
            cause: None,
            fix: None,
        };
        let checks: Vec<_> = states.iter().enumerate().map(check).collect();
        Report { ok: checks.iter().all(|c| c.status != Status::Fail), checks }
    }

    #[test]
    fn the_headline_counts_what_has_to_be_mended() {
        let text = |states: &[Status]| headline(&report(states)).1.into_owned();
        assert_eq!(text(&[Status::Ok, Status::Warn, Status::Skipped]), t().setup_all_well);
        assert_eq!(text(&[Status::Ok, Status::Fail]), "One thing has to be mended.");
        assert_eq!(text(&[Status::Fail, Status::Warn, Status::Fail]), "2 things have to be mended.");
        assert_eq!(remark(&report(&[Status::Warn])).as_deref(), Some(t().setup_one_remark));
        assert_eq!(remark(&report(&[Status::Ok])), None);
    }

    #[test]
    fn what_fails_stands_first_and_the_doctors_order_stays() {
        let checks = in_order(report(&[Status::Skipped, Status::Ok, Status::Fail, Status::Warn, Status::Fail]).checks);
        let names: Vec<_> = checks.iter().map(|check| check.name.as_ref()).collect();
        assert_eq!(names, ["check-2", "check-4", "check-3", "check-1", "check-0"]);
    }
}
