//! From the supervisor's decision to the moment at which both hear each other, and to the end of the hold music.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::{Instant, timeout};
use warmline_call::{OperatorAction, Phase};
use warmline_telephony::{FRAME_TIME, Frame, SAMPLE_RATE};
use warmline_testing::{amplitude, rms};

use crate::{
    Context,
    phone::{Phone, Tick},
    report::Row,
    speech::{Scripted, say, voice},
    stand::{SUPERVISOR, Stand},
    stats::{Samples, millis},
};

const CUSTOMER: &str = "+15550200003";

/// What customer and supervisor say: tones, which nothing else on the line sounds like.
const CUSTOMERS_TONE: f64 = 1_100.0;
const SUPERVISORS_TONE: f64 = 1_500.0;
const LOUD: f64 = 10_000.0;

/// Root mean square of what is heard beside a tone; more is music.
const MUSIC: f64 = 300.0;

/// The agent's last words come later than this, so that what is heard until then beside the tone is music.
const BEFORE_LAST_LINE: Duration = Duration::from_millis(600);

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Found {
    together: Samples,
    tail: Samples,
}

pub(crate) async fn run(context: &Context) -> anyhow::Result<Vec<Row>> {
    let (_, tts) = context.local().await?;
    let sentence = say(&tts, "One moment, please.", &voice(0)).await?;
    let stand = Stand::on_exchange(Scripted::speech(sentence.into())).await?;
    on(context, &stand, "exchange").await
}

/// On any stand with scripted speech; `over` says which.
pub(crate) async fn on(context: &Context, stand: &Stand, over: &str) -> anyhow::Result<Vec<Row>> {
    let mut found = Found::default();
    for _ in 0..context.pick(12, 2) {
        timeout(PATIENCE, one_call(stand, &mut found)).await.context("no transfer within 30 s")??;
    }
    Ok(vec![
        Row::times(format!("supervisor presses 1 → both hear each other, {over}"), &found.together)
            .at_most("p50", found.together.at(0.5), 150.0, "ms")
            .why("tones at both phones; the key takes the way of a frame"),
        Row::times(format!("supervisor presses 1 → last hold music at the customer's phone, {over}"), &found.tail)
            .at_most("p50", found.tail.at(0.5), 150.0 + 40.0, "ms"),
    ])
}

async fn one_call(stand: &Stand, found: &mut Found) -> anyhow::Result<()> {
    let mut customer = Phone::open(&stand.exchange, CUSTOMER)?;
    let mut supervisor = Phone::open(&stand.exchange, SUPERVISOR)?;
    let call = stand.place_with_escalation(CUSTOMER).await?;
    customer.until_quiet(Duration::from_millis(500)).await?;
    let action = OperatorAction::Escalate { reason: "a bench".into() };
    stand.calls.act(&call, action, "bench".into()).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    // The briefing is over when the supervisor's phone is quiet; the customer hears the music meanwhile.
    let heard = {
        let mut briefed = std::pin::pin!(async {
            supervisor.until_audible(PATIENCE).await?;
            supervisor.until_quiet(Duration::from_millis(800)).await
        });
        loop {
            tokio::select! {
                heard = &mut briefed => break heard?,
                tick = customer.tick() => ensure!(tick?.is_some(), "the customer was cut off"),
            }
        }
    };
    let phase = stand.calls.store().view(&call).await.map(|view| view.phase);
    ensure!(heard && phase == Some(Phase::Briefing), "nobody asked the supervisor");
    customer.say(&tone(CUSTOMERS_TONE));
    supervisor.say(&tone(SUPERVISORS_TONE));
    let decided = Instant::now();
    supervisor.press('1');

    let (mut at_customer, mut at_supervisor, mut music) = (None, None, decided);
    let over = |at: Option<Instant>| at.is_some_and(|at: Instant| at.elapsed() > BEFORE_LAST_LINE);
    while !(over(at_customer) && at_supervisor.is_some()) {
        tokio::select! {
            tick = customer.tick() => {
                let tick = tick?.context("the customer was cut off")?;
                if heard_tone(&tick, SUPERVISORS_TONE) {
                    at_customer.get_or_insert(tick.at);
                }
                if beside(&tick.frame, SUPERVISORS_TONE) > MUSIC && !over(at_customer) {
                    music = tick.at + FRAME_TIME;
                }
            }
            tick = supervisor.tick() => {
                let tick = tick?.context("the supervisor was cut off")?;
                if heard_tone(&tick, CUSTOMERS_TONE) {
                    at_supervisor.get_or_insert(tick.at);
                }
            }
        }
    }
    let both = at_customer.max(at_supervisor).context("they never heard each other")?;
    found.together.push(millis(decided, both));
    found.tail.push(millis(decided, music));
    customer.hang_up();
    stand.calls.ended(&call).await;
    Ok(())
}

/// Ten seconds of it.
fn tone(frequency: f64) -> Vec<i16> {
    warmline_testing::tone(frequency, LOUD, 0, 10 * SAMPLE_RATE as usize)
}

fn heard_tone(tick: &Tick, frequency: f64) -> bool {
    amplitude(&tick.frame, frequency) > LOUD / 2.0
}

/// The root mean square of what a frame holds beside that frequency.
fn beside(frame: &Frame, frequency: f64) -> f64 {
    let energy = rms(frame).powi(2);
    // A frame in which the tone begins or ends holds it in part: its spectrum is wide, and no music.
    let tone = amplitude(frame, frequency).powi(2) / 2.0;
    if tone > energy / 10.0 { 0.0 } else { energy.sqrt() }
}
