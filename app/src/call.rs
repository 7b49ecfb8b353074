//! A call's live page.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::A, hooks::use_params_map};
use warmline_api::{
    EscalateBody, ReasonBody, TextBody,
    call::{CallView, Phase, Private, Side},
};

use crate::{
    board::{PhaseBadge, PhaseClock},
    browser,
    store::Store,
    transcript::Transcript,
    words,
};

/// The way of a call, as an operator thinks of it. `Merging` belongs to the step before the last but one.
const STEPS: &[(&str, &[Phase])] = &[
    ("Dialling", &[Phase::Queued, Phase::Dialing, Phase::Ringing]),
    ("Agent", &[Phase::Conversing]),
    ("On hold", &[Phase::OnHold, Phase::CallingSupervisor]),
    ("Briefing", &[Phase::Briefing, Phase::Merging]),
    ("Merged", &[Phase::Merged]),
    ("Ended", &[Phase::Ended]),
];

/// `/call/{id}`.
#[component]
pub(crate) fn CallPage() -> impl IntoView {
    let store: Store = expect_context();
    let params = use_params_map();
    let id = Memo::new(move |_| params.get().get("id").unwrap_or_default());
    let unknown = RwSignal::new(false);
    let known = store.clone();
    let call = Memo::new(move |_| known.call(&id.get()));
    Effect::new(move |_| {
        unknown.set(false);
        if call.with(Option::is_none) {
            browser::fetch_call(id.get(), store.clone(), move || unknown.set(true));
        }
    });
    move || match call.get() {
        Some(view) => view! { <Call view/> }.into_any(),
        None => view! { <Absent unknown/> }.into_any(),
    }
}

/// The call is not in the page's data: it is being fetched, or there is none of that id.
#[component]
fn Absent(unknown: RwSignal<bool>) -> impl IntoView {
    view! {
        <Title text="Call"/>
        <section class="mx-auto max-w-md py-16 text-center" role="status">
            <h1 class="text-xl font-semibold">{move || if unknown.get() { "There is no such call" } else { "Looking for the call …" }}</h1>
            <A href="/" attr:class="button mt-6">"To the calls"</A>
        </section>
    }
    .into_any()
}

#[component]
fn Call(view: ArcRwSignal<CallView>) -> impl IntoView {
    let shown = view.get_untracked();
    let number = words::spaced(shown.phone_number.reveal());
    let who = shown.name.map(Private::into_inner).filter(|n| !n.is_empty());
    let phase = memo(&view, |v| v.phase);
    let degraded = memo(&view, |v| v.degraded);
    let desk = Desk { id: StoredValue::new(shown.call.to_string()), note: RwSignal::new(None) };
    view! {
        <Title text=who.clone().unwrap_or_else(|| number.clone())/>
        <div class="flex flex-wrap items-center gap-x-4 gap-y-3">
            <div class="min-w-0">
                <h1 class="truncate text-2xl font-semibold tracking-tight tabular-nums">{who.clone().unwrap_or_else(|| number.clone())}</h1>
                <p class="text-sm text-muted tabular-nums">{who.is_some().then_some(number)}</p>
            </div>
            <div class="flex items-center gap-3" role="status">
                <PhaseBadge phase/>
                <PhaseClock view=view.clone()/>
            </div>
            <Actions phase escalation=shown.escalation_enabled desk/>
        </div>
        <p id="note" role="alert" class="error mt-3 empty:hidden">{move || desk.note.get()}</p>
        <p id="degraded" role="alert" class="error mt-3 empty:hidden">
            {move || degraded.get().then_some("The connection that carries this call's sound is lost. It is being made again.")}
        </p>
        <Stepper phase view=view.clone()/>
        <Ending view=view.clone()/>
        <div class="mt-6 grid items-start gap-6 lg:grid-cols-[1fr_22rem]">
            <section class="card min-w-0" aria-labelledby="customer-title">
                <h2 id="customer-title" class="card-title">"With the customer"</h2>
                <Transcript view=view.clone() side=Side::Call id="transcript" label="Conversation with the customer" empty="Nobody has said anything yet."/>
                <Show when=move || phase.get() == Phase::Conversing>
                    <Prompter desk/>
                </Show>
            </section>
            <div class="grid min-w-0 gap-6 max-lg:has-[.urgent]:order-first">
                <Decision view=view.clone() phase desk/>
                <Consult view/>
            </div>
        </div>
    }
    .into_any()
}

