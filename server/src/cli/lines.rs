//! Calls and events as lines for people. Whoever runs these commands may see numbers, names and what was said.

use jiff::Timestamp;
use warmline_call::{CallView, Event, Leg, LegState, MediaCause, MediaState, Phase, Private, Recorded, Side, Speaker};

use crate::{doctor::Style, text::printable};

/// One line of a list of calls.
pub(super) fn summary(view: &CallView, style: Style) -> String {
    let state = match &view.end {
        Some(end) => style.paint("2", &format!("{:18}", end.reason)),
        None => style.paint("36", &format!("{:18}", phase(view.phase))),
    };
    let name = view.name.as_ref().map(shown).unwrap_or_default();
    format!("{}  {:.0}  {state}  {:16}  {name}", view.call, view.placed_at, shown(&view.phone_number))
}

/// Everything about one call.
pub(super) fn whole(view: &CallView, style: Style) -> Vec<String> {
    let mut lines = vec![summary(view, style)];
    lines.push(format!("  language {}, emotion {}", printable(&view.language), printable(&view.emotion)));
    for leg in &view.legs {
        lines.push(format!("  {} leg: {}{}", leg.leg, leg.state, cause(leg.reason.as_deref(), leg.sip_status)));
    }
    for attempt in &view.attempts {
        let number = attempt.supervisor_phone.as_ref().map(shown).unwrap_or_default();
        let outcome = attempt.outcome.map_or_else(|| attempt.state.to_string(), |outcome| outcome.to_string());
        let reason = attempt.reason.as_ref().map(|r| format!(": {}", shown(r))).unwrap_or_default();
        lines.push(format!("  attempt {} to {number}: {outcome}{reason}", attempt.attempt));
    }
    if let Some(briefing) = &view.briefing {
        lines.push(format!("  briefing: {}", shown(&briefing.summary)));
    }
    for line in &view.transcript {
        lines.push(said(
            style,
            offset(view.placed_at, line.started_at),
            line.side,
            line.speaker,
            &line.text,
            line.interrupted,
        ));
    }
    if let Some(end) = &view.end {
        lines.push(format!("  {} {}", printable(&end.detail), times(end.talk_s, end.hold_s, end.time_to_human_s)));
    }
    lines
}

