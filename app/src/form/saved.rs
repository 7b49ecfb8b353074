//! Instructions that are used again and again, kept in this browser.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Draft, keep, kept};
use crate::{
    browser,
    texts::t,
    ui::{Show, press},
};

/// Where this browser keeps them.
const KEY: &str = "warmline.instructions";

const MOST: usize = 20;

/// Characters of a title.
const TITLE: usize = 40;

/// An instruction, and what it is listed as.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Saved {
    title: String,
    text: String,
}

/// The list with one more, the newest first; the same text is not kept twice.
fn with(mut list: Vec<Saved>, text: &str) -> Vec<Saved> {
    let text = text.trim();
    if !text.is_empty() {
        let title = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(TITLE).collect();
        list.retain(|saved| saved.text != text);
        list.insert(0, Saved { title, text: text.to_owned() });
        list.truncate(MOST);
    }
    list
}

/// What the field holds after a saved text was put in: what was typed stays.
fn inserted(typed: &str, text: &str) -> String {
    if typed.trim().is_empty() {
        text.to_owned()
    } else if typed.contains(text) {
        typed.to_owned()
    } else {
        format!("{}\n{text}", typed.trim_end())
    }
}

/// Lists them: a click puts one into the field.
#[component]
pub(super) fn SavedInstructions(draft: Draft) -> impl IntoView {
    let list = RwSignal::new(Vec::<Saved>::new());
    browser::when_hydrated(move || list.set(kept(KEY)));
    // Another tab may have saved one meanwhile.
    let save = move || {
        let all = with(kept(KEY), &draft.instruction.get_untracked());
        keep(KEY, &all);
        list.set(all);
    };
    let delete = Callback::new(move |text: String| {
        let mut all: Vec<Saved> = kept(KEY);
        all.retain(|saved| saved.text != text);
        keep(KEY, &all);
        list.set(all);
    });
    let blank = move || draft.instruction.with(|text| text.trim().is_empty());
    view! {
        <details id="saved-instructions" class="mt-1.5 text-sm" class:invisible=move || !draft.ready.get()>
            <summary class="cursor-pointer text-muted">{t().form_saved}</summary>
            <Show when=move || list.with(Vec::is_empty)>
                <p class="mt-2 text-muted">{t().form_none_saved}</p>
            </Show>
            <ul class="mt-2 grid max-h-48 gap-1 overflow-y-auto empty:hidden">
                {move || list.get().into_iter().map(|saved| view! { <Instruction saved draft delete/> }).collect_view()}
            </ul>
            <button id="save-instruction" type="button" class="button mt-2 min-h-8 px-2.5 py-1 text-xs" disabled=blank on:click=press(save)>{t().form_save}</button>
        </details>
    }
    .into_any()
}

#[component]
fn Instruction(saved: Saved, draft: Draft, delete: Callback<String>) -> impl IntoView {
    let Saved { title, text } = saved;
    let (insert_label, delete_label) =
        (format!("{}: {title}", t().form_insert), format!("{}: {title}", t().form_delete));
    let (inserts, hint) = (text.clone(), text.clone());
    let insert = move || draft.instruction.update(|typed| *typed = inserted(typed, &inserts));
    view! {
        <li class="flex items-center gap-1">
            <button type="button" class="min-w-0 grow truncate rounded-md px-2 py-1.5 text-left hover:bg-sunken" aria-label=insert_label title=hint on:click=press(insert)>
                {title}
            </button>
            <button
                type="button"
                class="size-8 shrink-0 rounded-md text-muted hover:bg-sunken hover:text-bad"
                aria-label=delete_label
                title=t().form_delete
                on:click=press(move || delete.run(text.clone()))
            >
                "×"
            </button>
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_is_listed_by_its_beginning_and_kept_once() {
        let mut list = with(Vec::new(), "  Ask whether the log-in\n works now, and offer a new ticket. ");
        assert_eq!(list[0].title, "Ask whether the log-in works now, and of");
        assert_eq!(list[0].text, "Ask whether the log-in\n works now, and offer a new ticket.");
        list = with(list, "Second");
        list = with(list, "Ask whether the log-in\n works now, and offer a new ticket.");
        assert_eq!(list.iter().map(|saved| saved.title.len()).collect::<Vec<_>>(), [40, 6]);
        assert_eq!(with(list.clone(), " \n"), list);
        for n in 0..30 {
            list = with(list, &format!("Number {n}"));
        }
        assert_eq!(list.len(), MOST);
    }

    #[test]
    fn what_was_typed_stays_when_one_is_put_in() {
        assert_eq!(inserted(" ", "Ask."), "Ask.");
        assert_eq!(inserted("Be brief.\n", "Ask."), "Be brief.\nAsk.");
        assert_eq!(inserted("Be brief. Ask.", "Ask."), "Be brief. Ask.");
    }
}