/// Where actions on this call go, and what came of the last one.
#[derive(Clone, Copy)]
struct Desk {
    id: StoredValue<String>,
    /// Why the last action was refused.
    note: RwSignal<Option<String>>,
}

impl Desk {
    /// `POST /calls/{id}/{action}`.
    fn act(self, action: &str, body: &impl serde::Serialize) {
        let url = format!("/calls/{}/{action}", self.id.get_value());
        self.note.set(None);
        browser::post(url, None, serde_json::to_string(body).unwrap_or_default(), move |answer| {
            self.note.set(answer.err());
        });
    }
}

#[component]
fn Actions(phase: Memo<Phase>, escalation: bool, desk: Desk) -> impl IntoView {
    let escalate = move |_| desk.act("escalate", &EscalateBody { reason: Some("An operator asked for it".into()) });
    view! {
        <div class="ml-auto flex gap-2">
            <Show when=move || escalation && phase.get() == Phase::Conversing>
                <button id="escalate" class="button" on:click=escalate>"Bring in a supervisor"</button>
            </Show>
            <Show when=move || phase.get() != Phase::Ended>
                <button id="hangup" class="button button-bad" on:click=move |_| desk.act("hangup", &serde_json::json!({}))>"Hang up"</button>
            </Show>
        </div>
    }
    .into_any()
}

#[component]
fn Stepper(phase: Memo<Phase>, view: ArcRwSignal<CallView>) -> impl IntoView {
    let at = Memo::new(move |_| STEPS.iter().position(|(_, phases)| phases.contains(&phase.get())).unwrap_or(0));
    let connected = memo(&view, |v| v.end.as_ref().is_some_and(|e| e.time_to_human_s.is_some()));
    let talked = memo(&view, |v| v.end.as_ref().is_some_and(|e| e.talk_s > 0.0));
    let state = move |step: usize| match (step, at.get()) {
        (step, at) if step == at => "now",
        (_, 5) if connected.get() => "done",
        // It ended on the way: what it did not come to is not done.
        (step, 5) => {
            if step == 0 || (step == 1 && talked.get()) {
                "done"
            } else {
                "skipped"
            }
        }
        (step, at) if step < at => "done",
        _ => "ahead",
    };
    let steps: Vec<_> = STEPS
        .iter()
        .enumerate()
        .map(|(step, (name, _))| {
            let current = move || (state(step) == "now").then_some("step");
            view! { <li class="step" data-state=move || state(step) aria-current=current>{*name}</li> }
        })
        .collect();
    view! { <ol class="stepper" aria-label="Where the call is">{steps}</ol> }.into_any()
}

/// How it ended, in plain words.
#[component]
fn Ending(view: ArcRwSignal<CallView>) -> impl IntoView {
    let end = memo(&view, |v| v.end.clone());
    move || {
        end.get().map(|end| {
            let seconds = |s: f64| format!("{s:.0} s");
            view! {
                <section id="ending" class="card mt-6" data-reason=end.reason.as_str()>
                    <p class="font-medium">{words::end(end.reason)}</p>
                    <p class="mt-0.5 text-sm text-muted">{end.detail}</p>
                    <dl class="mt-3 flex flex-wrap gap-x-8 gap-y-2 text-sm tabular-nums">
                        <Figure name="Talk" value=seconds(end.talk_s)/>
                        <Figure name="Hold" value=seconds(end.hold_s)/>
                        {end.time_to_human_s.map(|s| view! { <Figure name="Time to a human" value=seconds(s)/> })}
                    </dl>
                </section>
            }
        })
    }
}

#[component]
fn Figure(name: &'static str, value: String) -> impl IntoView {
    view! {
        <div class="flex gap-2">
            <dt class="text-muted">{name}</dt>
            <dd>{value}</dd>
        </div>
    }
}

