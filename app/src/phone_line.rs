//! The socket of a browser phone.

use std::{cell::RefCell, rc::Rc};

use jiff::Timestamp;
use js_sys::ArrayBuffer;
use leptos::prelude::{ArcRwSignal, GetUntracked, RwSignal, Set};
use warmline_api::{PhoneMessage, PhoneOrder};
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use crate::{
    audio::{Audio, record},
    live,
    phone::{Microphone, Phone},
};

/// A phone on the exchange; switched off when dropped.
pub(crate) struct PhoneLine {
    shared: Rc<Line>,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_close: Closure<dyn Fn(CloseEvent)>,
}

struct Line {
    socket: Option<WebSocket>,
    phone: RwSignal<Phone>,
    microphone: RwSignal<Microphone>,
    now: ArcRwSignal<Timestamp>,
    audio: RefCell<Option<Audio>>,
}

impl Drop for PhoneLine {
    fn drop(&mut self) {
        if let Some(socket) = &self.shared.socket {
            socket.set_onmessage(None);
            socket.set_onclose(None);
            let _ = socket.close();
        }
        self.shared.audio.take();
    }
}

/// Switches a phone on for that number.
pub(crate) fn phone(
    number: &str,
    phone: RwSignal<Phone>,
    microphone: RwSignal<Microphone>,
    now: ArcRwSignal<Timestamp>,
) -> PhoneLine {
    let path = format!("/ws/phone?number={}", String::from(js_sys::encode_uri_component(number)));
    let socket = live::address(&path).and_then(|url| WebSocket::new(&url).ok());
    let shared = Rc::new(Line { socket, phone, microphone, now, audio: RefCell::new(None) });
    let this = shared.clone();
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| this.received(&event));
    let this = shared.clone();
    let on_close = Closure::<dyn Fn(CloseEvent)>::new(move |_| {
        this.audio.take();
        this.phone
            .set(Phone::Off("switched off: lost the line, or the number is in use elsewhere; reload to try again"));
    });
    if let Some(socket) = &shared.socket {
        socket.set_binary_type(BinaryType::Arraybuffer);
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        let ready = Closure::once_into_js(move || phone.set(Phone::Idle));
        socket.set_onopen(Some(ready.unchecked_ref()));
    }
    PhoneLine { shared, _on_message: on_message, _on_close: on_close }
}

impl PhoneLine {
    pub(crate) fn send(&self, order: PhoneOrder) {
        self.shared.send(&order);
    }

    /// Answers. Sound starts here since browsers allow it only in answer to a click.
    pub(crate) fn answer(&self) {
        let line = self.shared.clone();
        line.phone.set(Phone::Answering);
        spawn_local(async move {
            match Audio::start().await {
                Ok(audio) => {
                    line.audio.replace(Some(audio));
                    line.send(&PhoneOrder::Answer);
                    line.record().await;
                }
                Err(_) => {
                    line.send(&PhoneOrder::Answer);
                    line.microphone.set(Microphone::Absent);
                }
            }
        });
    }
}

impl Line {
    fn send(&self, order: &PhoneOrder) {
        if let (Some(socket), Ok(json)) = (&self.socket, serde_json::to_string(order)) {
            let _ = socket.send_with_str(&json);
        }
    }

    fn received(&self, event: &MessageEvent) {
        let data = event.data();
        if let Some(frame) = data.dyn_ref::<ArrayBuffer>() {
            if let Some(audio) = self.audio.borrow().as_ref() {
                audio.play(frame);
            }
            return;
        }
        match data.as_string().and_then(|text| serde_json::from_str(&text).ok()) {
            Some(PhoneMessage::Ringing { from, .. }) => self.phone.set(Phone::Ringing { from }),
            Some(PhoneMessage::Answered) => self.phone.set(Phone::Talking { since: self.now.get_untracked() }),
            Some(PhoneMessage::Ended { reason }) => {
                self.audio.take();
                self.microphone.set(Microphone::Unused);
                self.phone.set(Phone::Ended { reason });
            }
            None => {}
        }
    }

    /// Asks for the microphone and sends what it hears. Without one the call goes on.
    async fn record(self: &Rc<Self>) {
        let (Some(socket), Some(context)) = (self.socket.clone(), self.audio.borrow().as_ref().map(Audio::context))
        else {
            return;
        };
        let recording = record(&context, socket).await.ok();
        self.microphone.set(if recording.is_some() { Microphone::On } else { Microphone::Absent });
        // The call may have ended while the browser asked.
        match self.audio.borrow().as_ref() {
            Some(audio) => audio.keep(recording),
            None => self.microphone.set(Microphone::Unused),
        }
    }
}
