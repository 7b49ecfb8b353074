//! What Prometheus is told. Counts and times only: no number, no name, no id.

mod speech;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use warmline_call::{Event, Phase};
use warmline_voice::Load;

use crate::store::Backlog;

/// The type of an event on the wire.
#[must_use]
pub fn event_type(event: &Event) -> &'static str {
    match event {
        Event::CallPlaced { .. } => "call_placed",
        Event::PhaseChanged { .. } => "phase_changed",
        Event::LegChanged { .. } => "leg_changed",
        Event::LegIdentified { .. } => "leg_identified",
        Event::Utterance { .. } => "utterance",
        Event::HoldMusic { .. } => "hold_music",
        Event::MediaChanged { .. } => "media_changed",
        Event::EscalationRequested { .. } => "escalation_requested",
        Event::Briefing { .. } => "briefing",
        Event::TransferDecided { .. } => "transfer_decided",
        Event::TurnMetrics { .. } => "turn_metrics",
        Event::OperatorActed { .. } => "operator_acted",
        Event::CallEnded { .. } => "call_ended",
    }
}

/// The program's counters. Clones count together.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    calls: Family<PhaseLabel, Gauge>,
    placed: Counter,
    ended: Family<ReasonLabel, Counter>,
    transfers: Family<OutcomeLabel, Counter>,
    events: Family<TypeLabel, Counter>,
    outbox: Gauge,
    outbox_oldest: Gauge<f64, AtomicU64>,
    dropped: Family<TypeLabel, Counter>,
    response: Histogram,
    sockets: Family<SocketLabel, Gauge>,
    http: Family<HttpLabel, Histogram, fn() -> Histogram>,
    speech: speech::SpeechGauges,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabel {
    phase: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TypeLabel {
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SocketLabel {
    socket: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpLabel {
    method: &'static str,
    route: Arc<str>,
    status: u16,
}

/// Seconds that an HTTP answer may take.
fn http_histogram() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("warmline");
        let inner = Inner {
            calls: Family::default(),
            placed: Counter::default(),
            ended: Family::default(),
            transfers: Family::default(),
            events: Family::default(),
            outbox: Gauge::default(),
            outbox_oldest: Gauge::default(),
            dropped: Family::default(),
            response: Histogram::new([0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0]),
            sockets: Family::default(),
            http: Family::new_with_constructor(http_histogram),
            speech: speech::SpeechGauges::register(&mut registry),
            registry: Registry::default(),
        };
        registry.register("calls", "Open calls by phase", inner.calls.clone());
        registry.register("calls_placed", "Calls that were written down", inner.placed.clone());
        registry.register("calls_ended", "Calls that ended, by reason", inner.ended.clone());
        registry.register("transfers", "Transfer attempts that were decided, by outcome", inner.transfers.clone());
        registry.register("events", "Events written to the log, by type", inner.events.clone());
        registry.register("outbox_events", "Events that wait to be written to the log", inner.outbox.clone());
        registry.register(
            "outbox_oldest_seconds",
            "How long the oldest event has waited to be written to the log",
            inner.outbox_oldest.clone(),
        );
        registry.register(
            "outbox_dropped",
            "Events that are lost, by type: the log could not be written to for too long",
            inner.dropped.clone(),
        );
        registry.register(
            "turn_response_seconds",
            "End of the customer's speech to the agent's first audio",
            inner.response.clone(),
        );
        registry.register("websocket_clients", "Open WebSockets, by kind", inner.sockets.clone());
        let dropped = crate::cli::dropped_log_lines();
        registry.register("log_lines_dropped", "Log lines that nobody read in time", dropped);
        registry.register("http_request_seconds", "Time to answer an HTTP request", inner.http.clone());
        Self(Arc::new(Inner { registry, ..inner }))
    }
}

impl Metrics {
    /// Counts an event that was written down.
    pub(crate) fn event(&self, event: &Event) {
        self.0.events.get_or_create(&TypeLabel { r#type: event_type(event) }).inc();
        match event {
            Event::CallPlaced { .. } => {
                self.0.placed.inc();
            }
            Event::CallEnded { reason, .. } => {
                self.0.ended.get_or_create(&ReasonLabel { reason: reason.as_str() }).inc();
            }
            Event::TransferDecided { outcome, .. } => {
                self.0.transfers.get_or_create(&OutcomeLabel { outcome: outcome.as_str() }).inc();
            }
            Event::TurnMetrics { response_ms, .. } => self.0.response.observe(f64::from(*response_ms) / 1000.0),
            _ => {}
        }
    }

    /// Counts an event that is lost.
    pub(crate) fn dropped(&self, r#type: &'static str) {
        self.0.dropped.get_or_create(&TypeLabel { r#type }).inc();
    }

    /// Notes what waits for the disk.
    pub(crate) fn backlog(&self, backlog: &Backlog) {
        self.0.outbox.set(i64::try_from(backlog.events).unwrap_or(i64::MAX));
        self.0.outbox_oldest.set(backlog.oldest.as_secs_f64());
    }

    /// Counts an HTTP answer.
    pub(crate) fn http(&self, method: &'static str, route: Arc<str>, status: u16, took: Duration) {
        self.0.http.get_or_create(&HttpLabel { method, route, status }).observe(took.as_secs_f64());
    }

    /// Takes in how busy speech is, and how many calls more it can carry.
    pub(crate) fn speech(&self, load: &Load, room: Option<usize>) {
        self.0.speech.set(load, room);
    }

    /// Counts a WebSocket for as long as the answer lives.
    pub(crate) fn socket(&self, socket: &'static str) -> OpenSocket {
        let gauge = self.0.sockets.get_or_create_owned(&SocketLabel { socket });
        gauge.inc();
        OpenSocket(gauge)
    }

    /// The text that Prometheus reads, with `open` calls by phase.
    #[must_use]
    pub fn render(&self, open: &HashMap<Phase, i64>) -> String {
        for phase in Phase::ALL.iter().filter(|phase| **phase != Phase::Ended) {
            let count = open.get(phase).copied().unwrap_or(0);
            self.0.calls.get_or_create(&PhaseLabel { phase: phase.as_str() }).set(count);
        }
        let mut out = String::new();
        if text::encode(&mut out, &self.0.registry).is_err() {
            tracing::error!("the metrics could not be written out");
        }
        out
    }
}

/// An open WebSocket in the count.
pub(crate) struct OpenSocket(Gauge<i64, AtomicI64>);

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use warmline_call::EndReason;

    use super::*;

    #[test]
    fn calls_turns_and_answers_are_counted_without_saying_whose() {
        let metrics = Metrics::default();
        metrics.event(&Event::CallPlaced {
            phone_number: "+15550100001".into(),
            name: Some("Ada".into()),
            language: "en".into(),
            emotion: "Calm".into(),
            has_dynamic_instruction: false,
            escalation_enabled: true,
        });
        let detail = "Busy.".to_owned();
        let (talk_s, hold_s, time_to_human_s) = (0.0, 0.0, None);
        metrics.event(&Event::CallEnded { reason: EndReason::Busy, detail, talk_s, hold_s, time_to_human_s });
        metrics.http("GET", "/calls/{id}".into(), 404, Duration::from_millis(2));
        let socket = metrics.socket("console");
        let text = metrics.render(&HashMap::from([(Phase::Ringing, 3)]));
        for line in [
            "warmline_calls_placed_total 1",
            r#"warmline_calls_ended_total{reason="busy"} 1"#,
            r#"warmline_calls{phase="ringing"} 3"#,
            r#"warmline_calls{phase="queued"} 0"#,
            r#"warmline_events_total{type="call_placed"} 1"#,
            r#"warmline_websocket_clients{socket="console"} 1"#,
            r#"warmline_http_request_seconds_count{method="GET",route="/calls/{id}",status="404"} 1"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("5550100001") && !text.contains("Ada"));
        drop(socket);
        assert!(metrics.render(&HashMap::new()).contains(r#"websocket_clients{socket="console"} 0"#));
    }
}
