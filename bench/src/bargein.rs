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
    stats::Samples,
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
    let (_, tts) = context.local().await?;
    let stand = Stand::on_exchange(context.local_speech().await?).await?;
    let said = say_all(&tts, &BREAKS_IN, &voice(1)).await?;
    let wanted = context.pick(12, 1);
    let (mut times, mut missed) = (Samples::default(), 0);
    for _ in 0..context.pick(6, 2) {
        if times.len() + missed >= wanted {
            break;
        }
        let mut phone = Phone::open(&stand.exchange, CUSTOMER)?;
        let call = stand.place(CUSTOMER).await?;
        phone.until_audible(Duration::from_secs(10)).await?;
        for audio in said.iter().cycle().take(wanted - times.len() - missed) {
            if !phone.until_quiet(Duration::from_millis(1_200)).await? {
                break;
            }
            let action = OperatorAction::Say { text: MONOLOGUE.into() };
            if stand.calls.act(&call, action, "bench".to_owned()).await.is_err() {
                break;
            }
            match interrupt(&mut phone, audio).await? {
                Some(time) => times.push(time),
                None => missed += 1,
            }
        }
        phone.hang_up();
        stand.calls.ended(&call).await;
    }
    ensure!(times.len() > 0, "the agent was never interrupted; {missed} times it went on");
    let row = Row::times("barge-in: onset at the phone → agent silent at the phone, local speech", &times).at_most(
        "p50",
        times.at(0.5),
        320.0,
        "ms",
    );
    let why = "the agent stops after 200 ms of voice, its default window; the rest is onset detection and frames";
    let row = match missed {
        0 => row.why(why),
        some => row
            .at_most("not stopped", f64::from(u32::try_from(some)?), 0.0, "")
            .why(format!("{some} times the agent went on; {why}")),
    };
    Ok(vec![row])
}

/// Milliseconds until the agent is silent; `None`: it went on, or said nothing.
async fn interrupt(phone: &mut Phone, audio: &[i16]) -> anyhow::Result<Option<f64>> {
    if phone.until_audible(Duration::from_secs(10)).await?.is_none() {
        return Ok(None);
    }
    // Well into the sentence, and while a word is heard.
    let begin = Instant::now() + Duration::from_millis(1_500);
    let mut audible = 0;
    while let Some(tick) = phone.tick().await? {
        audible = if tick.audible { audible + 1 } else { 0 };
        if tick.at >= begin && audible >= 3 {
            break;
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
            return Ok(Some((last + FRAME_TIME).saturating_duration_since(onset).as_secs_f64() * 1_000.0));
        }
        if tick.at - onset >= NOT_STOPPED {
            return Ok(None);
        }
    }
    Ok(None)
}
