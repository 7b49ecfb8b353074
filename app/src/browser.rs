//! What the pages ask of the browser.

use jiff::Timestamp;
use leptos::prelude::{Effect, GetUntracked, Set};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{HtmlDialogElement, HtmlElement, KeyboardEvent, RequestInit, Response};

use crate::{live, store::Store};
pub(crate) use crate::{
    phone_line::{PhoneLine, phone},
    voice_line::{VoiceLine, voice},
};

/// `browser.js`, which the page loads before anything else.
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = warmline, js_name = ring)]
    pub(crate) fn ring(on: bool);
    #[wasm_bindgen(js_namespace = warmline, js_name = soundIsBlocked)]
    pub(crate) fn sound_is_blocked() -> bool;
    #[wasm_bindgen(js_namespace = warmline, js_name = notify)]
    pub(crate) fn notify(title: &str, body: &str, url: &str);
    #[wasm_bindgen(js_namespace = warmline, js_name = notifications)]
    fn notifications() -> String;
    #[wasm_bindgen(js_namespace = warmline, js_name = followAddress)]
    fn follow_address_with(then: &Closure<dyn Fn(String) -> bool>);
    #[wasm_bindgen(js_namespace = warmline, js_name = setAddress)]
    pub(crate) fn set_address(address: &str, replace: bool);
    #[wasm_bindgen(js_namespace = warmline, js_name = badge)]
    fn badge(on: bool);
    #[wasm_bindgen(js_namespace = warmline, js_name = localTime)]
    fn local_time_of(millis: f64) -> String;
    #[wasm_bindgen(js_namespace = warmline, js_name = copy, catch)]
    async fn copy_text(text: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = warmline, js_name = testMicrophone, catch)]
    async fn microphone_works() -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = warmline, js_name = testSound, catch)]
    async fn sound_works() -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = warmline, js_name = testNotification, catch)]
    async fn notification_works() -> Result<JsValue, JsValue>;
}

/// What the server answered: the body, or why not, in words.
pub(crate) type Answer = Result<String, String>;

/// Follows the server's events, and lets the page's clock run, for as long as the page is open.
pub(crate) fn follow(store: Store) {
    let Some(window) = web_sys::window() else { return };
    // The page shows the server's time: this clock may be wrong.
    let offset = store.now.get_untracked().as_millisecond() - clock();
    let now = store.now.clone();
    let tick = Closure::<dyn Fn()>::new(move || {
        if let Ok(time) = Timestamp::from_millisecond(clock() + offset) {
            now.set(time);
        }
    });
    let _ = window.set_interval_with_callback_and_timeout_and_arguments_0(tick.as_ref().unchecked_ref(), 1000);
    tick.forget();
    live::connect(store);
}

/// Tells of each address that a link or the browser's buttons lead to, for as long as the page is open. `true` from `then`: it
/// is shown already, nothing is to be loaded.
pub(crate) fn follow_address(then: impl Fn(String) -> bool + 'static) {
    let then = Closure::<dyn Fn(String) -> bool>::new(then);
    follow_address_with(&then);
    then.forget();
}

/// This machine's clock, in milliseconds since 1970.
#[allow(clippy::cast_possible_truncation, reason = "a date, in milliseconds")]
fn clock() -> i64 {
    js_sys::Date::now() as i64
}

/// 128 random bits in hex.
pub(crate) fn random_key() -> String {
    let mut bits = [0; 16];
    if let Some(crypto) = web_sys::window().and_then(|w| w.crypto().ok()) {
        let _ = crypto.get_random_values_with_u8_array(&mut bits);
    }
    bits.iter().map(|b| format!("{b:02x}")).collect()
}

/// The text inside the element of that id.
pub(crate) fn text_of(id: &str) -> Option<String> {
    web_sys::window()?.document()?.get_element_by_id(id)?.text_content()
}

/// For style sheets and tests: from now on the page answers by itself.
pub(crate) fn mark_as_hydrated() {
    if let Some(root) = web_sys::window().and_then(|w| w.document()).and_then(|d| d.document_element()) {
        let _ = root.set_attribute("data-hydrated", "");
    }
}

