//! A telephone over `/ws/phone`: speaks recorded audio at real time, measures what it hears.

use std::{collections::VecDeque, process::Command, time::Duration};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::program::{Program, Socket};

/// Bytes of 20 ms at 16 kHz.
const FRAME_BYTES: usize = 640;

pub struct Phone {
    socket: Socket,
    tick: Interval,
    to_say: VecDeque<Vec<u8>>,
    answered: bool,
    voiced: u32,
    quiet: u32,
}

impl Phone {
    pub async fn open(program: &Program, number: &str) -> Self {
        let socket = program.socket(&format!("/ws/phone?number={}", number.replace('+', "%2B"))).await;
        let mut tick = interval(Duration::from_millis(20));
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Self { socket, tick, to_say: VecDeque::new(), answered: false, voiced: 0, quiet: 0 }
    }

    /// Waits for the ring and picks up.
    pub async fn answer(&mut self) {
        let ringing = self.message().await;
        assert_eq!(ringing["type"], "ringing", "{ringing}");
        assert!(ringing["call"].as_str().unwrap().starts_with("outbound-"));
        self.order(json!({"type": "answer"})).await;
        let answered = self.message().await;
        assert_eq!(answered["type"], "answered", "{answered}");
        self.answered = true;
        self.tick.reset();
    }

    /// Listens, silently, until somebody has spoken and been quiet for a second. Gives how long they spoke.
    pub async fn until_they_have_spoken(&mut self) -> Duration {
        let from = self.voiced;
        let heard = async {
            while self.voiced < from + 20 || self.quiet < 50 {
                self.live().await;
            }
        };
        timeout(Duration::from_secs(60), heard).await.expect("somebody speaks within a minute");
        Duration::from_millis(20) * (self.voiced - from)
    }

    /// Says something, at real time.
    pub async fn say(&mut self, audio: &[i16]) {
        let bytes: Vec<u8> = audio.iter().flat_map(|s| s.to_le_bytes()).collect();
        self.to_say.extend(bytes.chunks_exact(FRAME_BYTES).map(<[u8]>::to_vec));
        while !self.to_say.is_empty() {
            self.live().await;
        }
    }

    pub async fn hang_up(&mut self) {
        self.order(json!({"type": "hangup"})).await;
        self.answered = false;
    }

    /// How much voice was heard so far.
    pub fn voiced(&self) -> Duration {
        Duration::from_millis(20) * self.voiced
    }

    /// One frame's worth of telephone: hears what came, or says what is due.
    pub async fn live(&mut self) {
        tokio::select! {
            message = self.socket.next() => match message {
                Some(Ok(Message::Binary(frame))) => self.hear(&frame),
                Some(Ok(_)) => {}
                _ => std::future::pending().await,
            },
            _ = self.tick.tick(), if self.answered => {
                let frame = self.to_say.pop_front().unwrap_or_else(|| vec![0; FRAME_BYTES]);
                self.socket.send(Message::Binary(frame.into())).await.unwrap();
            }
        }
    }

    fn hear(&mut self, frame: &[u8]) {
        assert_eq!(frame.len(), FRAME_BYTES, "20 ms at 16 kHz");
        let samples = frame.as_chunks::<2>().0.iter().map(|b| f64::from(i16::from_le_bytes(*b)));
        let rms = (samples.map(|s| s * s).sum::<f64>() / 320.0).sqrt();
        let voiced = rms > 200.0;
        self.voiced += u32::from(voiced);
        self.quiet = if voiced { 0 } else { self.quiet + 1 };
    }

    async fn order(&mut self, order: Value) {
        self.socket.send(Message::Text(order.to_string().into())).await.unwrap();
    }

    /// The next text message.
    async fn message(&mut self) -> Value {
        let text = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => return text,
                    Some(Ok(_)) => {}
                    other => panic!("the phone's socket: {other:?}"),
                }
            }
        };
        let text = timeout(Duration::from_secs(60), text).await.expect("a message within a minute");
        serde_json::from_str(&text).unwrap()
    }
}

/// A sentence in a voice that is not ours, 16 kHz.
pub fn espeak(sentence: &str) -> Vec<i16> {
    let dir = tempfile::tempdir().unwrap();
    let wav = dir.path().join("said.wav");
    let spoken = Command::new("espeak-ng").args(["-v", "en-gb", "-s", "150", "-w"]).arg(&wav).arg(sentence).status();
    // A test that passes without having placed a call would be taken for one that has.
    assert!(spoken.expect("espeak-ng has the other voice: .ci/setup installs it").success());
    let reader = hound::WavReader::open(&wav).unwrap();
    let rate = reader.spec().sample_rate;
    let audio: Vec<i16> = reader.into_samples().map(Result::unwrap).collect();
    warmline_telephony::resample(&audio, rate, warmline_telephony::SAMPLE_RATE)
}
