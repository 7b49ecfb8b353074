//! Who sits at this page: the name that others see next to what they do.

use leptos::prelude::*;

use crate::{address::encode, browser, texts::t, ui::press};

const KEY: &str = "warmline.name";
const DIALOG: &str = "me-dialog";

/// The name, kept in this browser.
#[derive(Clone, Copy)]
pub(crate) struct Me(RwSignal<String>);

impl Me {
    pub(crate) fn new() -> Self {
        let name = RwSignal::new(String::new());
        browser::when_hydrated(move || name.set(browser::stored(KEY).unwrap_or_default()));
        Self(name)
    }

    /// The name, or `console` where none was given.
    pub(crate) fn name(self) -> String {
        let name = self.0.get();
        if name.is_empty() { "console".to_owned() } else { name }
    }

    /// The same, without following it.
    pub(crate) fn name_now(self) -> String {
        untrack(|| self.name())
    }

    /// An address with the name, for the server to know who acts.
    pub(crate) fn sign(self, path: &str) -> String {
        format!("{path}?as={}", encode(&self.name_now()))
    }

    fn rename(self, name: &str) {
        let name: String = name.trim().chars().filter(|c| !is_unseen(*c)).take(64).collect();
        browser::store(KEY, &name);
        self.0.set(name);
    }
}

/// Control characters, and the commonest of those that the server leaves out of names: what is not seen, and turns the line.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Shows the name, and lets it be changed.
#[component]
pub(crate) fn WhoAmI() -> impl IntoView {
    let (t, me) = (t(), expect_context::<Me>());
    let typed = RwSignal::new(String::new());
    let open = move || {
        typed.set(me.0.get_untracked());
        browser::show_dialog(DIALOG);
    };
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        me.rename(&typed.get_untracked());
        browser::close_dialog(DIALOG);
    };
    view! {
        <button id="me" class="nav-link text-sm" on:click=press(open)>
            {move || if me.0.get().is_empty() { t.me_unnamed.to_owned() } else { me.0.get() }}
        </button>
        <dialog id=DIALOG class="dialog" aria-labelledby="me-title">
            <form on:submit=save>
                <h2 id="me-title" class="text-lg font-semibold">{t.me_title}</h2>
                <p class="mt-1 text-sm text-muted">{t.me_about}</p>
                <label class="field">
                    <span class="label">{t.me_label}</span>
                    <input class="input" id="me-name" maxlength="64" autocomplete="name" bind:value=typed/>
                </label>
                <div class="mt-5 flex justify-end gap-2">
                    <button class="button" type="button" on:click=press(move || browser::close_dialog(DIALOG))>{t.cancel}</button>
                    <button class="button button-main" type="submit">{t.save}</button>
                </div>
            </form>
        </dialog>
    }
    .into_any()
}