/// An event as a line; `None` for those that say nothing to a person (partials, where time went).
pub(super) fn event(recorded: &Recorded, time: &str, style: Style) -> Option<String> {
    let line = |what: &str, text: String| Some(format!("  {}  {what:11} {text}", style.paint("2", time)));
    match &recorded.event {
        Event::CallPlaced { phone_number, name, language, emotion, escalation_enabled, .. } => {
            let name = name.as_ref().map(|n| format!(" ({})", shown(n))).unwrap_or_default();
            let escalation = if *escalation_enabled { "" } else { ", no escalation" };
            let style = format!("{}, {}", printable(language), printable(emotion));
            line("placed", format!("{}{name}, {style}{escalation}", shown(phone_number)))
        }
        Event::PhaseChanged { to, .. } => line("", style.paint("36", &format!("── {}", phase(*to)))),
        Event::LegChanged { leg, state, phone, sip_status, reason, .. } => {
            leg_changed(*leg, *state, phone.as_ref(), reason.as_deref(), *sip_status).and_then(|text| line("", text))
        }
        Event::LegIdentified { .. } | Event::Utterance { r#final: false, .. } => None,
        Event::Utterance { text, .. } if text.reveal().is_empty() => None,
        Event::Utterance { side, speaker, text, interrupted, .. } => {
            Some(said(style, time.to_owned(), *side, *speaker, text, *interrupted))
        }
        Event::HoldMusic { playing } => {
            line("", if *playing { "♪ hold music" } else { "♪ hold music stops" }.to_owned())
        }
        Event::MediaChanged { state, cause } => {
            let cause = cause.unwrap_or(MediaCause::Network);
            line("", sound(*state, cause).to_owned())
        }
        Event::EscalationRequested { by, reason } => line("", format!("{by} asks for a human: {}", shown(reason))),
        Event::Briefing { summary, points, .. } => {
            let points: String = points.iter().map(|p| format!("\n{:24}· {}", "", shown(p))).collect();
            line("briefing", format!("{}{points}", shown(summary)))
        }
        Event::TransferDecided { outcome, by, reason, .. } => {
            let reason = reason.as_ref().map(|r| format!(": {}", shown(r))).unwrap_or_default();
            line("decision", format!("{outcome} (by {by}){reason}"))
        }
        Event::OperatorActed { action, by, .. } => line("", format!("{} {}", printable(by), action.words())),
        Event::TurnMetrics { .. } => None,
        Event::CallEnded { reason, detail, talk_s, hold_s, time_to_human_s } => {
            let text = format!("{reason}. {} {}", printable(detail), times(*talk_s, *hold_s, *time_to_human_s));
            line("ended", style.paint("1", &text))
        }
    }
}

/// Minutes, seconds and tenths since the call was placed.
pub(super) fn offset(placed_at: Timestamp, at: Timestamp) -> String {
    let millis = (at.as_millisecond() - placed_at.as_millisecond()).max(0);
    format!("{:>3}:{:04.1}", millis / 60_000, tenths(millis % 60_000))
}

#[allow(clippy::cast_precision_loss, reason = "below a minute")]
fn tenths(millis: i64) -> f64 {
    // Cut, not rounded: 59.96 s must not become 60.0.
    (millis / 100) as f64 / 10.0
}

/// The time of day, UTC, for lines of several calls.
pub(super) fn time_of_day(at: Timestamp) -> String {
    format!("{at:.0}").split('T').nth(1).unwrap_or_default().to_owned()
}

fn said(style: Style, time: String, side: Side, speaker: Speaker, text: &Private<String>, interrupted: bool) -> String {
    let code = match speaker {
        Speaker::Agent => "34",
        Speaker::Customer => "32",
        Speaker::Supervisor => "35",
    };
    let broken = if interrupted { " —" } else { "" };
    let private = if side == Side::Consult { style.paint("2", "  (in private)") } else { String::new() };
    let who = style.paint(code, &format!("{:11}", speaker.as_str()));
    format!("  {}  {who} {}{broken}{private}", style.paint("2", &time), shown(text))
}

fn leg_changed(
    leg: Leg,
    state: LegState,
    phone: Option<&Private<String>>,
    reason: Option<&str>,
    sip: Option<u16>,
) -> Option<String> {
    // The customer's leg is told by the phases until it is gone.
    match (leg, state) {
        (Leg::Customer, LegState::Dialing | LegState::Ringing) => None,
        (Leg::Supervisor, LegState::Dialing) => {
            Some(format!("calling the supervisor{}", phone.map(|p| format!(" at {}", shown(p))).unwrap_or_default()))
        }
        (_, LegState::Ringing) => Some(format!("the {leg}'s phone rings")),
        (_, LegState::Answered) => Some(format!("the {leg} answered")),
        (_, LegState::Left) => Some(format!("the {leg} left{}", cause(reason, sip))),
    }
}

fn cause(reason: Option<&str>, sip_status: Option<u16>) -> String {
    match (reason, sip_status) {
        (Some(reason), Some(status)) => format!(" ({}, SIP {status})", printable(reason)),
        (Some(reason), None) => format!(" ({})", printable(reason)),
        (None, Some(status)) => format!(" (SIP {status})"),
        (None, None) => String::new(),
    }
}

fn times(talk_s: f64, hold_s: f64, time_to_human_s: Option<f64>) -> String {
    let human = time_to_human_s.map(|s| format!(", a human after {s:.1} s")).unwrap_or_default();
    let hold = if hold_s > 0.0 { format!(", on hold {hold_s:.1} s") } else { String::new() };
    format!("(talked {talk_s:.1} s{hold}{human})")
}

fn sound(state: MediaState, cause: MediaCause) -> &'static str {
    match (state, cause) {
        (MediaState::Degraded, MediaCause::Network) => "the connection is lost; trying again",
        (MediaState::Restored, MediaCause::Network) => "the connection is back",
        (MediaState::Degraded, MediaCause::Hearing) => "people are understood late: speech does not keep up",
        (MediaState::Degraded, MediaCause::Speaking) => "the agent is heard late: speech does not keep up",
        (MediaState::Restored, MediaCause::Hearing | MediaCause::Speaking) => "speech keeps up again",
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::OnHold => "on hold",
        Phase::CallingSupervisor => "calling supervisor",
        other => other.as_str(),
    }
}

fn shown(text: &Private<String>) -> String {
    printable(text.reveal())
}

/// A line of the standard call's transcript.
pub(super) fn spoken(speaker: &str, text: &Private<String>) -> String {
    format!("  {:11} {}", printable(speaker), shown(text))
}
