//! Prints what is said in WAV files (16 kHz, mono, 16 bit): `cargo run --release -p warmline-speech-local --example
//! recognise -- a.wav b.wav`.

use std::time::Instant;

use warmline_speech_local::{LocalSpeech, models};
use warmline_voice::{Expect, SpeechToText, Urgency, Utterance};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (stt, _) = LocalSpeech::load(models::default_dir())?;
    for path in std::env::args().skip(1) {
        let audio: Vec<i16> = hound::WavReader::open(&path)?.samples::<i16>().collect::<Result<_, _>>()?;
        let seconds = audio.len() as f64 / 16_000.0;
        let utterance =
            Utterance { audio: audio.into(), language: "en".into(), urgency: Urgency::Final, expect: Expect::Anything };
        let start = Instant::now();
        let text = stt.recognise(utterance).await?;
        println!("{path} ({seconds:.1} s of sound, {:.2} s of time): {text}", start.elapsed().as_secs_f64());
    }
    Ok(())
}