/// The briefing, and what a supervisor can do about it.
#[component]
fn Decision(view: ArcRwSignal<CallView>, phase: Memo<Phase>, desk: Desk) -> impl IntoView {
    let briefing = memo(&view, |v| v.briefing.clone());
    let reason = RwSignal::new(String::new());
    let accept = move |_| desk.act("transfer/accept", &serde_json::json!({}));
    let decline = move |_| {
        let text = reason.get_untracked();
        desk.act("transfer/decline", &ReasonBody { reason: (!text.trim().is_empty()).then(|| text.trim().into()) });
    };
    let deciding = move || phase.get() == Phase::Briefing;
    view! {
        <section class="card" class:urgent=deciding aria-labelledby="briefing-title" class:hidden=move || briefing.with(Option::is_none) && !deciding()>
            <h2 id="briefing-title" class="card-title">"Briefing"</h2>
            <p role="alert" class="sr-only">{move || deciding().then_some("A supervisor is asked to take this call")}</p>
            {move || {
                briefing.get().map(|b| {
                    let points: Vec<_> = b.points.into_iter().map(|p| view! { <li>{p.into_inner()}</li> }).collect();
                    view! {
                        <p id="briefing">{b.summary.into_inner()}</p>
                        <ul class="mt-2 list-disc space-y-1 pl-5 text-sm text-muted empty:hidden">{points}</ul>
                    }
                })
            }}
            <Show when=deciding>
                <div class="mt-4 grid gap-2">
                    <button id="accept" class="button button-good" on:click=accept>"Accept the call"</button>
                    <div class="flex gap-2">
                        <input class="input min-w-0 grow" aria-label="Why you decline" placeholder="Why not (the customer hears it)" maxlength="300" bind:value=reason/>
                        <button id="decline" class="button" on:click=decline>"Decline"</button>
                    </div>
                </div>
            </Show>
        </section>
    }
    .into_any()
}

/// The attempts to reach a supervisor, and what was said with them.
#[component]
fn Consult(view: ArcRwSignal<CallView>) -> impl IntoView {
    let attempts = memo(&view, |v| v.attempts.clone());
    let list = move || {
        attempts
            .get()
            .into_iter()
            .map(|a| {
                let phone = a.supervisor_phone.map(|p| words::spaced(p.reveal()));
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
            <h2 id="consult-title" class="card-title">"With the supervisor"</h2>
            <p class="private-note">"Private: the customer does not hear this."</p>
            <ol class="mt-3 grid gap-1 text-sm empty:hidden" aria-label="Transfer attempts">{list}</ol>
            <Transcript view side=Side::Consult id="consult" label="Private conversation with the supervisor" empty="No supervisor has been called."/>
        </section>
    }
    .into_any()
}

/// Makes the agent say something, or nudges it unheard.
#[component]
fn Prompter(desk: Desk) -> impl IntoView {
    let text = RwSignal::new(String::new());
    let send = move |action: &'static str| {
        let typed = text.get_untracked();
        if !typed.trim().is_empty() {
            desk.act(action, &TextBody { text: typed.trim().into() });
            text.set(String::new());
        }
    };
    view! {
        <form
            class="mt-4 flex flex-wrap gap-2 border-t border-line pt-4"
            on:submit=move |event| {
                event.prevent_default();
                send("instruct");
            }
        >
            <input id="prompt" class="input min-w-40 grow" aria-label="To the agent" placeholder="A hint to the agent, or what it should say" maxlength="1000" bind:value=text/>
            <button id="nudge" class="button" type="submit" title="Nobody on the call hears it">"Nudge"</button>
            <button id="say" class="button" type="button" title="The agent says it word for word" on:click=move |_| send("say")>"Say"</button>
        </form>
    }
    .into_any()
}

/// A part of the view that wakes its readers only when it changes.
fn memo<T: PartialEq + Send + Sync + 'static>(
    view: &ArcRwSignal<CallView>,
    part: impl Fn(&CallView) -> T + Send + Sync + 'static,
) -> Memo<T> {
    let view = view.clone();
    Memo::new(move |_| view.with(&part))
}
