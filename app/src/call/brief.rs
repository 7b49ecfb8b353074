//! What a supervisor reads before deciding, the decision, and what was said with the supervisor on the phone.

use leptos::prelude::*;
use warmline_api::{
    PhoneNumber, ReasonBody,
    call::{CallView, Phase, Side},
};

use super::{actions::Desk, part};
use crate::{
    browser,
    keys::{KeyHint, Keys, Shortcut},
    me::Me,
    texts::t,
    transcript::Transcript,
    ui::{Show, memo, press},
    words,
};

/// The briefing, and what a supervisor can do about it.
#[component]
pub(super) fn Decision(view: ArcRwSignal<CallView>, phase: Memo<Phase>, desk: Desk) -> impl IntoView {
    let (t, keys, me) = (t(), expect_context::<Keys>(), expect_context::<Me>());
    let briefing = part(&view, |v| v.briefing.clone());
    let why = part(&view, |v| v.escalation.as_ref().map(|e| e.reason.reveal().clone()));
    let claimed_by = part(&view, |v| v.claimed_by.clone());
    let reason = RwSignal::new(String::new());
    let deciding = memo(move || phase.get() == Phase::Briefing);
    let escalated = memo(move || words::is_escalated(phase.get()));
    let accept = move || {
        if deciding.get_untracked() {
            desk.just("transfer/accept");
        }
    };
    let decline = move || {
        let text = reason.get_untracked();
        desk.act("transfer/decline", &ReasonBody { reason: (!text.trim().is_empty()).then(|| text.trim().into()) });
    };
    let mine = memo(move || claimed_by.get().is_some_and(|by| by == me.name()));
    let claim = move || {
        if escalated.get_untracked() {
            desk.just(if mine.get_untracked() { "release" } else { "claim" });
        }
    };
    keys.on(Shortcut::Claim, claim);
    keys.on(Shortcut::Accept, accept);
    keys.on(Shortcut::Decline, || browser::focus("decline-reason"));
    let can_decline = move || matches!(phase.get(), Phase::CallingSupervisor | Phase::Briefing);
    let shown = move || escalated.get() || briefing.with(Option::is_some);
    let summary = move || match briefing.get() {
        Some(b) => {
            view! { <p id="briefing" class="text-[1.05rem] leading-snug">{b.summary.into_inner()}</p> }.into_any()
        }
        None => view! { <p class="text-sm text-muted">{t.brief_making}</p> }.into_any(),
    };
    let points = move || {
        let points = briefing.with(|b| b.as_ref().map(|b| b.points.clone())).unwrap_or_default();
        points.into_iter().map(|p| view! { <li>{p.into_inner()}</li> }).collect_view()
    };
    view! {
        <section class="card" class:urgent=move || escalated.get() aria-labelledby="briefing-title" class:hidden=move || !shown()>
            <div class="mb-3 flex items-center justify-between gap-3">
                <h2 id="briefing-title" class="text-sm font-semibold">{t.brief_title}</h2>
                <Show when=move || escalated.get() && (claimed_by.with(Option::is_none) || mine.get())>
                    <button id="claim" class="button" class:button-main=move || !mine.get() on:click=press(claim)>
                        {move || if mine.get() { t.release } else { t.claim }}
                        <KeyHint shortcut=Shortcut::Claim/>
                    </button>
                </Show>
            </div>
            <p class="mb-2 text-sm text-muted empty:hidden">{move || why.get()}</p>
            {summary}
            <Show when=can_decline>
                <div class="mt-4 grid gap-2">
                    <Show when=move || deciding.get() fallback=move || view! { <p class="text-sm text-muted">{t.brief_waiting}</p> }>
                        <button id="accept" class="button button-good" on:click=press(accept)>
                            {t.accept} <KeyHint shortcut=Shortcut::Accept/>
                        </button>
                    </Show>
                    <div class="flex gap-2">
                        <input id="decline-reason" class="input min-w-0 grow" aria-label=t.decline_reason placeholder=t.decline_hint maxlength="300" bind:value=reason/>
                        <button id="decline" class="button" on:click=press(decline)>{t.decline}</button>
                    </div>
                </div>
            </Show>
            <ul class="brief-points" class:hidden=move || briefing.with(Option::is_none)>{points}</ul>
        </section>
    }
    .into_any()
}

/// The attempts to reach a supervisor, and what was said with them.
#[component]
pub(super) fn Consult(view: ArcRwSignal<CallView>) -> impl IntoView {
    let t = t();
    let attempts = part(&view, |v| v.attempts.clone());
    let list = move || {
        attempts
            .get()
            .into_iter()
            .map(|a| {
                let phone = a.supervisor_phone.map(|p| PhoneNumber::spaced(p.reveal()));
                let reason = a.reason.map(|r| format!(": {}", r.into_inner()));
                view! {
                    <li>
                        <span class="tabular-nums">{phone.unwrap_or_else(|| format!("Supervisor {}", a.attempt))}</span>
                        " "
                        <span class="text-muted">{words::attempt(a.outcome, a.state)} {reason}</span>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <section class="card private" aria-labelledby="consult-title">
            <h2 id="consult-title" class="card-title">{t.call_consult}</h2>
            <p class="private-note">{t.call_private}</p>
            <ol class="mt-3 grid gap-1 text-sm empty:hidden" aria-label=t.call_attempts>{list}</ol>
            <Transcript view side=Side::Consult id="consult" label=t.call_consult_log empty=t.call_no_consult/>
        </section>
    }
    .into_any()
}
