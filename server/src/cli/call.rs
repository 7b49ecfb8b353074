use warmline_api::{CallPage, OutboundRequest, OutboundResponse};
use warmline_call::{CallId, CallView};

use super::{
    Exit, Failure,
    args::Call,
    client::Client,
    lines,
    terminal::Terminal,
    watch::{self, Whom},
};

/// Places a call, and follows it with `--watch`.
pub(super) async fn run(call: &Call, client: &Client, terminal: &Terminal) -> Result<Exit, Failure> {
    let body = OutboundRequest {
        phone_number: String::from(call.phone_number.clone()).into(),
        name: call.name.clone().map(Into::into),
        dynamic_instruction: call.instruction.clone().map(Into::into),
        language: call.language.clone(),
        emotion: call.emotion.clone(),
    };
    if call.no_escalation {
        return standard(call.watch, &body, client, terminal).await;
    }
    let placed: OutboundResponse = client.post("calls/outbound-with-escalation", &body).await?;
    if terminal.json && !call.watch {
        return terminal.value(&placed);
    }
    terminal.note(&placed.message);
    if let (false, None) = (placed.details.escalation_enabled, &placed.details.supervisor_phone) {
        terminal.note("Escalation will fail if requested: no supervisor's number is set");
    }
    if !call.watch {
        terminal.say(&placed.details.call_id);
        return Ok(Exit::Ok);
    }
    watch::follow(Whom::One(id(&placed.details.call_id)?), client, terminal).await
}

/// The standard call's answer comes when it is over; until then its id is found among the calls.
async fn standard(
    watched: bool,
    body: &OutboundRequest,
    client: &Client,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let answer = client.post_and_wait::<OutboundResponse>("calls/outbound", body);
    if !watched {
        terminal.note("calling; the transcript comes with the end of the call (Ctrl-C stops waiting)");
        let answer = tokio::select! {
            answer = answer => answer?,
            _ = tokio::signal::ctrl_c() => {
                terminal.note("stopped waiting; 'warmline calls ls' shows the call");
                return Ok(Exit::Ok);
            }
        };
        return Ok(transcript(&answer, terminal));
    }
    let before = latest(client).await?.map(|view| view.call);
    tokio::pin!(answer);
    let placed = tokio::select! {
        answer = &mut answer => id(&answer?.details.call_id)?,
        found = appears(before, body, client) => found?,
    };
    tokio::select! {
        done = watch::follow(Whom::One(placed), client, terminal) => done,
        // The request has to stay open while the call is followed; its answer adds nothing.
        failure = async { match answer.await { Err(failure) => failure, Ok(_) => std::future::pending().await } } => Err(failure),
    }
}

async fn latest(client: &Client) -> Result<Option<CallView>, Failure> {
    let page: CallPage = client.get("calls", &[("limit", "1".to_owned())]).await?;
    Ok(page.calls.into_iter().next())
}

/// The newest call to that number that was not there before.
async fn appears(before: Option<CallId>, body: &OutboundRequest, client: &Client) -> Result<CallId, Failure> {
    for _ in 0..100 {
        let page: CallPage = client.get("calls", &[("limit", "20".to_owned())]).await?;
        let new = page.calls.iter().take_while(|view| Some(&view.call) != before.as_ref());
        if let Some(view) = new.filter(|view| view.phone_number == body.phone_number).last() {
            return Ok(view.call.clone());
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    Err(Failure::new(Exit::Failure, "the call was not placed within 20 s"))
}

fn transcript(answer: &OutboundResponse, terminal: &Terminal) -> Exit {
    if terminal.json {
        terminal.json(answer);
        return Exit::Ok;
    }
    terminal.note(&answer.message);
    for line in answer.transcript.iter().flatten() {
        terminal.say(&lines::spoken(&line.speaker, &line.text));
    }
    Exit::Ok
}

fn id(text: &str) -> Result<CallId, Failure> {
    text.parse().map_err(|e: warmline_call::InvalidCallId| Failure::new(Exit::Failure, e.to_string()))
}