/// Sends JSON, with an idempotency key where there is one.
pub(crate) fn post(url: String, key: Option<String>, body: String, then: impl FnOnce(Answer) + 'static) {
    spawn_local(async move {
        let answer = match request("POST", &url, key.as_deref(), Some(&body)).await {
            Ok((200..=299, text)) => Ok(text),
            Ok((status, text)) => Err(why(status, &text)),
            Err(_) => Err("Warmline cannot be reached. Is it still running?".to_owned()),
        };
        then(answer);
    });
}

/// Fetches JSON.
pub(crate) fn get(url: String, then: impl FnOnce(Answer) + 'static) {
    spawn_local(async move {
        then(match request("GET", &url, None, None).await {
            Ok((200..=299, text)) => Ok(text),
            Ok((status, text)) => Err(why(status, &text)),
            Err(_) => Err("Warmline cannot be reached. Is it still running?".to_owned()),
        });
    });
}

/// What this browser keeps under that name.
pub(crate) fn stored(key: &str) -> Option<String> {
    web_sys::window()?.local_storage().ok()??.get_item(key).ok()?
}

/// Keeps a value in this browser. Lost where it keeps none.
pub(crate) fn store(key: &str, value: &str) {
    if let Some(Ok(Some(storage))) = web_sys::window().map(|w| w.local_storage()) {
        let _ = storage.set_item(key, value);
    }
}

/// Puts text on the clipboard.
pub(crate) fn copy(text: String, then: impl FnOnce(bool) + 'static) {
    spawn_local(async move { then(copy_text(&text).await.is_ok()) });
}

/// `http://127.0.0.1:8000`.
pub(crate) fn origin() -> String {
    web_sys::window().and_then(|w| w.location().origin().ok()).unwrap_or_default()
}

/// Does this once the page is hydrated: what a browser knows and the server does not must not be rendered before.
pub(crate) fn when_hydrated(f: impl FnOnce() + 'static) {
    let mut f = Some(f);
    Effect::new(move |_| {
        if let Some(f) = f.take() {
            f();
        }
    });
}

/// Date and time in the viewer's zone.
#[allow(clippy::cast_precision_loss, reason = "a date, in milliseconds")]
pub(crate) fn local_time(at: Timestamp) -> String {
    local_time_of(at.as_millisecond() as f64)
}

/// Whether a notification would be shown.
pub(crate) fn notifications_are_on() -> bool {
    notifications() == "granted"
}

/// Between what stands before the page's title and the title.
const TITLED: &str = " ● ";

/// The page's title, after what stands before it.
pub(crate) fn set_title(title: &str) {
    let Some(document) = web_sys::window().and_then(|w| w.document()) else { return };
    let now = document.title();
    match now.rsplit_once(TITLED) {
        Some((before, _)) => document.set_title(&format!("{before}{TITLED}{title}")),
        None => document.set_title(title),
    }
}

/// What stands before the page's title, and a dot on its icon with it.
pub(crate) fn title(before: Option<&str>) {
    badge(before.is_some());
    let Some(document) = web_sys::window().and_then(|w| w.document()) else { return };
    let now = document.title();
    let bare = now.rsplit(TITLED).next().unwrap_or_default();
    document.set_title(&before.map_or_else(|| bare.to_owned(), |before| format!("{before}{TITLED}{bare}")));
}

pub(crate) fn test_microphone(then: impl FnOnce(Result<(), String>) + 'static) {
    spawn_local(async move { then(in_words(microphone_works().await)) });
}

pub(crate) fn test_sound(then: impl FnOnce(Result<(), String>) + 'static) {
    spawn_local(async move { then(in_words(sound_works().await)) });
}

pub(crate) fn test_notification(then: impl FnOnce(Result<(), String>) + 'static) {
    spawn_local(async move { then(in_words(notification_works().await)) });
}

fn in_words(result: Result<JsValue, JsValue>) -> Result<(), String> {
    let message = |error: JsValue| js_sys::Reflect::get(&error, &"message".into()).ok()?.as_string();
    result.map(drop).map_err(|error| message(error).unwrap_or_else(|| "It did not work.".to_owned()))
}

