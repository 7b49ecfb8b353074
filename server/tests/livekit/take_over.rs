//! A person speaks with the customer from the browser, in the agent's place: their voice is a line like any other.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use tokio_tungstenite::tungstenite::Message;
use warmline_telephony::FRAME_SAMPLES;
use warmline_voice::lines;

use crate::{
    audio::{share_heard, words},
    program::Socket,
    world::{CUSTOMER, World},
};

const WORDS: &str = "Hello, this is Ann from the office. I am looking at your account now.";

/// What a browser does with a microphone and a loudspeaker. It hears whatever comes until it is taken off, or the socket closed.
struct Headset {
    off: oneshot::Sender<()>,
    heard: JoinHandle<Vec<i16>>,
}

impl Headset {
    fn on(mut socket: Socket, to_say: Vec<i16>) -> Self {
        let (off, mut is_off) = oneshot::channel();
        let heard = tokio::spawn(async move {
            let (mut heard, mut said) = (Vec::new(), to_say.chunks_exact(FRAME_SAMPLES));
            let mut ticks = interval(Duration::from_millis(20));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {
                        let frame = said.next().unwrap_or(&[0; FRAME_SAMPLES]);
                        let bytes: Vec<u8> = frame.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                        if socket.send(Message::Binary(bytes.into())).await.is_err() {
                            return heard;
                        }
                    }
                    message = socket.next() => match message {
                        Some(Ok(Message::Binary(bytes))) => {
                            heard.extend(bytes.as_chunks::<2>().0.iter().map(|two| i16::from_le_bytes(*two)));
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return heard,
                        Some(Ok(_)) => {}
                    },
                    _ = &mut is_off => return heard,
                }
            }
        });
        Self { off, heard }
    }

    /// Taken off; gives what it heard. The socket is gone with it.
    async fn take_off(self) -> Vec<i16> {
        let _closed_before = self.off.send(());
        self.heard.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_takes_over_from_the_browser_is_heard_hears_and_gives_back() {
    let world = World::new(&[]).await;
    let voice = world.speak(WORDS).await;
    let mut story = world.place(CUSTOMER).await;
    let said_by = |who: &'static str| move |e: &serde_json::Value| e["speaker"] == who && e["final"] == true;
    story.until("the problem", said_by("customer")).await;
    let ann = Headset::on(world.program.socket(&format!("/ws/take-over/{}?as=Ann", story.call)).await, voice);
    let bob = Headset::on(world.program.socket(&format!("/ws/listen/{}?as=Bob", story.call)).await, Vec::new());
    // The persona has heard a voice, and asks for a person: it talks with one, so that nothing comes of it.
    let wish = |e: &serde_json::Value| {
        said_by("customer")(e) && e["text"].as_str().is_some_and(|text| text.to_lowercase().contains("person"))
    };
    let wish = story.until("the wish", wish).await["text"].as_str().unwrap().to_owned();
    let view = world.view(&story).await;
    assert_eq!((&view["phase"], &view["taken_over_by"]), (&json!("conversing"), &json!("Ann")), "{view:#}");
    let said = story.said("call", "supervisor").join(" ");
    assert!(share_heard(WORDS, &said) > 0.7, "{said}{}", story.told());

    let heard_by_ann = words(&world.stt, &ann.take_off().await).await;
    assert!(share_heard(&wish, &heard_by_ann) > 0.7, "Ann heard {heard_by_ann:?}, the customer said {wish:?}");
    let back = |e: &serde_json::Value| {
        said_by("agent")(e) && e["text"].as_str().is_some_and(|text| text.contains(lines::back_again()))
    };
    story.until("the agent goes on", back).await;
    assert_eq!(world.view(&story).await["taken_over_by"], json!(null));
    let heard_by_bob = words(&world.stt, &bob.take_off().await).await;
    for (who, said) in [("Ann", WORDS), ("the customer", &wish), ("the agent", lines::back_again())] {
        assert!(share_heard(said, &heard_by_bob) > 0.6, "of what {who} said Bob heard {heard_by_bob:?}");
    }
    world.act(&story, "hangup", json!({})).await;
    story.until_ended().await;
    world.until_gone(&story).await;
    let heard_by_customer = world.words(&story, "customer").await;
    assert!(share_heard(WORDS, &heard_by_customer) > 0.7, "the customer heard {heard_by_customer:?}");
}
