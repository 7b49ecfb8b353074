use clap::CommandFactory;
use warmline_call::{CallId, DecidedBy, EndReason, Event, Phase, Recorded, Side, Speaker, TransferOutcome};

use super::{
    Exit,
    args::{Args, Calls, Command},
    client::{Client, refused},
    lines,
    watch::exit_of,
};
use crate::doctor::Style;
use clap::Parser;

fn parse(line: &str) -> Result<Args, clap::Error> {
    Args::try_parse_from(line.split_whitespace())
}

#[test]
fn the_command_line_is_consistent() {
    Args::command().debug_assert();
}

#[test]
fn serve_is_the_default_and_flags_stand_anywhere() {
    let args = parse("warmline --addr 127.0.0.1:9 --record-dir /tmp/r").unwrap();
    assert!(args.command.is_none());
    let settings: Vec<_> = args.flags().iter().map(|f| (f.flag, f.setting, f.value.reveal().clone())).collect();
    assert_eq!(
        settings,
        [
            ("--addr", "WARMLINE_ADDR", "127.0.0.1:9".to_owned()),
            ("--record-dir", "WARMLINE_RECORD_DIR", "/tmp/r".to_owned())
        ]
    );
    let args = parse("warmline doctor --json --data-dir d --env-file e").unwrap();
    assert!(matches!(args.command, Some(Command::Doctor)) && args.json && args.env_file.is_some());
}

#[test]
fn a_calls_arguments_are_checked_before_anything_is_sent() {
    let args = parse("warmline call +1(555)010-0001 --name Ann --instruction Hi --language es --emotion Calm --watch")
        .unwrap();
    let Some(Command::Call(call)) = args.command else { panic!("{args:?}") };
    assert_eq!(call.phone_number.as_str(), "+15550100001");
    assert!(call.watch && !call.no_escalation);
    let error = parse("warmline call 5550100001").unwrap_err().to_string();
    assert!(error.contains(warmline_api::INVALID_PHONE_NUMBER), "{error}");
    assert!(parse("warmline calls show outbound-XYZ").is_err());
    assert!(parse("warmline calls ls --phase nowhere").is_err());
    let args = parse("warmline calls ls --phase on_hold --limit 3").unwrap();
    assert!(matches!(args.command, Some(Command::Calls(Calls::Ls { phase: Some(Phase::OnHold), limit: 3, .. }))));
}

#[test]
fn every_refusal_has_its_exit_code_and_its_sentence() {
    let of = |status: u16, body: &str| {
        let failure = refused(reqwest::StatusCode::from_u16(status).unwrap(), body);
        (failure.exit, failure.message)
    };
    assert_eq!(of(404, r#"{"detail":"No such call"}"#), (Exit::NotFound, "No such call".to_owned()));
    assert_eq!(of(409, r#"{"detail":"ended"}"#).0, Exit::Rejected);
    assert_eq!(of(429, "").0, Exit::Rejected);
    assert_eq!(of(503, r#"{"detail":"LiveKit credentials not configured"}"#).0, Exit::NotReady);
    assert_eq!(of(500, "<html>"), (Exit::Failure, "the server answered 500 Internal Server Error".to_owned()));
    let invalid = r#"{"detail":[{"type":"missing","loc":["body","phone_number"],"msg":"Field required","input":{}}]}"#;
    assert_eq!(of(422, invalid), (Exit::Rejected, "body.phone_number: Field required".to_owned()));
}

#[test]
fn an_address_is_understood_with_and_without_scheme() {
    for (url, console) in [
        ("127.0.0.1:8000", "ws://127.0.0.1:8000/ws/console?after=7"),
        ("https://warm.example/base/", "wss://warm.example/base/ws/console?after=7"),
    ] {
        assert_eq!(Client::new(url).unwrap().console(Some(7)), console);
    }
    assert_eq!(Client::new("ftp://x").unwrap_err().exit, Exit::Usage);
}

#[test]
fn only_an_end_that_people_chose_is_a_success() {
    assert_eq!(exit_of(EndReason::Completed), Exit::Ok);
    assert_eq!(exit_of(EndReason::SupervisorHungUp), Exit::Ok);
    assert_eq!(exit_of(EndReason::Busy), Exit::Failure);
    assert_eq!(exit_of(EndReason::TrunkFailure), Exit::Failure);
}

fn line(event: Event) -> Option<String> {
    let at = "2026-11-22T10:00:12.340Z".parse().unwrap();
    let recorded = Recorded { seq: 1, call: CallId::from_bits(1), at, event };
    let placed = "2026-11-22T09:59:00Z".parse().unwrap();
    lines::event(&recorded, &lines::offset(placed, at), Style::Plain)
}

#[test]
fn events_are_told_as_lines() {
    let utterance = |text: &str, r#final| Event::Utterance {
        side: Side::Consult,
        speaker: Speaker::Supervisor,
        utterance: 3,
        text: text.into(),
        r#final,
        interrupted: false,
        started_at: "2026-11-22T10:00:12Z".parse().unwrap(),
        ended_at: None,
    };
    assert_eq!(line(utterance("Yes", false)), None);
    assert_eq!(
        line(utterance("Yes,\u{1b}[2J please", true)).as_deref(),
        Some("    1:12.3  supervisor  Yes, [2J please  (in private)")
    );
    let phase = Event::PhaseChanged { from: Phase::Briefing, to: Phase::Merging };
    assert_eq!(line(phase).as_deref(), Some("    1:12.3              ── merging"));
    let decided = Event::TransferDecided {
        attempt: 1,
        outcome: TransferOutcome::Declined,
        by: DecidedBy::Voice,
        reason: Some("in a meeting".into()),
    };
    assert_eq!(line(decided).as_deref(), Some("    1:12.3  decision    declined (by voice): in a meeting"));
    let ended = Event::CallEnded {
        reason: EndReason::CustomerHungUp,
        detail: "The customer hung up.".to_owned(),
        talk_s: 61.25,
        hold_s: 8.0,
        time_to_human_s: None,
    };
    assert_eq!(
        line(ended).as_deref(),
        Some("    1:12.3  ended       customer_hung_up. The customer hung up. (talked 61.2 s, on hold 8.0 s)")
    );
}

#[test]
fn a_moment_before_a_full_minute_is_not_sixty_seconds() {
    let at = |text: &str| text.parse().unwrap();
    assert_eq!(lines::offset(at("2026-11-22T10:00:00Z"), at("2026-11-22T10:00:59.990Z")), "  0:59.9");
    assert_eq!(lines::offset(at("2026-11-22T10:00:00Z"), at("2026-11-22T09:59:59Z")), "  0:00.0");
}
