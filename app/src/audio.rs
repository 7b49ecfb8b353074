//! Sound from and to a socket: 20 ms of 16-bit PCM at 16 kHz, both ways, through an `AudioWorklet`.

use std::cell::RefCell;

use js_sys::{Array, ArrayBuffer};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AudioContext, AudioContextOptions, AudioWorkletNode, AudioWorkletNodeOptions, MediaStream, MediaStreamConstraints,
    MediaStreamTrack, MessageEvent, WebSocket,
};

const SAMPLE_RATE: f32 = 16_000.0;
/// Audio that may wait in the socket before frames are dropped: 200 ms. Bytes.
const MOST_WAITING: u32 = 6_400;

/// What sounds and, where it was asked to, records.
pub(crate) struct Audio {
    context: AudioContext,
    speaker: AudioWorkletNode,
    recording: RefCell<Option<Recording>>,
}

/// A microphone that is on.
pub(crate) struct Recording {
    stream: MediaStream,
    microphone: AudioWorkletNode,
    _on_frame: Closure<dyn Fn(MessageEvent)>,
}

impl Drop for Audio {
    fn drop(&mut self) {
        if let Some(recording) = self.recording.take() {
            // Frames may be on their way still: nobody is there to take them.
            if let Ok(port) = recording.microphone.port() {
                port.set_onmessage(None);
                port.close();
            }
            for track in recording.stream.get_tracks().iter() {
                track.unchecked_into::<MediaStreamTrack>().stop();
            }
        }
        let _ = self.context.close();
    }
}

impl Audio {
    /// Lets a page sound, in answer to a click.
    pub(crate) async fn start() -> Result<Self, JsValue> {
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

    pub(crate) fn context(&self) -> AudioContext {
        self.context.clone()
    }

    /// Plays 20 ms.
    pub(crate) fn play(&self, frame: &ArrayBuffer) {
        if let Ok(port) = self.speaker.port() {
            let _ = port.post_message_with_transferable(frame, &Array::of1(frame));
        }
    }

    /// Keeps the microphone on for as long as this sounds.
    pub(crate) fn keep(&self, recording: Option<Recording>) {
        self.recording.replace(recording);
    }
}

/// Asks for the microphone and sends what it hears over a socket, frame by frame.
pub(crate) async fn record(context: &AudioContext, socket: WebSocket) -> Result<Recording, JsValue> {
    let devices = web_sys::window().ok_or(JsValue::NULL)?.navigator().media_devices()?;
    let constraints = MediaStreamConstraints::new();
    constraints.set_audio(&JsValue::TRUE);
    let stream: MediaStream =
        JsFuture::from(devices.get_user_media_with_constraints(&constraints)?).await?.dyn_into()?;
    let source = context.create_media_stream_source(&stream)?;
    let options = AudioWorkletNodeOptions::new();
    options.set_number_of_outputs(0);
    let microphone = AudioWorkletNode::new_with_options(context, "microphone", &options)?;
    let on_frame = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let Ok(frame) = event.data().dyn_into::<ArrayBuffer>() else { return };
        if socket.buffered_amount() < MOST_WAITING {
            let _ = socket.send_with_array_buffer(&frame);
        }
    });
    microphone.port()?.set_onmessage(Some(on_frame.as_ref().unchecked_ref()));
    source.connect_with_audio_node(&microphone)?;
    Ok(Recording { stream, microphone, _on_frame: on_frame })
}
