//! One call: its page, and the same beside the console's board.

mod actions;
mod brief;
mod ending;
mod facts;
mod stepper;

use leptos::prelude::*;
use warmline_api::call::{CallView, MediaCause, Phase, PhoneNumber, Side};

use self::{
    actions::{Actions, Desk, Prompter, VoiceNote},
    brief::{Consult, Decision},
    ending::Ending,
    facts::Facts,
    stepper::Stepper,
};
use crate::{
    board::{PhaseBadge, PhaseClock},
    browser,
    me::Me,
    store::Store,
    texts::t,
    transcript::Transcript,
    ui::{Show, memo},
    words,
};

/// `/call/{id}`.
#[component]
pub(crate) fn CallPage(id: String) -> impl IntoView {
    let store: Store = expect_context();
    let unknown = RwSignal::new(false);
    let (known, wanted) = (store.clone(), id.clone());
    let call = memo(move || known.call(&wanted));
    Effect::new(move |_| {
        unknown.set(false);
        if call.with(Option::is_none) {
            browser::fetch_call(id.clone(), store.clone(), move || unknown.set(true));
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
    let t = t();
    view! {
        <section class="mx-auto max-w-md py-16 text-center" role="status">
            <h1 class="text-xl font-semibold">{move || if unknown.get() { t.call_unknown } else { t.call_looking }}</h1>
            <a href="/" class="button mt-6">{t.call_to_calls}</a>
        </section>
    }
    .into_any()
}

/// One call, live.
#[component]
pub(crate) fn Call(view: ArcRwSignal<CallView>) -> impl IntoView {
    let (t, me) = (t(), expect_context::<Me>());
    let shown = view.get_untracked();
    let number = PhoneNumber::spaced(shown.phone_number.reveal());
    let who = words::who(&shown);
    let below = (who != number).then_some(number);
    let phase = part(&view, |v| v.phase);
    let of_people = view.clone();
    let people = memo(move || of_people.with(|v| words::people(v, &me.name())));
    let degraded = part(&view, |v| (v.degraded, v.degraded_by.contains(&MediaCause::Network)));
    let desk = Desk::new(&shown.call);
    let consult = view.clone();
    let answered = move || !matches!(phase.get(), Phase::Queued | Phase::Dialing | Phase::Ringing);
    view! {
        <div class="flex flex-wrap items-center gap-x-4 gap-y-3">
            <div class="min-w-0">
                <h1 class="truncate text-2xl font-semibold tracking-tight tabular-nums">{who}</h1>
                <p class="text-sm text-muted tabular-nums">{below}</p>
            </div>
            <div class="flex items-center gap-3" role="status">
                <PhaseBadge phase/>
                <PhaseClock view=view.clone()/>
            </div>
            <Actions view=view.clone() phase escalation=shown.escalation_enabled desk/>
        </div>
        <p id="people" class="mt-2 text-sm text-calm" class:hidden=move || people.with(String::is_empty)>{move || people.get()}</p>
        <p id="note" role="alert" class="error mt-3 empty:hidden">{move || desk.note()}</p>
        <p id="degraded" role="alert" class="error mt-3" class:hidden=move || !degraded.get().0>
            {move || match degraded.get() {
                (true, false) => t.call_strained,
                (true, true) => t.call_degraded,
                (false, _) => "",
            }}
        </p>
        <VoiceNote desk/>
        <Stepper phase view=view.clone()/>
        <Ending view=view.clone()/>
        <div class="mt-6 grid items-start gap-6 xl:grid-cols-[1fr_22rem]">
            <section class="card min-w-0" aria-labelledby="customer-title">
                <h2 id="customer-title" class="card-title">{t.call_customer}</h2>
                <Transcript view=view.clone() side=Side::Call id="transcript" label=t.call_customer_log empty=t.call_nothing_said/>
                <Show when=move || phase.get() == Phase::Conversing>
                    <Prompter desk/>
                </Show>
            </section>
            <div class="grid min-w-0 gap-6 max-xl:has-[.urgent]:order-first">
                <Decision view=view.clone() phase desk/>
                <Show when=answered>
                    <Consult view=consult.clone()/>
                </Show>
            </div>
        </div>
        <Facts view/>
    }
    .into_any()
}

/// A part of the view that wakes its readers only when it changes.
fn part<T: PartialEq + Send + Sync + 'static>(
    view: &ArcRwSignal<CallView>,
    part: impl Fn(&CallView) -> T + Send + Sync + 'static,
) -> Memo<T> {
    let view = view.clone();
    memo(move || view.with(&part))
}
