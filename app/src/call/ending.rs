use leptos::prelude::*;
use warmline_api::call::CallView;

use super::part;
use crate::{texts::t, time::span, words};

/// How it ended, in plain words, with the likely cause and what to do where nobody wanted it so.
#[component]
pub(super) fn Ending(view: ArcRwSignal<CallView>) -> impl IntoView {
    let t = t();
    let end = part(&view, |v| v.end.clone());
    move || {
        end.get().map(|end| {
            view! {
                <section id="ending" class="card mt-6" data-reason=end.reason.as_str()>
                    <p class="font-medium">{words::end(end.reason)}</p>
                    <p class="mt-0.5 text-sm text-muted empty:hidden">{words::more_of(&end)}</p>
                    {words::remedy(end.reason).map(|remedy| view! {
                        <p class="mt-2 text-sm"><span class="text-muted">{t.likely}": "</span>{remedy}</p>
                    })}
                    <dl class="mt-3 flex flex-wrap gap-x-8 gap-y-2 text-sm tabular-nums">
                        <Figure name=t.talk value=span(end.talk_s)/>
                        <Figure name=t.hold value=span(end.hold_s)/>
                        {end.time_to_human_s.map(|s| view! { <Figure name=t.to_human value=span(s)/> })}
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
