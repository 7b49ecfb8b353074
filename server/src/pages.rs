//! The pages: rendered here with a snapshot of the calls, then live in the browser. And the form that works without it.

use std::{path::PathBuf, time::Duration};

use any_spawner::Executor;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Query, Request, State},
    http::{HeaderValue, StatusCode, Uri, header},
    middleware::from_fn,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use leptos::{config::LeptosOptions, nonce::Nonce, prelude::provide_context};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tower::ServiceExt;
use tower_http::{CompressionLevel, compression::CompressionLayer, services::ServeDir};
use warmline_api::{CallPage, OutboundRequest, OutboundResponse, Report};
use warmline_app::{DeskInfo, Given, Refusal, Snapshot, shell};
use warmline_call::Private;

use crate::http::{self, ApiError, AppState};

/// The pages' addresses. They are rendered for each request; everything else of the site is a file.
const PAGES: &[&str] = &["/", "/console", "/call/{id}", "/history", "/phone", "/setup"];

/// How long the set-up page waits for the doctor; a browser asks again.
const PATIENCE: Duration = Duration::from_secs(2);

/// How hard a page is compressed while somebody waits for it: more would take longer than it spares.
const COMPRESSION: i32 = 4;

/// Bytes of a REST answer that the form reads.
const ANSWER: usize = 64 * 1024;

#[derive(Clone)]
struct Pages {
    app: AppState,
    options: LeptosOptions,
    files: ServeDir,
}

/// The form as a browser posts it.
#[derive(Deserialize)]
struct CallForm {
    phone_number: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    dynamic_instruction: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    emotion: String,
    #[serde(default)]
    idempotency_key: String,
}

/// The pages, the form and the site's files; the latter are also the fallback.
pub fn routes(app: AppState, site: PathBuf) -> Router {
    // Rendering needs Leptos' executor, and this is what starts it.
    let _started_before = Executor::init_tokio();
    // Which program a page is of, the page itself says.
    let options = LeptosOptions::builder().output_name("calls").site_root(site.display().to_string()).build();
    let files = ServeDir::new(&site).precompressed_br().precompressed_gzip().append_index_html_on_directories(false);
    let router = Router::new().route("/form/call", post(place)).fallback(get(file));
    let shown = get(page).layer(from_fn(http::tell_browsers_apart));
    let router = PAGES.iter().fold(router, |router, path| router.route(path, shown.clone()));
    // Files are compressed already.
    let compression = CompressionLayer::new().quality(CompressionLevel::Precise(COMPRESSION));
    router.layer(compression).with_state(Pages { app, options, files })
}

