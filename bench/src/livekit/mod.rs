//! Measurements through a real LiveKit server: its participants, and calls over it with the simulated carrier.

mod delay;
mod participants;
mod server;
pub(crate) mod subject;

use std::sync::Arc;

use crate::{
    Context, bargein, handover,
    report::Row,
    response,
    speech::{Scripted, say, voice},
    stand::Stand,
};
use server::Server;

/// The way that calls take here, for the rows' names.
const OVER: &str = "over LiveKit";

/// Participants, the time that joining takes, the delay of sound.
pub(crate) async fn participants(context: &Context) -> anyhow::Result<Vec<Row>> {
    let Some(server) = start().await? else { return Ok(vec![skipped("participants")]) };
    let mut rows = vec![delay::run(context, &server).await?];
    rows.extend(participants::run(context, &server).await?);
    Ok(rows)
}

/// Turns, barge-in and the handover, all audio both ways through the server.
pub(crate) async fn calls(context: &Context) -> anyhow::Result<Vec<Row>> {
    let Some(server) = start().await? else { return Ok(vec![skipped("calls")]) };
    let (_, tts) = context.local().await?;
    let local = Stand::on_livekit(context.local_speech().await?, server.project()).await?;
    let mut rows = response::on(context, &local, OVER).await?;
    rows.push(bargein::on(context, &local, OVER).await?);
    let reply = say(&tts, "I see, and then?", &voice(0)).await?;
    let scripted = Arc::new(Stand::on_livekit(Scripted::speech(reply.into()), server.project()).await?);
    for sessions in context.pick(&[4, 8][..], &[2]) {
        rows.push(response::at_once(context, &scripted, *sessions, OVER).await?);
    }
    let sentence = say(&tts, "One moment, please.", &voice(0)).await?;
    let stand = Stand::on_livekit(Scripted::speech(sentence.into()), server.project()).await?;
    rows.extend(handover::on(context, &stand, OVER).await?);
    Ok(rows)
}

async fn start() -> anyhow::Result<Option<Server>> {
    match server::program() {
        Some(program) => Ok(Some(Server::start(program).await?)),
        None => Ok(None),
    }
}

fn skipped(what: &str) -> Row {
    Row::new(
        format!("{what} {OVER}"),
        "not measured: there is no livekit-server (cargo xtask livekit builds it with Go)",
    )
}
