use super::*;

fn somebody(identity: &str, sid: &str, version: u32) -> proto::ParticipantInfo {
    proto::ParticipantInfo {
        identity: identity.to_owned(),
        sid: sid.to_owned(),
        version,
        state: proto::participant_info::State::Active as i32,
        kind: proto::participant_info::Kind::Sip as i32,
        ..Default::default()
    }
}

fn with_track(mut info: proto::ParticipantInfo, sid: &str, muted: bool) -> proto::ParticipantInfo {
    info.tracks.push(proto::TrackInfo { sid: sid.to_owned(), muted, ..Default::default() });
    info
}

fn with_status(mut info: proto::ParticipantInfo, status: &str) -> proto::ParticipantInfo {
    info.attributes.insert("sip.callStatus".to_owned(), status.to_owned());
    info
}

fn gone(mut info: proto::ParticipantInfo, reason: proto::DisconnectReason) -> proto::ParticipantInfo {
    info.state = proto::participant_info::State::Disconnected as i32;
    info.disconnect_reason = reason as i32;
    info
}

/// The events in short.
fn short(events: Vec<ParticipantEvent>) -> Vec<String> {
    events
        .into_iter()
        .map(|event| match event {
            ParticipantEvent::Joined(who) => format!("{} joined ({:?})", who.identity, who.kind),
            ParticipantEvent::Left { identity, reason } => format!("{identity} left: {reason:?}"),
            ParticipantEvent::AttributesChanged { identity, changed, .. } => format!("{identity} {changed:?}"),
            ParticipantEvent::TrackPublished { identity, track } => format!("{identity} +{}", track.sid),
            ParticipantEvent::TrackUnpublished { identity, sid } => format!("{identity} -{sid}"),
            ParticipantEvent::TrackMuted { sid, muted, .. } => format!("{sid} muted={muted}"),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_call_as_the_room_sees_it() {
    let mut roster = Roster::default();
    assert!(roster.joined("PA_me", &[]).is_empty());
    let leg = |version| somebody("customer", "PA_1", version);
    let dialing = with_status(leg(1), "dialing");
    assert_eq!(short(roster.updated(&[dialing.clone(), somebody("me", "PA_me", 1)])), ["customer joined (Sip)"]);
    let ringing = with_status(with_track(leg(2), "TR_1", false), "ringing");
    assert_eq!(short(roster.updated(&[ringing])), [r#"customer {"sip.callStatus": "ringing"}"#, "customer +TR_1"]);
    assert_eq!(short(roster.updated(&[dialing])), [""; 0], "old news");
    let active = with_status(with_track(leg(3), "TR_1", true), "active");
    assert_eq!(short(roster.updated(&[active])), [r#"customer {"sip.callStatus": "active"}"#, "TR_1 muted=true"]);
    assert_eq!(roster.track("TR_1").map(|(who, _)| who), Some("customer"));
    let hung_up = gone(leg(4), proto::DisconnectReason::UserRejected);
    assert_eq!(
        short(roster.updated(std::slice::from_ref(&hung_up))),
        ["customer -TR_1", "customer left: UserRejected"]
    );
    assert!(roster.updated(&[hung_up]).is_empty(), "once");
}

#[test]
fn attributes_that_are_gone_are_told_as_empty() {
    let mut roster = Roster::default();
    roster.joined("PA_me", &[with_status(somebody("a", "PA_a", 1), "active")]);
    assert_eq!(short(roster.updated(&[somebody("a", "PA_a", 2)])), [r#"a {"sip.callStatus": ""}"#]);
}

#[test]
fn whoever_comes_back_has_left_before_and_the_end_of_the_earlier_stay_is_no_news() {
    let mut roster = Roster::default();
    roster.joined("PA_me", &[with_track(somebody("a", "PA_a", 9), "TR_1", false)]);
    let back = with_track(somebody("a", "PA_b", 1), "TR_2", false);
    let expected = ["a -TR_1", "a left: Unknown", "a joined (Sip)", "a +TR_2"];
    assert_eq!(short(roster.updated(&[back])), expected);
    let earlier = gone(somebody("a", "PA_a", 10), proto::DisconnectReason::DuplicateIdentity);
    assert!(roster.updated(&[earlier]).is_empty());
    assert_eq!(roster.identity_of("PA_b"), Some("a"));
}

#[test]
fn after_a_rejoin_only_the_differences_are_told() {
    let mut roster = Roster::default();
    let (stays, leaves) = (with_track(somebody("a", "PA_a", 7), "TR_1", false), somebody("b", "PA_b", 7));
    roster.joined("PA_me", &[stays, leaves]);
    let stayed = with_track(somebody("a", "PA_a", 1), "TR_1", true);
    let events = short(roster.joined("PA_me2", &[stayed, somebody("c", "PA_c", 1)]));
    assert_eq!(events, ["b left: Unknown", "TR_1 muted=true", "c joined (Sip)"]);
}
