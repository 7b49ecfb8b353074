use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Exit, Failure};

/// Warmline's REST API, as the commands need it.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
}

/// How long an ordinary answer may take.
const ANSWER: Duration = Duration::from_secs(30);

impl Client {
    pub(super) fn new(url: &str) -> Result<Self, Failure> {
        let wrong =
            |why: String| Failure::new(Exit::Usage, format!("--url '{url}' is no http or https address: {why}"));
        let with_scheme = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let mut base: Url = with_scheme.parse().map_err(|e| wrong(format!("{e}")))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(wrong(format!("its scheme is {}", base.scheme())));
        }
        base.set_query(None);
        base.set_fragment(None);
        let here = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let builder = reqwest::Client::builder().connect_timeout(Duration::from_secs(5));
        let builder = if here { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(|e| Failure::new(Exit::Failure, e.to_string()))?;
        Ok(Self { http, base })
    }

    /// A path below the base, `calls/outbound-…`, with its query.
    fn url(&self, path: &str, query: &[(&str, String)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Where the console's events come from.
    pub(super) fn console(&self, after: Option<u64>) -> String {
        let query: Vec<_> = after.map(|seq| ("after", seq.to_string())).into_iter().collect();
        let url = self.url("ws/console", &query);
        format!("ws{}", url.as_str().trim_start_matches("http"))
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, Failure> {
        let request = self.http.request(Method::GET, self.url(path, query)).timeout(ANSWER);
        self.value(self.send(request).await?).await
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let request = self.http.request(Method::POST, self.url(path, &[])).json(body).timeout(ANSWER);
        self.value(self.send(request).await?).await
    }

    /// A POST whose answer comes when the call is over.
    pub(super) async fn post_and_wait<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let request = self.http.request(Method::POST, self.url(path, &[])).json(body);
        self.value(self.send(request).await?).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let body = answer.text().await.unwrap_or_default();
        Err(refused(status, &body))
    }

    async fn value<T: DeserializeOwned>(&self, answer: Response) -> Result<T, Failure> {
        let body = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        serde_json::from_slice(&body).map_err(|error| {
            Failure::new(Exit::Failure, format!("{} gave an answer that is not Warmline's: {error}", self.base))
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let why = if error.is_timeout() { "does not answer in time" } else { "can't be reached" };
        let hint = "Is 'warmline serve' running? --url names another address";
        Failure::new(Exit::Unreachable, format!("{} {why}. {hint}", self.base.as_str().trim_end_matches('/')))
    }
}

/// What a refusal means to the shell, with its `detail` for the person.
pub(super) fn refused(status: StatusCode, body: &str) -> Failure {
    let exit = match status.as_u16() {
        404 => Exit::NotFound,
        400 | 409 | 413 | 422 | 429 => Exit::Rejected,
        503 => Exit::NotReady,
        _ => Exit::Failure,
    };
    let detail = serde_json::from_str::<Value>(body).ok().and_then(|v| detail(v.get("detail")?));
    Failure::new(exit, detail.unwrap_or_else(|| format!("the server answered {status}")))
}

/// A sentence, or the list of what does not validate.
fn detail(detail: &Value) -> Option<String> {
    if let Some(text) = detail.as_str() {
        return Some(crate::text::printable(text));
    }
    let lines: Vec<_> = detail
        .as_array()?
        .iter()
        .map(|item| {
            let place: Vec<_> = item["loc"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            format!("{}: {}", place.join("."), item["msg"].as_str().unwrap_or("not valid"))
        })
        .collect();
    (!lines.is_empty()).then(|| crate::text::printable(&lines.join("; ")))
}
