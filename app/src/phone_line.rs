//! The socket of a browser phone and its audio: 20 ms of 16-bit PCM at 16 kHz, both ways, through an `AudioWorklet`.

use std::{cell::RefCell, rc::Rc};

use jiff::Timestamp;
use js_sys::{Array, ArrayBuffer};
use leptos::prelude::{ArcRwSignal, GetUntracked, RwSignal, Set};
use warmline_api::{PhoneMessage, PhoneOrder};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    AudioContext, AudioContextOptions, AudioWorkletNode, AudioWorkletNodeOptions, BinaryType, CloseEvent, MediaStream,
    MediaStreamConstraints, MediaStreamTrack, MessageEvent, WebSocket,
};

use crate::{
    live,
    phone::{Microphone, Phone},
};

const SAMPLE_RATE: f32 = 16_000.0;
/// Audio that may wait in the socket before frames are dropped: 200 ms. Bytes.
const MOST_WAITING: u32 = 6_400;

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

/// What sounds and records while the phone is answered.
struct Audio {
    context: AudioContext,
    speaker: AudioWorkletNode,
    recording: RefCell<Option<Recording>>,
}

struct Recording {
    stream: MediaStream,
    _on_frame: Closure<dyn Fn(MessageEvent)>,
}

impl Drop for Audio {
    fn drop(&mut self) {
        if let Some(recording) = self.recording.take() {
            for track in recording.stream.get_tracks().iter() {
                track.unchecked_into::<MediaStreamTrack>().stop();
            }
        }
        let _ = self.context.close();
    }
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
            if let Some(port) = self.audio.borrow().as_ref().and_then(|a| a.speaker.port().ok()) {
                let _ = port.post_message_with_transferable(frame, &Array::of1(frame));
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
        let recording = match self.context() {
            Some(context) => record(&context, self.clone()).await.ok(),
            None => None,
        };
        self.microphone.set(if recording.is_some() { Microphone::On } else { Microphone::Absent });
        // The call may have ended while the browser asked.
        match self.audio.borrow().as_ref() {
            Some(audio) => {
                audio.recording.replace(recording);
            }
            None => self.microphone.set(Microphone::Unused),
        }
    }

    fn context(&self) -> Option<AudioContext> {
        self.audio.borrow().as_ref().map(|a| a.context.clone())
    }
}

impl Audio {
    async fn start() -> Result<Self, JsValue> {
        let options = AudioContextOptions::new();
        options.set_sample_rate(SAMPLE_RATE);
        let context = AudioContext::new_with_context_options(&options)?;
        JsFuture::from(context.audio_worklet()?.add_module("/phone-worklet.js")?).await?;
        let options = AudioWorkletNodeOptions::new();
        options.set_number_of_inputs(0);
        options.set_output_channel_count(&Array::of1(&JsValue::from(1)));
        let speaker = AudioWorkletNode::new_with_options(&context, "speaker", &options)?;
        speaker.connect_with_audio_node(&context.destination())?;
        Ok(Self { context, speaker, recording: RefCell::new(None) })
    }
}

async fn record(context: &AudioContext, line: Rc<Line>) -> Result<Recording, JsValue> {
    let devices = web_sys::window().ok_or(JsValue::NULL)?.navigator().media_devices()?;
    let constraints = MediaStreamConstraints::new();
    constraints.set_audio(&JsValue::TRUE);
    let stream: MediaStream =
        JsFuture::from(devices.get_user_media_with_constraints(&constraints)?).await?.dyn_into()?;
    let source = context.create_media_stream_source(&stream)?;
    let options = AudioWorkletNodeOptions::new();
    options.set_number_of_outputs(0);
    let microphone = AudioWorkletNode::new_with_options(context, "microphone", &options)?;
    let line = Rc::downgrade(&line);
    let on_frame = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let Some(line) = line.upgrade() else { return };
        let (Some(socket), Ok(frame)) = (&line.socket, event.data().dyn_into::<ArrayBuffer>()) else { return };
        if socket.buffered_amount() < MOST_WAITING {
            let _ = socket.send_with_array_buffer(&frame);
        }
    });
    microphone.port()?.set_onmessage(Some(on_frame.as_ref().unchecked_ref()));
    source.connect_with_audio_node(&microphone)?;
    Ok(Recording { stream, _on_frame: on_frame })
}
