//! From the onset of a customer's speech to silence in what the customer hears of the agent.

use std::time::Duration;

use anyhow::ensure;
use tokio::time::Instant;
use warmline_call::OperatorAction;
use warmline_telephony::FRAME_TIME;

use crate::{
    Context,
    phone::Phone,
    report::Row,
    speech::{say_all, voice},
    stand::Stand,
    stats::{Samples, millis},
};

const CUSTOMER: &str = "+15550200002";

/// Long, and without a pause that could be taken for silence.
const MONOLOGUE: &str = "We looked into everything that you told us about the trouble with your account and found that \
    somebody had tried to use it from another country on Tuesday night which is why we had to lock it for a while";

const BREAKS_IN: [&str; 3] =
    ["Sorry, but that can't be right at all.", "Wait a moment, I was at home then.", "Hold on, nobody told me that."];

/// The agent is silent when nothing was heard of it for so long; its clauses have shorter pauses.
const SILENT: Duration = Duration::from_millis(400);

/// An agent that goes on for so long was not interrupted.
const NOT_STOPPED: Duration = Duration::from_secs(3);

pub(crate) async fn run(context: &Context) -> anyhow::Result<Vec<Row>> {
    let stand = Stand::on_exchange(context.local_speech().await?).await?;
    Ok(vec![on(context, &stand, "exchange").await?])
}

/// On any stand with local speech; `over` says which.
pub(crate) async fn on(context: &Context, stand: &Stand, over: &str) -> anyhow::Result<Row> {
    let (_, tts) = context.local().await?;
    let said = say_all(&tts, &BREAKS_IN, &voice(1)).await?;
    let (mut times, mut went_on, mut unheard) = (Samples::default(), 0_u32, 0_u32);
    let mut left = context.pick(12, 1);
    for _ in 0..context.pick(6, 2) {
        let mut phone = Phone::open(&stand.exchange, CUSTOMER)?;
        let call = stand.place(CUSTOMER).await?;
        phone.until_audible(Duration::from_secs(10)).await?;
        for audio in said.iter().cycle() {
            if left == 0 || !phone.until_quiet(Duration::from_millis(1_200)).await? {
                break;
            }
            let action = OperatorAction::Say { text: MONOLOGUE.into() };
            if stand.calls.act(&call, action, "bench".into()).await.is_err() {
                break;
            }
            left -= 1;
            match interrupt(&mut phone, audio).await? {
                Outcome::Silent(millis) => times.push(millis),
                Outcome::WentOn => went_on += 1,
                Outcome::Unheard => unheard += 1,
            }
        }
        phone.hang_up();
        stand.calls.ended(&call).await;
    }
    ensure!(!times.is_empty() || went_on > 0, "the agent could not be interrupted: it was not heard");
    let what = format!("barge-in: onset at the phone → agent silent at the phone, local speech, {over}");
    let row = Row::times(what, &times).value("went_on", f64::from(went_on));
    let row = row.at_most("p50", times.at(0.5), 320.0, "ms").at_most("not stopped", f64::from(went_on), 0.0, "times");
    let why = "it stops after 200 ms of voice, its default window; the rest is onset detection and frames";
    Ok(row.why(format!("{went_on} times the agent went on, {unheard} times it was not heard before; {why}")))
}

/// What came of an interruption.
enum Outcome {
    /// The agent was silent after so many milliseconds.
    Silent(f64),
    /// The agent went on.
    WentOn,
    /// There was nothing to interrupt.
    Unheard,
}

/// Waits until the agent speaks, speaks over it, and listens to what it does.
async fn interrupt(phone: &mut Phone, audio: &[i16]) -> anyhow::Result<Outcome> {
    if phone.until_audible(Duration::from_secs(10)).await?.is_none() {
        return Ok(Outcome::Unheard);
    }
    // Well into the sentence, and while a word is heard.
    let begin = Instant::now() + Duration::from_millis(1_500);
    let mut audible = 0;
    while let Some(tick) = phone.tick().await? {
        audible = if tick.audible { audible + 1 } else { 0 };
        if tick.at >= begin && audible >= 3 {
            break;
        }
        if tick.at >= begin + NOT_STOPPED {
            return Ok(Outcome::Unheard);
        }
    }
    phone.say(audio);
    let mut last = None;
    while let Some(tick) = phone.tick().await? {
        let Some(onset) = phone.began() else { continue };
        if tick.audible || last.is_none() {
            last = Some(tick.at);
        }
        let Some(last) = last else { continue };
        if tick.at - last >= SILENT {
            // The last audible frame was heard until its end.
            return Ok(Outcome::Silent(millis(onset, last + FRAME_TIME)));
        }
        if tick.at - onset >= NOT_STOPPED {
            return Ok(Outcome::WentOn);
        }
    }
    Ok(Outcome::Unheard)
}
