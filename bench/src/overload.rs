//! More calls than the machine can hear: how many are taken on, and whether those are answered as if the others weren't there.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use futures::future::try_join_all;
use tokio::time::{Instant, sleep};
use warmline::calls::PlaceError;
use warmline_voice::Load;

use crate::{
    Context,
    phone::Phone,
    report::{Row, number},
    speech::{say_all, voice},
    stand::Stand,
    stats::{Samples, millis},
};

/// What callers say: nothing that ends the call or asks for a human.
const SAID: [&str; 6] = [
    "I can't log in to my account since yesterday.",
    "I tried to reset the password, but the mail never arrives.",
    "It happens on my phone and on my computer as well.",
    "I also looked into the spam folder, and there was nothing.",
    "The page only says that something went wrong.",
    "It worked without any trouble until last week.",
];
/// Calls are offered one after the other, about as fast as an outbound campaign does.
const APART: Duration = Duration::from_millis(150);
/// An answer that takes longer is none.
const NO_ANSWER: Duration = Duration::from_secs(15);
/// The agent has said what it wants to say.
const QUIET: Duration = Duration::from_millis(1_000);
/// An accepted call's answers, p90.
const GOAL_MS: f64 = 1_500.0;

#[derive(Default)]
struct Call {
    greeting: Option<f64>,
    responses: Vec<f64>,
    unanswered: usize,
}

pub(crate) async fn run(context: &Context) -> anyhow::Result<Vec<Row>> {
    let speech = context.local_speech().await?;
    let (_, tts) = context.local().await?;
    tts.render_all(&warmline_voice::lines::all_fixed(), &voice(0)).await?;
    let said: Arc<[_]> = say_all(&tts, context.pick(&SAID[..], &SAID[..1]), &voice(1)).await?.into();
    let capacity = speech.load().calls.unwrap_or(1);
    let stand = Arc::new(Stand::on_exchange(speech).await?);
    let mut rows = Vec::new();
    for factor in context.pick(&[1, 2, 3, 4][..], &[1]) {
        let offered = context.pick(capacity * factor, 2);
        rows.push(step(context, &stand, *factor, offered, &said).await?);
    }
    Ok(rows)
}

async fn step(
    context: &Context,
    stand: &Arc<Stand>,
    factor: usize,
    offered: usize,
    said: &Arc<[Arc<[i16]>]>,
) -> anyhow::Result<Row> {
    stand.all_ended().await?;
    let before = settled(stand).await?;
    let calls = (0..offered).map(|n| {
        let (stand, said) = (Arc::clone(stand), Arc::clone(said));
        context.load.spawn(async move {
            sleep(APART * u32::try_from(n)?).await;
            call(&stand, &format!("+1555{factor:03}{n:04}"), &said).await
        })
    });
    let (mut accepted, mut unanswered) = (0_usize, 0);
    let (mut responses, mut greetings) = (Samples::default(), Samples::default());
    for call in try_join_all(calls.collect::<Vec<_>>()).await? {
        let Some(call) = call? else { continue };
        accepted += 1;
        unanswered += call.unanswered + usize::from(call.greeting.is_none());
        call.responses.into_iter().for_each(|response| responses.push(response));
        call.greeting.into_iter().for_each(|greeting| greetings.push(greeting));
    }
    ensure!(accepted > 0, "not one of {offered} calls was accepted");
    let now = stand.calls.speech().load();
    let refused = offered - accepted;
    let failed = now.failed - before.failed;
    let row = Row::times(format!("{factor} × what the machine can hear: {offered} calls offered, answers"), &responses);
    let row = row
        .value("offered", offered as f64)
        .value("accepted", accepted as f64)
        .value("refused", refused as f64)
        .value("unanswered", unanswered as f64)
        .value("failed", failed as f64)
        .value("late", (now.late - before.late) as f64)
        .value("shed_partials", (now.shed_partials - before.shed_partials) as f64)
        .value("shed_speculative", (now.shed_speculative - before.shed_speculative) as f64)
        .at_most("p90", responses.at(0.9), GOAL_MS, "ms")
        .at_most("unanswered", unanswered as f64, 0.0, "turns")
        .at_most("failed", failed as f64, 0.0, "inferences");
    Ok(row.why(format!(
        "{accepted} accepted, {refused} refused; greeting p50 {} p90 {} ms; {} partials and {} speculative sentences left out, \
         {} inferences late; a second of speech takes {} s to recognise and {} s to make",
        number(greetings.at(0.5)),
        number(greetings.at(0.9)),
        now.shed_partials - before.shed_partials,
        now.shed_speculative - before.shed_speculative,
        now.late - before.late,
        number(now.recognition_rate),
        number(now.synthesis_rate),
    )))
}

/// How busy speech is once it has calmed down.
async fn settled(stand: &Stand) -> anyhow::Result<Load> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let load = stand.calls.speech().load();
        if !load.overloaded && load.busy == 0 {
            return Ok(load);
        }
        ensure!(Instant::now() < deadline, "speech is still busy though no call is open: {load:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// A caller who says everything and hangs up; `None`: not taken on.
async fn call(stand: &Stand, number: &str, said: &[Arc<[i16]>]) -> anyhow::Result<Option<Call>> {
    let mut phone = Phone::open(&stand.exchange, number)?;
    let placed = Instant::now();
    let id = match stand.place(number).await {
        Ok(id) => id,
        Err(error) if matches!(error.downcast_ref(), Some(PlaceError::Overloaded { .. })) => return Ok(None),
        Err(error) => return Err(error),
    };
    let greeting = phone.until_audible(NO_ANSWER).await?.map(|heard| millis(placed, heard));
    let mut call = Call { greeting, ..Call::default() };
    for audio in said {
        if !phone.until_quiet(QUIET).await? {
            break;
        }
        phone.say(audio);
        while !phone.is_silent() && phone.tick().await?.is_some() {}
        let Some(ended) = phone.ended() else { break };
        match phone.until_audible(NO_ANSWER).await? {
            Some(heard) => call.responses.push(millis(ended, heard)),
            None => call.unanswered += 1,
        }
    }
    phone.hang_up();
    stand.calls.ended(&id).await;
    Ok(Some(call))
}
