//! Shortcuts: one key each, shown with `?`, and changed there.

use std::collections::HashMap;

use leptos::prelude::*;

use crate::{browser, texts::t, ui::press};

const KEY: &str = "warmline.keys";
const DIALOG: &str = "keys-dialog";

/// What a key can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shortcut {
    Help,
    Claim,
    Accept,
    Decline,
    Listen,
    TakeOver,
    Escalate,
    Nudge,
    HangUp,
    Next,
    Previous,
    Search,
    ToForm,
    ToConsole,
    ToHistory,
}

impl Shortcut {
    const ALL: [Self; 15] = [
        Self::Help,
        Self::Claim,
        Self::Accept,
        Self::Decline,
        Self::Listen,
        Self::TakeOver,
        Self::Escalate,
        Self::Nudge,
        Self::HangUp,
        Self::Next,
        Self::Previous,
        Self::Search,
        Self::ToForm,
        Self::ToConsole,
        Self::ToHistory,
    ];

    /// The name under which its key is kept, and the key unless changed.
    const fn name_and_key(self) -> (&'static str, &'static str) {
        match self {
            Self::Help => ("help", "?"),
            Self::Claim => ("claim", "c"),
            Self::Accept => ("accept", "a"),
            Self::Decline => ("decline", "d"),
            Self::Listen => ("listen", "l"),
            Self::TakeOver => ("take_over", "t"),
            Self::Escalate => ("escalate", "e"),
            Self::Nudge => ("nudge", "n"),
            Self::HangUp => ("hang_up", "x"),
            Self::Next => ("next", "j"),
            Self::Previous => ("previous", "k"),
            Self::Search => ("search", "/"),
            Self::ToForm => ("to_form", "1"),
            Self::ToConsole => ("to_console", "2"),
            Self::ToHistory => ("to_history", "3"),
        }
    }

    fn label(self) -> &'static str {
        let t = t();
        match self {
            Self::Help => t.keys_help,
            Self::Claim => t.claim,
            Self::Accept => t.accept,
            Self::Decline => t.decline,
            Self::Listen => t.listen,
            Self::TakeOver => t.keys_take_over,
            Self::Escalate => t.escalate,
            Self::Nudge => t.keys_nudge,
            Self::HangUp => t.hang_up,
            Self::Next => t.keys_next,
            Self::Previous => t.keys_previous,
            Self::Search => t.keys_search,
            Self::ToForm => t.nav_call,
            Self::ToConsole => t.nav_console,
            Self::ToHistory => t.nav_history,
        }
    }
}

/// Which key does what, and who listens to them now.
#[derive(Clone, Copy)]
pub(crate) struct Keys {
    changed: RwSignal<HashMap<String, String>>,
    actions: StoredValue<Vec<(Shortcut, u64, Callback<()>)>>,
    count: StoredValue<u64>,
}

impl Keys {
    /// Listens to the keyboard for as long as the page is open.
    pub(crate) fn new() -> Self {
        let (actions, count) = (StoredValue::new(Vec::new()), StoredValue::new(0));
        let keys = Self { changed: RwSignal::new(HashMap::new()), actions, count };
        browser::when_hydrated(move || {
            let kept = browser::stored(KEY).and_then(|json| serde_json::from_str(&json).ok());
            keys.changed.set(kept.unwrap_or_default());
            browser::on_key(move |key| keys.pressed(key));
        });
        keys.on(Shortcut::Help, || browser::show_dialog(DIALOG));
        keys
    }

    /// Does this when the key is pressed, for as long as the component lives. The latest to ask is the one that is asked.
    pub(crate) fn on(self, shortcut: Shortcut, f: impl Fn() + Send + Sync + 'static) {
        let id = self.count.try_update_value(|n| {
            *n += 1;
            *n
        });
        let id = id.unwrap_or_default();
        self.actions.update_value(|actions| actions.push((shortcut, id, Callback::new(move |()| f()))));
        on_cleanup(move || {
            let _ = self.actions.try_update_value(|actions| actions.retain(|(_, other, _)| *other != id));
        });
    }

    /// The key for that.
    pub(crate) fn key(self, shortcut: Shortcut) -> String {
        let (name, usual) = shortcut.name_and_key();
        self.changed.with(|changed| changed.get(name).cloned()).unwrap_or_else(|| usual.to_owned())
    }

    fn pressed(self, key: &str) -> bool {
        let meant = Shortcut::ALL.into_iter().find(|shortcut| untrack(|| self.key(*shortcut)) == key);
        let action = self.actions.with_value(|actions| {
            actions.iter().rev().find(|(shortcut, ..)| Some(*shortcut) == meant).map(|(.., action)| *action)
        });
        action.map(|action| action.run(())).is_some()
    }

    fn change(self, shortcut: Shortcut, key: &str) {
        let Some(key) = key.trim().chars().last().map(String::from) else { return };
        self.changed.update(|changed| {
            changed.insert(shortcut.name_and_key().0.to_owned(), key);
        });
        browser::store(KEY, &serde_json::to_string(&self.changed.get_untracked()).unwrap_or_default());
    }

    fn reset(self) {
        self.changed.set(HashMap::new());
        browser::store(KEY, "{}");
    }
}

/// The key, next to what it does.
#[component]
pub(crate) fn KeyHint(shortcut: Shortcut) -> impl IntoView {
    let keys: Keys = expect_context();
    view! { <kbd class="kbd" aria-hidden="true">{move || keys.key(shortcut)}</kbd> }
}

/// All of them, each with its key to change.
#[component]
pub(crate) fn KeysDialog() -> impl IntoView {
    let (t, keys) = (t(), expect_context::<Keys>());
    let rows = Shortcut::ALL
        .into_iter()
        .map(|shortcut| {
            view! {
                <label class="flex items-center justify-between gap-4 py-1">
                    <span>{shortcut.label()}</span>
                    <input
                        class="input w-12 text-center"
                        maxlength="2"
                        prop:value=move || keys.key(shortcut)
                        on:change:target=move |event| keys.change(shortcut, &event.target().value())
                    />
                </label>
            }
        })
        .collect_view();
    view! {
        <dialog id=DIALOG class="dialog" aria-labelledby="keys-title">
            <h2 id="keys-title" class="text-lg font-semibold">{t.keys_title}</h2>
            <p class="mt-1 mb-3 text-sm text-muted">{t.keys_about}</p>
            <div class="grid gap-x-8 text-sm sm:grid-cols-2">{rows}</div>
            <div class="mt-5 flex justify-end gap-2">
                <button class="button" type="button" on:click=press(move || keys.reset())>{t.keys_reset}</button>
                <button class="button button-main" type="button" on:click=press(move || browser::close_dialog(DIALOG))>{t.close}</button>
            </div>
        </dialog>
    }
    .into_any()
}
