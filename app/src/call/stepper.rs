use leptos::prelude::*;
use warmline_api::call::{CallView, Phase};

use super::part;
use crate::{store::Store, texts::t, time, ui::memo};

/// The way of a call, as an operator thinks of it. `Merging` belongs to the step before the last but one.
const STEPS: &[(&str, &[Phase])] = &[
    ("Dialling", &[Phase::Queued, Phase::Dialing, Phase::Ringing]),
    ("Agent", &[Phase::Conversing]),
    ("On hold", &[Phase::OnHold, Phase::CallingSupervisor]),
    ("Briefing", &[Phase::Briefing, Phase::Merging]),
    ("Merged", &[Phase::Merged]),
    ("Ended", &[Phase::Ended]),
];

/// Where the call is, and how long each step took.
#[component]
pub(super) fn Stepper(phase: Memo<Phase>, view: ArcRwSignal<CallView>) -> impl IntoView {
    let at = memo(move || STEPS.iter().position(|(_, phases)| phases.contains(&phase.get())).unwrap_or(0));
    let been = part(&view, |v| v.phases.iter().map(|p| p.phase).collect::<Vec<_>>());
    let state = move |step: usize| match (step, at.get()) {
        (step, at) if step == at => "now",
        // A transfer that failed led back: its steps are ahead again.
        (step, at) if step > at => "ahead",
        (step, _) if been.with(|been| been.iter().any(|phase| STEPS[step].1.contains(phase))) => "done",
        _ => "skipped",
    };
    let steps: Vec<_> = STEPS
        .iter()
        .enumerate()
        .map(|(step, (name, phases))| {
            let current = move || (state(step) == "now").then_some("step");
            let view = view.clone();
            view! {
                <li class="step" data-state=move || state(step) aria-current=current>
                    {*name}
                    <Spent view phases/>
                </li>
            }
            .into_any()
        })
        .collect();
    view! { <ol class="stepper" aria-label=t().call_steps>{steps}</ol> }.into_any()
}

/// The time spent in those phases so far.
#[component]
fn Spent(view: ArcRwSignal<CallView>, phases: &'static [Phase]) -> impl IntoView {
    let store: Store = expect_context();
    let spent = memo(move || {
        view.with(|v| {
            let ends = v.phases.iter().skip(1).map(|p| Some(p.at)).chain([None]);
            let mut spent = None;
            for (phase, end) in v.phases.iter().zip(ends).filter(|(p, _)| phases.contains(&p.phase)) {
                if phase.phase == Phase::Ended {
                    continue;
                }
                let end = end.unwrap_or_else(|| store.now.get());
                spent = Some(spent.unwrap_or(0) + end.duration_since(phase.at).as_millis());
            }
            spent.map(|millis| time::length(i64::try_from(millis / 1000).unwrap_or_default()))
        })
    });
    view! { <span class="block text-xs text-muted tabular-nums empty:hidden">{move || spent.get()}</span> }
}
