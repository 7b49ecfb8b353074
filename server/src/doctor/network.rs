//! The port, the language model, and the clock.

use std::{
    io,
    time::{Duration, Instant, SystemTime},
};

use reqwest::{Client, StatusCode};
use tokio::net::TcpListener;

use super::Finding;
use crate::{
    livekit::OverLiveKit,
    settings::{Backend, Carrier, LiveKitGroup, Settings},
};

/// A moment before which no clock that is right can be (2025-01-01), seconds since 1970.
const TOO_EARLY: u64 = 1_735_689_600;

pub(super) async fn port(settings: &Settings) -> Vec<Finding> {
    let addr = settings.addr;
    let error = match TcpListener::bind(addr).await {
        Ok(_) => return vec![Finding::ok(format!("{addr} is free"))],
        Err(error) => error,
    };
    let tried = format!("listen on {addr}");
    if error.kind() != io::ErrorKind::AddrInUse {
        let fix = "set WARMLINE_ADDR=127.0.0.1:8000, or another address of this machine and a port above 1023";
        return vec![Finding::fail(tried, format!("{addr} can't be listened on: {error}"), fix)];
    }
    if is_warmline(&settings.local_url()).await {
        return vec![Finding::ok(format!("a Warmline answers at {} already", settings.local_url()))];
    }
    let other = addr.port().checked_add(1).unwrap_or(8001);
    let fix = format!("stop that program, or start on another port: warmline --addr {}:{other}", addr.ip());
    vec![Finding::fail(tried, format!("another program listens on {addr}"), fix)]
}

/// Asks the server what a call will ask of it: it is there, it takes the key, it has SIP, and the trunk.
pub(super) async fn livekit(settings: &Settings) -> Vec<Finding> {
    let Backend::LiveKit(LiveKitGroup::Complete(livekit)) = &settings.backend else {
        return vec![Finding::skipped("LIVEKIT_URL is not set: the embedded exchange places calls")];
    };
    let (asked, fix) = match livekit.carrier {
        Carrier::Sip => {
            ("its outbound trunks", "compare LIVEKIT_* in .env with: lk project list; lk sip outbound list")
        }
        Carrier::Simulated => {
            ("its rooms", "compare LIVEKIT_URL and the key in .env with the server's own configuration")
        }
    };
    let host = livekit.url.split("://").last().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let tried = format!("asked the LiveKit server {host} for {asked}");
    match OverLiveKit::check(livekit).await {
        Ok(()) => vec![Finding::ok(tried)],
        Err(cause) => vec![Finding::fail(tried, cause, fix)],
    }
}

/// Warmline answers `/healthz` and `/readyz`; the latter is 200 or 503, whatever else is wrong.
async fn is_warmline(url: &str) -> bool {
    let Ok(client) = Client::builder().timeout(Duration::from_secs(2)).no_proxy().build() else { return false };
    let Ok(health) = client.get(format!("{url}/healthz")).send().await else { return false };
    let known = health.status().is_success() && health.headers().contains_key("x-request-id");
    let Ok(ready) = client.get(format!("{url}/readyz")).send().await else { return false };
    known && matches!(ready.status(), StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE)
}

/// Asks for the list of models: it costs nothing and needs the key.
pub(super) async fn language_model(settings: &Settings) -> Vec<Finding> {
    let Some(openai) = &settings.openai else {
        return vec![Finding::skipped("none is set: the rule-based agent answers (OPENAI_API_KEY or OPENAI_BASE_URL)")];
    };
    let host = openai.base_url.split("://").last().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default().split('/').next().unwrap_or_default();
    let tried = format!("asked {host} for its models");
    let client = match Client::builder().timeout(Duration::from_secs(8)).build() {
        Ok(client) => client,
        Err(error) => {
            return vec![Finding::fail(tried, error.to_string(), "set OPENAI_BASE_URL to an http or https address")];
        }
    };
    let mut request = client.get(format!("{}/models", openai.base_url));
    if let Some(key) = &openai.key {
        request = request.bearer_auth(key.reveal());
    }
    let (status, body) = match request.send().await {
        Ok(answer) => (answer.status(), answer.text().await.unwrap_or_default()),
        Err(error) => {
            let why = if error.is_timeout() { "it does not answer in time" } else { "it can't be reached" };
            let fix = format!("check OPENAI_BASE_URL and the network: curl -sS https://{host}");
            return vec![Finding::fail(tried, format!("{host}: {why}"), fix)];
        }
    };
    vec![answered(status, &body, &openai.model, tried, host)]
}