/// Hears keys that are pressed outside of fields, for as long as the page is open; `true` from `f`: it was meant for us.
pub(crate) fn on_key(f: impl Fn(&str) -> bool + 'static) {
    let pressed = Closure::<dyn Fn(KeyboardEvent)>::new(move |event: KeyboardEvent| {
        let target = event.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
        let typing =
            target.is_some_and(|t| t.closest("input, textarea, select, [contenteditable]").is_ok_and(|e| e.is_some()));
        if typing || event.ctrl_key() || event.meta_key() || event.alt_key() || event.default_prevented() {
            return;
        }
        if f(&event.key()) {
            event.prevent_default();
        }
    });
    if let Some(window) = web_sys::window() {
        let _ = window.add_event_listener_with_callback("keydown", pressed.as_ref().unchecked_ref());
    }
    pressed.forget();
}

pub(crate) fn show_dialog(id: &'static str) {
    if let Some(dialog) = element(id).and_then(|e| e.dyn_into::<HtmlDialogElement>().ok()).filter(|d| !d.open()) {
        let _ = dialog.show_modal();
    }
}

pub(crate) fn close_dialog(id: &'static str) {
    if let Some(dialog) = element(id).and_then(|e| e.dyn_into::<HtmlDialogElement>().ok()) {
        dialog.close();
    }
}

/// Fetches a call that the page does not know yet.
pub(crate) fn fetch_call(id: String, store: Store, unknown: impl FnOnce() + 'static) {
    spawn_local(async move {
        let answer = request("GET", &format!("/calls/{id}"), None, None).await;
        match answer.ok().filter(|(status, _)| *status == 200).and_then(|(_, text)| serde_json::from_str(&text).ok()) {
            Some(view) => store.add(view),
            None => unknown(),
        }
    });
}

async fn request(method: &str, url: &str, key: Option<&str>, body: Option<&str>) -> Result<(u16, String), JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let headers = web_sys::Headers::new()?;
    headers.set("accept", "application/json")?;
    let options = RequestInit::new();
    options.set_method(method);
    if let Some(body) = body {
        headers.set("content-type", "application/json")?;
        options.set_body(&JsValue::from_str(body));
    }
    if let Some(key) = key {
        headers.set("idempotency-key", key)?;
    }
    options.set_headers(&headers);
    let response: Response = JsFuture::from(window.fetch_with_str_and_init(url, &options)).await?.dyn_into()?;
    let text = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    Ok((response.status(), text))
}

/// The sentence in `{"detail": …}`; of a body that did not validate, the first message.
fn why(status: u16, text: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let sentence = json["detail"].as_str().or_else(|| json["detail"][0]["msg"].as_str());
    sentence.map_or_else(|| format!("Warmline answered with status {status}."), str::to_owned)
}

/// Scrolls the element to its end: the first time, and then unless its reader has scrolled away from there.
pub(crate) fn stick_to_bottom(id: &'static str, first: bool, then: impl FnOnce(bool) + 'static) {
    // What changed is in the document by the next frame.
    let scroll = Closure::once_into_js(move || {
        let Some(element) = element(id) else { return };
        let sticks = first || is_near_bottom(&element);
        if sticks {
            element.set_scroll_top(element.scroll_height());
        }
        then(sticks);
    });
    if let Some(window) = web_sys::window() {
        let _ = window.request_animation_frame(scroll.unchecked_ref());
    }
}

/// Whether the element is scrolled to its end.
pub(crate) fn is_at_bottom(id: &'static str) -> bool {
    element(id).is_some_and(|element| is_near_bottom(&element))
}

fn is_near_bottom(element: &HtmlElement) -> bool {
    // A new line or two do not count as scrolled away. Pixels.
    let near = 160;
    element.scroll_height() - element.scroll_top() - element.client_height() < near
}

pub(crate) fn click(id: &'static str) {
    if let Some(element) = element(id) {
        element.click();
    }
}

pub(crate) fn focus(id: &'static str) {
    if let Some(element) = element(id) {
        let _ = element.focus();
    }
}

fn element(id: &str) -> Option<HtmlElement> {
    web_sys::window()?.document()?.get_element_by_id(id)?.dyn_into().ok()
}