async fn page(State(pages): State<Pages>, request: Request) -> Response {
    let given = pages.given(request.uri()).await;
    let options = pages.options.clone();
    let nonce = format!("{:032x}", rand::random::<u128>());
    let policy = http::page_policy(&nonce);
    let render = leptos_axum::render_app_to_stream_with_context(
        move || {
            provide_context(given.clone());
            // Leptos puts it on the scripts that it writes into the page.
            provide_context(Nonce::from_value(nonce.clone()));
        },
        move || shell(options.clone()),
    );
    let mut response = render(request).await;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// Whether a browser asks, for a page to show.
fn shows_pages(request: &Request) -> bool {
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accepts.contains("text/html")
}

/// A file of the site, or 404: as a page for a browser, as JSON for a program.
async fn file(State(pages): State<Pages>, request: Request) -> Response {
    let browser = shows_pages(&request);
    let uri = request.uri().clone();
    match pages.files.clone().oneshot(request).await {
        Ok(response) if response.status() != StatusCode::NOT_FOUND => {
            // Names stay the same from build to build: a browser asks whether its copy is still good.
            ([(header::CACHE_CONTROL, "no-cache")], response.map(Body::new)).into_response()
        }
        _ if browser => {
            let request = Request::builder().uri(uri).body(Body::empty()).unwrap_or_default();
            let mut response = page(State(pages), request).await;
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
        _ => http::not_found().await,
    }
}

/// The form's plain post: to the call's page, or back with what was wrong. A program that posts something else is told so.
async fn place(State(pages): State<Pages>, request: Request) -> Response {
    let (browser, mut headers) = (shows_pages(&request), request.headers().clone());
    let form: CallForm = match http::form(request, &pages.app).await {
        Ok(form) => form,
        Err(_) if browser => return Redirect::to(&format!("/?error={}", Refusal::Unreadable.code())).into_response(),
        Err(error) => return error.into_response(),
    };
    headers.remove("idempotency-key");
    let key = form.key();
    if let Some(key) = &key {
        headers.insert("idempotency-key", key.clone());
    }
    let refused = match http::start_with_escalation(pages.app.clone(), headers, form.request()).await {
        Ok(response) => match call_of(response).await {
            Some(id) => return to_call(&id),
            None => Refusal::Failed,
        },
        Err(error) => match pages.being_placed(&error, key).await {
            Some(id) => return to_call(&id),
            None => refusal(&error),
        },
    };
    back(&form, refused)
}

fn to_call(id: &str) -> Response {
    Redirect::to(&format!("/call/{id}")).into_response()
}

async fn call_of(response: Response) -> Option<String> {
    let body = to_bytes(response.into_body(), ANSWER).await.ok()?;
    let answer: OutboundResponse = serde_json::from_slice(&body).ok()?;
    Some(answer.details.call_id)
}

/// What the form says of an error.
fn refusal(error: &ApiError) -> Refusal {
    match error.status() {
        StatusCode::BAD_REQUEST => Refusal::Phone,
        StatusCode::TOO_MANY_REQUESTS => Refusal::Busy,
        StatusCode::UNPROCESSABLE_ENTITY => match error.fields().next() {
            Some("phone_number") => Refusal::Phone,
            Some("name") => Refusal::Name,
            Some("dynamic_instruction") => Refusal::Instruction,
            Some("language") => Refusal::Language,
            _ => Refusal::Unreadable,
        },
        _ => Refusal::NotReady,
    }
}

fn back(form: &CallForm, refused: Refusal) -> Response {
    let query = [
        ("error", refused.code()),
        ("phone", &form.phone_number),
        ("name", &form.name),
        ("instruction", &form.dynamic_instruction),
        ("language", &form.language),
        ("emotion", &form.emotion),
    ];
    match serde_urlencoded::to_string(query) {
        Ok(query) => Redirect::to(&format!("/?{query}")).into_response(),
        Err(_) => Redirect::to("/").into_response(),
    }
}

impl Pages {
    /// The call that an earlier press of the same button is placing at this moment: a second press leads where the first does.
    async fn being_placed(&self, error: &ApiError, key: Option<HeaderValue>) -> Option<String> {
        let key = key.filter(|_| error.status() == StatusCode::CONFLICT)?;
        let call = self.app.calls.store().call_of_key(key.to_str().ok()?).await;
        call.ok().flatten().map(|call| call.to_string())
    }

    /// All that the page is rendered from.
    async fn given(&self, uri: &Uri) -> Given {
        let history = match uri.path() {
            "/history" => self.history(uri).await,
            _ => None,
        };
        let report = match uri.path() {
            "/setup" => {
                let report = tokio::time::timeout(PATIENCE, self.app.examine()).await.ok().flatten();
                report.map(|report| Report::clone(&report))
            }
            _ => None,
        };
        let address = uri.path_and_query().map_or_else(String::new, ToString::to_string);
        Given { address, snapshot: self.snapshot(uri.path()).await, desk: self.desk(), history, report }
    }

    fn desk(&self) -> DeskInfo {
        let defaults = self.app.calls.defaults();
        DeskInfo {
            supervisor: defaults.supervisor_phone.map(|phone| masked(phone.reveal())),
            escalation: defaults.escalation_enabled,
            missing: self.app.calls.readiness().err().unwrap_or_default(),
            exchange: self.app.calls.has_exchange(),
        }
    }

    /// The history's first page. A query that makes no sense shows everything: the form shows what was asked.
    async fn history(&self, uri: &Uri) -> Option<CallPage> {
        let Query(mut pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).unwrap_or_default();
        pairs.retain(|(_, value)| !value.is_empty());
        let filter = http::filter_of(pairs);
        let _turn = if http::searches(uri) { Some(self.app.turn().await.ok()?) } else { None };
        self.app.calls.store().list(&filter).await.ok()
    }

    /// The board; on a call's page that call too, should it be too old for the board.
    async fn snapshot(&self, path: &str) -> Snapshot {
        let store = self.app.calls.store();
        let (seq, mut calls) = store.snapshot();
        if let Some(id) = path.strip_prefix("/call/").and_then(|id| id.parse().ok())
            && calls.iter().all(|call| call.call != id)
        {
            calls.extend(store.view(&id).await);
        }
        Snapshot { seq, calls }
    }
}

impl CallForm {
    /// Sent twice it is the same call; gone back to, changed and sent again it is another one.
    fn key(&self) -> Option<HeaderValue> {
        let fields = [&self.phone_number, &self.name, &self.dynamic_instruction, &self.language, &self.emotion];
        let hash = fields.iter().fold(Sha256::new(), |hash, field| hash.chain_update(field).chain_update([0]));
        let hash: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let key = format!("{}-{hash}", self.idempotency_key);
        HeaderValue::from_str(&key).ok().filter(|_| !self.idempotency_key.is_empty())
    }

    fn request(&self) -> OutboundRequest {
        let said = |text: &str| (!text.trim().is_empty()).then(|| text.to_owned());
        OutboundRequest {
            phone_number: Private::from(self.phone_number.as_str()),
            name: said(&self.name).map(Private::from),
            dynamic_instruction: said(&self.dynamic_instruction).map(Private::from),
            language: said(&self.language),
            emotion: said(&self.emotion),
        }
    }
}

/// A number as those see it who may know that it is the right one: `+1 ··· 0002`.
fn masked(number: &str) -> String {
    let shown = |range: std::ops::Range<usize>| number.get(range).unwrap_or_default();
    let len = number.len();
    format!("{} ··· {}", shown(0..len.min(2)), shown(len.saturating_sub(4)..len))
}