fn answered(status: StatusCode, body: &str, model: &str, tried: String, host: &str) -> Finding {
    match status.as_u16() {
        401 | 403 => {
            Finding::fail(tried, format!("{host} refused the key ({status})"), "put a valid key into OPENAI_API_KEY")
        }
        404 | 405 => Finding::warn(
            tried,
            format!("{host} gives no list of models ({status}); calls may work all the same"),
            "check that OPENAI_BASE_URL ends as its maker says, mostly in /v1",
        ),
        429 => Finding::warn(
            tried,
            format!("{host} is over its rate limit (429)"),
            "wait, or raise the limit with its provider",
        ),
        200..=299 if names(body, model) == Some(false) => Finding::warn(
            tried,
            format!("{host} does not list the model '{model}'"),
            "set OPENAI_MODEL to one that it lists",
        ),
        200..=299 => Finding::ok(format!("{tried}; '{model}' is there")),
        _ => Finding::fail(tried, format!("{host} answered {status}"), "look at the provider's status, or try again"),
    }
}

/// Whether a list of models holds that one; `None` where the answer is no such list.
fn names(body: &str, model: &str) -> Option<bool> {
    let list: serde_json::Value = serde_json::from_str(body).ok()?;
    let list = list.get("data")?.as_array()?;
    Some(list.iter().any(|m| m.get("id").and_then(|id| id.as_str()) == Some(model)))
}

/// Compares the wall clock with the monotonic one while the other checks run.
pub(super) struct ClockProbe {
    monotonic: Instant,
    wall: SystemTime,
}

impl ClockProbe {
    pub(super) fn start() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    pub(super) fn finish(&self) -> Finding {
        compare(self.monotonic.elapsed(), self.wall, SystemTime::now())
    }
}

fn compare(elapsed: Duration, before: SystemTime, after: SystemTime) -> Finding {
    let tried = "compared the wall clock with the monotonic one";
    let fix = "switch time synchronisation on: sudo timedatectl set-ntp true";
    let since_1970 = after.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    if since_1970 < TOO_EARLY {
        return Finding::fail(tried, "the clock is years behind; certificates and time stamps will be wrong", fix);
    }
    let expected = before + elapsed;
    let jump = after.duration_since(expected).unwrap_or_else(|behind| behind.duration());
    if jump > Duration::from_secs(1) {
        return Finding::warn(tried, "the wall clock jumped while it was watched", fix);
    }
    Finding::ok(tried)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn a_clock_that_jumps_or_is_years_behind_is_noticed() {
        let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(TOO_EARLY) + day;
        assert_eq!(compare(second, now, now + second).status, Status::Ok);
        assert_eq!(compare(second, now, now + day).status, Status::Warn);
        assert_eq!(compare(second, now, now - second * 5).status, Status::Warn);
        assert_eq!(compare(second, SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + second).status, Status::Fail);
    }

    #[test]
    fn a_models_answer_is_read() {
        let list = r#"{"data":[{"id":"small"},{"id":"large"}]}"#;
        let look = |status: u16, body: &str, model: &str| {
            answered(StatusCode::from_u16(status).unwrap(), body, model, "asked".to_owned(), "host").status
        };
        assert_eq!(look(200, list, "small"), Status::Ok);
        assert_eq!(look(200, list, "medium"), Status::Warn);
        assert_eq!(look(200, "hello", "medium"), Status::Ok);
        assert_eq!(look(401, "", "small"), Status::Fail);
        assert_eq!(look(404, "", "small"), Status::Warn);
        assert_eq!(look(500, "", "small"), Status::Fail);
    }
}
