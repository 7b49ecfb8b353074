//! What one can do to a call.

use leptos::prelude::*;
use warmline_api::{
    EscalateBody, TextBody,
    call::{CallId, CallView, Phase},
};

use super::part;
use crate::{
    browser,
    keys::{KeyHint, Keys, Shortcut},
    me::Me,
    texts::t,
    ui::{Show, memo, press},
    voice::Voice,
};

/// Where actions on a call go, what came of the last one, and one's own lines to the call.
#[derive(Clone, Copy)]
pub(super) struct Desk {
    id: StoredValue<String>,
    me: Me,
    /// Why the last action was refused.
    note: RwSignal<Option<String>>,
    pub(super) listening: RwSignal<Voice>,
    pub(super) speaking: RwSignal<Voice>,
    /// The lines themselves; they end with the page.
    ear: StoredValue<Option<browser::VoiceLine>, LocalStorage>,
    mouth: StoredValue<Option<browser::VoiceLine>, LocalStorage>,
}

impl Desk {
    pub(super) fn new(call: &CallId) -> Self {
        Self {
            id: StoredValue::new(call.to_string()),
            me: expect_context(),
            note: RwSignal::new(None),
            listening: RwSignal::new(Voice::Off),
            speaking: RwSignal::new(Voice::Off),
            ear: StoredValue::new_local(None),
            mouth: StoredValue::new_local(None),
        }
    }

    pub(super) fn note(self) -> Option<String> {
        self.note.get()
    }

    /// `POST /calls/{id}/{action}`.
    pub(super) fn act(self, action: &str, body: &impl serde::Serialize) {
        let url = self.me.sign(&format!("/calls/{}/{action}", self.id.get_value()));
        self.note.set(None);
        browser::post(url, None, serde_json::to_string(body).unwrap_or_default(), move |answer| {
            self.note.set(answer.err());
        });
    }

    /// The same without a body.
    pub(super) fn just(self, action: &str) {
        self.act(action, &serde_json::json!({}));
    }

    /// Listens in, or stops.
    pub(super) fn toggle_ear(self) {
        if self.listening.get_untracked().is_on() {
            self.ear.set_value(None);
            return self.listening.set(Voice::Off);
        }
        let path = self.me.sign(&format!("/ws/listen/{}", self.id.get_value()));
        self.ear.set_value(Some(browser::voice(&path, false, self.listening)));
    }

    /// Speaks in the agent's place: the line is the claim to it.
    pub(super) fn take_over(self) {
        // Whoever speaks hears the customer on that line, and not themselves on another.
        self.ear.set_value(None);
        self.listening.set(Voice::Off);
        let path = self.me.sign(&format!("/ws/take-over/{}", self.id.get_value()));
        self.mouth.set_value(Some(browser::voice(&path, true, self.speaking)));
    }

    /// Gives back, whoever has taken over.
    pub(super) fn give_back(self) {
        if self.speaking.get_untracked().is_on() {
            self.mouth.set_value(None);
            return self.speaking.set(Voice::Off);
        }
        self.just("give-back");
    }
}

/// The buttons of a call; each has a key.
#[component]
pub(super) fn Actions(view: ArcRwSignal<CallView>, phase: Memo<Phase>, escalation: bool, desk: Desk) -> impl IntoView {
    let (t, keys) = (t(), expect_context::<Keys>());
    let taken = part(&view, |v| v.taken_over_by.is_some());
    let open = memo(move || phase.get() != Phase::Ended);
    let answered = memo(move || open.get() && phase.get() > Phase::Ringing);
    let conversing = memo(move || phase.get() == Phase::Conversing);
    let can_escalate = move || escalation && conversing.get() && !taken.get();
    let escalate = move || {
        if untrack(can_escalate) {
            desk.act("escalate", &EscalateBody { reason: Some("An operator asked for it".into()) });
        }
    };
    let take_over = move || {
        if conversing.get_untracked() {
            if taken.get_untracked() { desk.give_back() } else { desk.take_over() }
        }
    };
    let listen = move || {
        if answered.get_untracked() {
            desk.toggle_ear();
        }
    };
    let hang_up = move || {
        if open.get_untracked() {
            desk.just("hangup");
        }
    };
    keys.on(Shortcut::Escalate, escalate);
    keys.on(Shortcut::TakeOver, take_over);
    keys.on(Shortcut::Listen, listen);
    keys.on(Shortcut::HangUp, hang_up);
    let listening = move || desk.listening.get().is_on();
    view! {
        <div class="ml-auto flex flex-wrap gap-2">
            <Show when=move || answered.get()>
                <button id="listen" class="button" aria-pressed=move || listening().to_string() on:click=press(listen)>
                    {move || if listening() { t.stop_listening } else { t.listen }}
                    <KeyHint shortcut=Shortcut::Listen/>
                </button>
            </Show>
            <Show when=move || conversing.get()>
                <button id="take-over" class="button" class:button-good=move || taken.get() on:click=press(take_over)>
                    {move || if taken.get() { t.give_back } else { t.take_over }}
                    <KeyHint shortcut=Shortcut::TakeOver/>
                </button>
            </Show>
            <Show when=can_escalate>
                <button id="escalate" class="button" on:click=press(escalate)>
                    {t.escalate} <KeyHint shortcut=Shortcut::Escalate/>
                </button>
            </Show>
            <Show when=move || open.get()>
                <button id="hangup" class="button button-bad" on:click=press(hang_up)>
                    {t.hang_up} <KeyHint shortcut=Shortcut::HangUp/>
                </button>
            </Show>
        </div>
    }
    .into_any()
}

/// How one's own line to the call is.
#[component]
pub(super) fn VoiceNote(desk: Desk) -> impl IntoView {
    let t = t();
    let shown = memo(move || {
        let (ear, mouth) = (desk.listening.get(), desk.speaking.get());
        let voice = if mouth == Voice::Off { ear } else { mouth };
        match voice {
            Voice::Off => ("", "quiet"),
            Voice::Connecting => (t.voice_connecting, "quiet"),
            Voice::On if mouth == Voice::On => (t.voice_speaking, "good"),
            Voice::On => (t.voice_listening, "calm"),
            Voice::Mute => (t.voice_mute, "bad"),
            Voice::Silent => (t.voice_silent, "bad"),
            Voice::Refused => (t.voice_refused, "bad"),
        }
    });
    view! { <p id="voice" role="status" class="note-block" class:hidden=move || shown.get().0.is_empty() data-tone=move || shown.get().1>{move || shown.get().0}</p> }
}

/// Makes the agent say something, or nudges it unheard.
#[component]
pub(super) fn Prompter(desk: Desk) -> impl IntoView {
    let (t, keys) = (t(), expect_context::<Keys>());
    keys.on(Shortcut::Nudge, || browser::focus("prompt"));
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
            <input id="prompt" class="input min-w-40 flex-1" aria-label=t.prompt_label placeholder=t.prompt_hint maxlength="1000" bind:value=text/>
            <button id="nudge" class="button" type="submit" title=t.nudge_title>{t.nudge}</button>
            <button id="say" class="button" type="button" title=t.say_title on:click=press(move || send("say"))>{t.say}</button>
        </form>
    }
    .into_any()
}
