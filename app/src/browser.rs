//! What the pages ask of the browser.

use jiff::Timestamp;
use leptos::prelude::{GetUntracked, Set};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{HtmlElement, RequestInit, Response};

pub(crate) use crate::phone_line::{PhoneLine, phone};
use crate::{live, store::Store};

/// What the server answered: the body, or why not, in words.
pub(crate) type Answer = Result<String, String>;

/// Follows the server's events, and lets the page's clock run, for as long as the page is open.
pub(crate) fn follow(store: Store) {
    let Some(window) = web_sys::window() else { return };
    // The page shows the server's time: this clock may be wrong.
    let offset = store.now.get_untracked().duration_since(Timestamp::now());
    let now = store.now.clone();
    let tick = Closure::<dyn Fn()>::new(move || {
        if let Ok(time) = Timestamp::now().checked_add(offset) {
            now.set(time);
        }
    });
    let _ = window.set_interval_with_callback_and_timeout_and_arguments_0(tick.as_ref().unchecked_ref(), 1000);
    tick.forget();
    live::connect(store);
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
pub(crate) fn stick_to_bottom(id: &'static str, first: bool) {
    // A new line or two do not count as scrolled away. Pixels.
    let near = 160;
    // What changed is in the document by the next frame.
    let scroll = Closure::once_into_js(move || {
        let Some(element) = element(id) else { return };
        if first || element.scroll_height() - element.scroll_top() - element.client_height() < near {
            element.set_scroll_top(element.scroll_height());
        }
    });
    if let Some(window) = web_sys::window() {
        let _ = window.request_animation_frame(scroll.unchecked_ref());
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
