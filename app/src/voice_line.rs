//! A socket to listen on, or to speak and listen on: `/ws/listen/…`, `/ws/take-over/…`.

use std::{cell::RefCell, rc::Rc};

use js_sys::ArrayBuffer;
use leptos::prelude::{GetUntracked, RwSignal, Set};
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use crate::{
    audio::{Audio, record},
    live,
    voice::Voice,
};

/// Somebody who listens, or speaks too; it ends when dropped.
pub(crate) struct VoiceLine {
    socket: Option<WebSocket>,
    audio: Rc<RefCell<Option<Audio>>>,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_close: Closure<dyn Fn(CloseEvent)>,
    _on_open: Closure<dyn Fn()>,
}

impl Drop for VoiceLine {
    fn drop(&mut self) {
        if let Some(socket) = &self.socket {
            socket.set_onmessage(None);
            socket.set_onclose(None);
            socket.set_onopen(None);
            let _ = socket.close();
        }
        self.audio.take();
    }
}

/// Connects; call it in answer to a click, since browsers allow sound only then.
pub(crate) fn voice(path: &str, microphone: bool, state: RwSignal<Voice>) -> VoiceLine {
    state.set(Voice::Connecting);
    let socket = live::address(path).and_then(|url| WebSocket::new(&url).ok());
    let audio: Rc<RefCell<Option<Audio>>> = Rc::default();
    let speaker = audio.clone();
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        if let (Some(frame), Some(audio)) = (event.data().dyn_ref::<ArrayBuffer>(), speaker.borrow().as_ref()) {
            audio.play(frame);
        }
    });
    let speaker = audio.clone();
    let on_close = Closure::<dyn Fn(CloseEvent)>::new(move |_| {
        speaker.take();
        // Refused before it was on: why is not told to a socket.
        let refused = state.get_untracked() == Voice::Connecting;
        state.set(if refused { Voice::Refused } else { Voice::Off });
    });
    let (speaker, line) = (audio.clone(), socket.clone());
    let on_open = Closure::<dyn Fn()>::new(move || {
        let (speaker, line) = (speaker.clone(), line.clone());
        spawn_local(async move {
            let Ok(audio) = Audio::start().await else { return state.set(Voice::Silent) };
            let context = audio.context();
            speaker.replace(Some(audio));
            state.set(Voice::On);
            let Some(line) = line.filter(|_| microphone) else { return };
            let recording = record(&context, line).await.ok();
            if recording.is_none() {
                state.set(Voice::Mute);
            }
            if let Some(audio) = speaker.borrow().as_ref() {
                audio.keep(recording);
            }
        });
    });
    if let Some(socket) = &socket {
        socket.set_binary_type(BinaryType::Arraybuffer);
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
    }
    VoiceLine { socket, audio, _on_message: on_message, _on_close: on_close, _on_open: on_open }
}
