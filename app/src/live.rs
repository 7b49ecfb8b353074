//! The connection to `/ws/console`: one socket at a time, and a new one, from where the last ended, when it is lost.

use std::{cell::RefCell, rc::Rc};

use leptos::prelude::{GetUntracked, Set};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use crate::store::{Link, Received, Store};

/// The wait before another try: doubles from the first to the last of these. Milliseconds.
const FIRST_WAIT: u32 = 250;
const LAST_WAIT: u32 = 8_000;
/// The server sends something every 15 s; silent for longer, the connection is as good as lost. Milliseconds.
const SILENCE: f64 = 25_000.0;

/// Owns the socket and its callbacks; lives as long as the page.
struct Connection {
    store: Store,
    socket: Option<Socket>,
    /// Before the next try.
    wait: u32,
    /// The next try is already set for later.
    waiting: bool,
    /// When the server was last heard, by this machine's clock. Milliseconds.
    heard: f64,
}

/// The callbacks have to live as long as the socket may call them.
struct Socket {
    socket: WebSocket,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_close: Closure<dyn Fn(CloseEvent)>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}

type Shared = Rc<RefCell<Connection>>;

/// Connects, and stays connected.
pub(crate) fn connect(store: Store) {
    let heard = js_sys::Date::now();
    let connection = Connection { store, socket: None, wait: FIRST_WAIT, waiting: false, heard };
    let shared = Rc::new(RefCell::new(connection));
    open(&shared);
    let watch = Closure::<dyn Fn()>::new(move || {
        let heard = shared.borrow().heard;
        if js_sys::Date::now() - heard > SILENCE {
            lost(&shared);
        }
    });
    if let Some(window) = web_sys::window() {
        let _ = window.set_interval_with_callback_and_timeout_and_arguments_0(watch.as_ref().unchecked_ref(), 1000);
    }
    watch.forget();
}

fn open(shared: &Shared) {
    let seq = shared.borrow().store.seq();
    {
        let mut this = shared.borrow_mut();
        this.waiting = false;
        this.heard = js_sys::Date::now();
    }
    let Some(socket) = address(&format!("/ws/console?after={seq}")).and_then(|url| WebSocket::new(&url).ok()) else {
        return lost(shared);
    };
    let this = shared.clone();
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(text) = event.data().as_string() {
            received(&this, &text);
        }
    });
    let this = shared.clone();
    let on_close = Closure::<dyn Fn(CloseEvent)>::new(move |_| lost(&this));
    socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
    shared.borrow_mut().socket = Some(Socket { socket, _on_message: on_message, _on_close: on_close });
}

fn received(shared: &Shared, text: &str) {
    let store = {
        let mut this = shared.borrow_mut();
        if this.waiting {
            return;
        }
        this.heard = js_sys::Date::now();
        this.store.clone()
    };
    let in_order = serde_json::from_str(text).is_ok_and(|message| store.receive(message) == Received::InOrder);
    if !in_order {
        return lost(shared);
    }
    shared.borrow_mut().wait = FIRST_WAIT;
    if store.link.get_untracked() != Link::Live {
        store.link.set(Link::Live);
    }
}

/// Notes the loss and tries again after a while, with some jitter: many pages lose a restarted server at once.
fn lost(shared: &Shared) {
    let (store, wait) = {
        let mut this = shared.borrow_mut();
        if this.waiting {
            return;
        }
        this.waiting = true;
        let wait = this.wait;
        this.wait = (wait * 2).min(LAST_WAIT);
        (this.store.clone(), wait)
    };
    if !matches!(store.link.get_untracked(), Link::Lost { .. }) {
        store.link.set(Link::Lost { since: store.now.get_untracked() });
    }
    let this = shared.clone();
    let again = Closure::once_into_js(move || {
        // Only here, not in a callback of the socket itself, may its callbacks be dropped.
        let old = this.borrow_mut().socket.take();
        drop(old);
        open(&this);
    });
    let jitter = 0.75 + js_sys::Math::random() / 2.0;
    #[allow(clippy::cast_possible_truncation, reason = "some seconds in milliseconds")]
    let wait = (f64::from(wait) * jitter) as i32;
    if let Some(window) = web_sys::window() {
        let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(again.unchecked_ref(), wait);
    }
}

/// The WebSocket address of a path on this server.
pub(crate) fn address(path: &str) -> Option<String> {
    let location = web_sys::window()?.location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}{path}", location.host().ok()?))
}
