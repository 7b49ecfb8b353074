//! Calls as files, to take elsewhere.

use std::{fmt, io};

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt as _;
use jiff::Timestamp;
use warmline_call::CallView;

use super::{id, list::filter};
use crate::{
    http::{ApiError, AppState, query::Params},
    openapi::{CallParams, ExportParams, docs, errors},
    store::CallFilter,
};

/// Calls in one file at most: the newest.
const MOST: usize = 10_000;

/// Calls read at once.
const PAGE: usize = 200;

/// Events in a bundle at most: the first.
const EVENTS: usize = 100_000;

/// How a file is written.
#[derive(Clone, Copy)]
enum Format {
    Csv,
    Json,
}

impl std::str::FromStr for Format {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Csv => "csv",
            Self::Json => "json",
        })
    }
}

/// Export calls
///
/// Calls that fit, newest first, as a file: at most 10,000.
#[utoipa::path(
    get, path = "/calls/export", tag = "calls", operation_id = "export_calls",
    params(ExportParams),
    responses((status = 200, description = "The file.", content(
        (String = "text/csv"), (Vec<docs::Call> = "application/json"),
    )), errors::Query),
)]
pub(crate) async fn export(State(state): State<AppState>, mut params: Params) -> Result<Response, ApiError> {
    let format = params.word("format", &[Format::Csv, Format::Json]).unwrap_or(Format::Csv);
    let filter = filter(&mut params);
    params.done()?;
    let kind = match format {
        Format::Csv => "text/csv; charset=utf-8",
        Format::Json => "application/json",
    };
    let mut pages = Pages { state, format, filter: CallFilter { limit: PAGE, ..filter }, count: 0, over: false };
    // Whatever can't be read is told with a status; what comes later can only be cut off.
    let first = pages.next().await?.unwrap_or_default();
    let rest = futures::stream::try_unfold(pages, async |mut pages| {
        let page = pages.next().await.map_err(|error| io::Error::other(error.text()))?;
        Ok::<_, io::Error>(page.map(|page| (page, pages)))
    });
    let first = futures::stream::once(async move { Ok(first) });
    let name = format!("warmline-calls-{}.{format}", Timestamp::now().strftime("%Y-%m-%d"));
    Ok(file(Body::from_stream(first.chain(rest)), kind, &name))
}

/// A call's bundle
///
/// Everything that is known of one call in one file, for a bug report: the call, what its request was answered with, every
/// event. It holds what was said, and telephone numbers.
#[utoipa::path(
    get, path = "/calls/{id}/bundle", tag = "calls", operation_id = "bundle_call",
    params(CallParams),
    responses((status = 200, description = "The file.", body = docs::Bundle), errors::OneCall),
)]
pub(crate) async fn bundle(State(state): State<AppState>, Path(call): Path<String>) -> Result<Response, ApiError> {
    let store = state.calls.store();
    let id = id(&call)?;
    let found = store.call_json(&id).await?.ok_or_else(|| ApiError::no_such_call(&call))?;
    let events = store.event_bodies(&id, 0, EVENTS).await?.unwrap_or_default().join(",");
    let details = found.details.as_deref().unwrap_or("null");
    let view = std::str::from_utf8(&found.view).map_err(|_| ApiError::internal())?;
    let (version, now) = (env!("CARGO_PKG_VERSION"), Timestamp::now());
    let body = format!(
        r#"{{"warmline":"{version}","made_at":"{now:.3}","call":{view},"details":{details},"events":[{events}]}}"#
    );
    Ok(file(Body::from(body), "application/json", &format!("{id}.json")))
}

fn file(body: Body, kind: &'static str, name: &str) -> Response {
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let disposition = disposition.unwrap_or_else(|_| HeaderValue::from_static("attachment"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, body).into_response()
}

/// A file, a page of calls at a time: no more of it is ever in memory.
struct Pages {
    state: AppState,
    format: Format,
    filter: CallFilter,
    /// Calls that are in the file already.
    count: usize,
    over: bool,
}

impl Pages {
    /// The next piece of the file.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        if self.over {
            return Ok(None);
        }
        let page = self.state.calls.store().page(&self.filter).await?;
        let before = self.count;
        self.count += page.calls.len();
        self.filter.cursor = page.next;
        self.over = page.next.is_none() || self.count >= MOST;
        let piece = match self.format {
            Format::Csv => csv(&page.calls, before == 0)?,
            Format::Json => json(&page.calls, before == 0, self.over),
        };
        Ok(Some(piece))
    }
}

fn json(calls: &[Bytes], first: bool, last: bool) -> Vec<u8> {
    let mut piece = Vec::with_capacity(2 + calls.iter().map(|call| call.len() + 1).sum::<usize>());
    if first {
        piece.push(b'[');
    }
    for (n, call) in calls.iter().enumerate() {
        if n > 0 || !first {
            piece.push(b',');
        }
        piece.extend_from_slice(call);
    }
    if last {
        piece.push(b']');
    }
    piece
}

const COLUMNS: [&str; 18] = [
    "call",
    "placed_at",
    "phone_number",
    "name",
    "language",
    "emotion",
    "phase",
    "end_reason",
    "end_detail",
    "talk_s",
    "hold_s",
    "time_to_human_s",
    "escalated_by",
    "escalation_reason",
    "attempts",
    "last_outcome",
    "claimed_by",
    "utterances",
];

fn csv(calls: &[Bytes], first: bool) -> Result<Vec<u8>, ApiError> {
    let broken = |_| ApiError::internal();
    let mut lines = csv::Writer::from_writer(Vec::new());
    if first {
        lines.write_record(COLUMNS).map_err(broken)?;
    }
    for call in calls {
        let view: CallView = serde_json::from_slice(call).map_err(|_| ApiError::internal())?;
        lines.write_record(line(&view)).map_err(broken)?;
    }
    lines.into_inner().map_err(|_| ApiError::internal())
}

fn line(view: &CallView) -> [String; COLUMNS.len()] {
    let word = |word: Option<&'static str>| word.unwrap_or_default().to_owned();
    let seconds = |s: Option<f64>| s.map(|s| format!("{s:.1}")).unwrap_or_default();
    let (end, escalation, last) = (view.end.as_ref(), view.escalation.as_ref(), view.attempts.last());
    [
        view.call.to_string(),
        format!("{:.3}", view.placed_at),
        view.phone_number.reveal().clone(),
        view.name.as_ref().map(|name| inert(name.reveal())).unwrap_or_default(),
        inert(&view.language),
        inert(&view.emotion),
        view.phase.to_string(),
        word(end.map(|end| end.reason.as_str())),
        end.map(|end| inert(&end.detail)).unwrap_or_default(),
        seconds(end.map(|end| end.talk_s)),
        seconds(end.map(|end| end.hold_s)),
        seconds(end.and_then(|end| end.time_to_human_s)),
        word(escalation.map(|escalation| escalation.by.as_str())),
        escalation.map(|escalation| inert(escalation.reason.reveal())).unwrap_or_default(),
        view.attempts.len().to_string(),
        word(last.and_then(|attempt| attempt.outcome).map(|outcome| outcome.as_str())),
        view.claimed_by.as_deref().map(inert).unwrap_or_default(),
        view.transcript.iter().filter(|line| line.r#final).count().to_string(),
    ]
}

/// Text that a spreadsheet takes for text: what people said must not become a formula.
fn inert(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_said_is_no_formula() {
        assert_eq!(inert("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(inert("a refund"), "a refund");
    }
}
