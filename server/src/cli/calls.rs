use serde_json::Value;
use warmline_api::CallPage;
use warmline_call::CallView;

use super::{
    Exit, Failure,
    args::Calls,
    client::Client,
    lines,
    terminal::Terminal,
    watch::{self, Whom},
};

/// `calls ls|show|tail|hangup`.
pub(super) async fn run(command: &Calls, client: &Client, terminal: &Terminal) -> Result<Exit, Failure> {
    match command {
        Calls::Ls { phase, q, limit } => {
            let mut query = vec![("limit", limit.to_string())];
            query.extend(phase.map(|p| ("phase", p.to_string())));
            query.extend(q.clone().map(|q| ("q", q)));
            let page: CallPage = client.get("calls", &query).await?;
            if terminal.json {
                return terminal.value(&page);
            }
            page.calls.iter().for_each(|view| terminal.say(&lines::summary(view, terminal.style)));
            if page.calls.is_empty() {
                terminal.note("no calls");
            }
            Ok(Exit::Ok)
        }
        Calls::Show { call } => {
            let view: CallView = client.get(&format!("calls/{call}"), &[]).await?;
            if terminal.json {
                return terminal.value(&view);
            }
            lines::whole(&view, terminal.style).iter().for_each(|line| terminal.say(line));
            Ok(Exit::Ok)
        }
        Calls::Tail { call: Some(call) } => watch::follow(Whom::One(call.clone()), client, terminal).await,
        Calls::Tail { call: None } => watch::follow(Whom::All, client, terminal).await,
        Calls::Hangup { call } => {
            let answer: Value = client.post(&format!("calls/{call}/hangup"), &serde_json::json!({})).await?;
            if terminal.json {
                return terminal.value(&answer);
            }
            terminal.note(&format!("{call} is hung up"));
            Ok(Exit::Ok)
        }
    }
}
