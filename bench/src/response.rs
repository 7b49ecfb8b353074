//! From the end of what a customer says to the agent's first sound at the customer's phone; and from the POST to the
//! greeting.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use futures::future::try_join_all;
use tokio::{sync::broadcast, time::Instant};
use warmline_call::{CallId, Event};

use crate::{
    Context,
    phone::Phone,
    report::{Row, number},
    speech::{Scripted, say, say_all, voice},
    stand::Stand,
    stats::{Samples, millis},
};

const CUSTOMER: &str = "+15550200001";

/// What the customer says: nothing that ends the call or asks for a human.
const SAID: [&str; 8] = [
    "Yes, this is Jordan speaking.",
    "I can't log in to my account since yesterday.",
    "I tried to reset the password, but the mail never arrives.",
    "It happens on my phone and on my computer as well.",
    "I also looked into the spam folder, and there was nothing.",
    "The page only says that something went wrong.",
    "My colleague has the same problem with his account.",
    "It worked without any trouble until last week.",
];

/// An answer that takes longer is none.
const NO_ANSWER: Duration = Duration::from_secs(10);

/// On a machine that is too busy to answer, calls are placed again so often.
const ROUNDS: usize = 3;

/// The agent has said what it wants to say.
const QUIET: Duration = Duration::from_millis(1_200);

#[derive(Default)]
struct Found {
    response: Samples,
    beyond: Samples,
    split: [Samples; 4],
    greeting: Samples,
    unanswered: usize,
}

pub(crate) async fn run(context: &Context) -> anyhow::Result<Vec<Row>> {
    let stand = Stand::on_exchange(context.local_speech().await?).await?;
    let mut rows = on(context, &stand, "exchange").await?;
    let (_, tts) = context.local().await?;
    let reply = say(&tts, "I see, and then?", &voice(0)).await?;
    let scripted = Arc::new(Stand::on_exchange(Scripted::speech(reply.into())).await?);
    for sessions in context.pick(&[4, 8][..], &[2]) {
        rows.push(at_once(context, &scripted, *sessions, "exchange").await?);
    }
    Ok(rows)
}

/// One call after the other on any stand with local speech; `over` says which.
pub(crate) async fn on(context: &Context, stand: &Stand, over: &str) -> anyhow::Result<Vec<Row>> {
    let (_, tts) = context.local().await?;
    let said = say_all(&tts, context.pick(&SAID[..], &SAID[..2]), &voice(1)).await?;
    let wanted = context.pick(20, 2);
    let mut found = Found::default();
    // A call may end before all was said; then another one goes on.
    for _ in 0..context.pick(12, 3) {
        if found.response.len() + found.unanswered < wanted {
            one_call(stand, CUSTOMER, &said, wanted, &mut found).await?;
        }
    }
    ensure!(!found.response.is_empty(), "the agent never answered");
    Ok(found.rows(over))
}

/// Several calls at once, on a stand with providers that answer at once, so that the machine's cores are Warmline's.
pub(crate) async fn at_once(context: &Context, stand: &Arc<Stand>, sessions: usize, over: &str) -> anyhow::Result<Row> {
    let (_, tts) = context.local().await?;
    let said: Arc<[_]> = say_all(&tts, context.pick(&SAID[..], &SAID[..2]), &voice(1)).await?.into();
    let wanted = context.pick(8, 1);
    let mut beyond = Samples::default();
    for _ in 0..ROUNDS {
        let calls = (0..sessions).map(|n| {
            let (stand, said) = (Arc::clone(stand), Arc::clone(&said));
            context.load.spawn(async move {
                let mut found = Found::default();
                one_call(&stand, &format!("+1555021{n:04}"), &said, wanted, &mut found).await?;
                anyhow::Ok(found)
            })
        });
        for found in try_join_all(calls.collect::<Vec<_>>()).await? {
            found?.beyond.values().iter().for_each(|value| beyond.push(*value));
        }
        if !beyond.is_empty() {
            break;
        }
    }
    ensure!(!beyond.is_empty(), "the agent never answered");
    let what = format!("the same beyond at {sessions} talking sessions, providers that answer at once, {over}");
    let row = Row::times(what, &beyond).at_most("p50", beyond.at(0.5), 220.0, "ms");
    Ok(row.at_most("p90", beyond.at(0.9), 260.0, "ms"))
}

async fn one_call(
    stand: &Stand,
    number: &str,
    said: &[Arc<[i16]>],
    wanted: usize,
    found: &mut Found,
) -> anyhow::Result<()> {
    let mut phone = Phone::open(&stand.exchange, number)?;
    let placed = Instant::now();
    let call = stand.place(number).await?;
    let Some(greeted) = phone.until_audible(NO_ANSWER).await? else { return Ok(()) };
    found.greeting.push(millis(placed, greeted));
    let mut events = stand.calls.store().subscribe();
    for audio in said {
        if found.response.len() + found.unanswered >= wanted || !phone.until_quiet(QUIET).await? {
            break;
        }
        drain(&mut events, &call);
        phone.say(audio);
        let mut heard = None;
        while !phone.is_silent() && phone.tick().await?.is_some() {}
        let Some(ended) = phone.ended() else { break };
        while heard.is_none() && ended.elapsed() < NO_ANSWER {
            let Some(tick) = phone.tick().await? else { break };
            heard = tick.audible.then_some(tick.at);
        }
        let Some(heard) = heard else {
            found.unanswered += 1;
            continue;
        };
        let response = millis(ended, heard);
        found.response.push(response);
        let over = !phone.until_quiet(QUIET).await?;
        // Somebody who pauses for long may have been answered before; the last answer is the one that was measured.
        if let [.., Event::TurnMetrics { endpointing_ms, stt_ms, llm_first_token_ms, tts_first_audio_ms, .. }] =
            drain(&mut events, &call).as_slice()
        {
            let parts = [endpointing_ms, stt_ms, llm_first_token_ms, tts_first_audio_ms].map(|ms| f64::from(*ms));
            for (samples, part) in found.split.iter_mut().zip(parts) {
                samples.push(part);
            }
            found.beyond.push((response - parts.iter().sum::<f64>()).max(0.0));
        }
        if over {
            break;
        }
    }
    phone.hang_up();
    stand.calls.ended(&call).await;
    Ok(())
}

/// The turns' times that were told since the last look.
fn drain(events: &mut broadcast::Receiver<Arc<warmline::store::Delivered>>, call: &CallId) -> Vec<Event> {
    let mut turns = Vec::new();
    while let Ok(delivered) = events.try_recv() {
        let recorded = &delivered.recorded;
        if recorded.call == *call && matches!(recorded.event, Event::TurnMetrics { .. }) {
            turns.push(recorded.event.clone());
        }
    }
    turns
}

impl Found {
    fn rows(&self, over: &str) -> Vec<Row> {
        let split = self.explain();
        let unanswered = match self.unanswered {
            0 => String::new(),
            some => format!("; {some} turns were not answered in {} s", NO_ANSWER.as_secs()),
        };
        let response =
            Row::times(format!("end of speech → first audio at the phone, local speech, {over}"), &self.response)
                .at_most("p50", self.response.at(0.5), 1_000.0, "ms")
                .why(format!("{split}{unanswered}"));
        let beyond = Row::times(format!("of it beyond endpointing and providers, {over}"), &self.beyond)
            .at_most("p50", self.beyond.at(0.5), 220.0, "ms")
            .at_most("p90", self.beyond.at(0.9), 260.0, "ms")
            .why("frames at both ends, buffers and the telephone filter; the goals allow 175 ms for LiveKit");
        let greeting = Row::times(
            format!("placed → greeting heard, warm, at a phone that answers at once, {over}"),
            &self.greeting,
        )
        .at_most("p50", self.greeting.at(0.5), 400.0, "ms");
        vec![response, beyond, greeting]
    }

    /// Where the time of the turns went, by the turns' own metrics.
    fn explain(&self) -> String {
        let [endpointing, stt, llm, tts] = [0, 1, 2, 3].map(|part| number(self.split[part].at(0.5)));
        let count = self.split[0].len();
        format!("p50 of {count} turns' metrics: endpointing {endpointing}, STT {stt}, brain {llm}, TTS {tts} ms")
    }
}
