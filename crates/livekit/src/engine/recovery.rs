//! What is done when the connection is lost: resume, restart ICE, join anew, or give up. Every loop of it ends.

use std::time::{Duration, Instant};

use livekit_protocol::{self as proto, leave_request::Action};
use livekit_signaling::{SignalError, SignalEvent};
use tokio::time::{sleep, timeout};

use super::{End, Engine, Link, Resumed};
use crate::{
    DisconnectReason, ParticipantEvent, ReconnectPolicy, TokenSource,
    error::ConnectError,
    peer::{FramedTcp, UDP_FIRST},
    secret::{Secret, redact},
};

/// How long ICE may be without a path before it is restarted: it often finds it again by itself.
const ICE_PATIENCE: Duration = Duration::from_secs(5);

/// How long ICE may be without a path before TCP is tried.
const TCP_AFTER: Duration = Duration::from_secs(1);

/// How long a restarted ICE may take.
const ICE_RESTART_TIME: Duration = Duration::from_secs(7);

/// ICE restarts before the session counts as lost.
const ICE_RESTARTS: u32 = 6;

/// How long an answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(15);

/// A session that lasted this long was a good one: what went wrong before does not count any more.
const GOOD_SESSION: Duration = Duration::from_secs(60);

/// Sessions in a row that were no good ones, at most.
const BAD_SESSIONS: u32 = 10;

/// How long signalling may take to join.
const JOIN_TIME: Duration = Duration::from_secs(12);

/// How often has been tried, and whether to try again. No IO.
#[derive(Debug)]
pub(crate) struct Recovery {
    policy: ReconnectPolicy,
    bad_sessions: u32,
    lost_since: Option<Instant>,
}

impl Recovery {
    pub(crate) fn new(policy: ReconnectPolicy) -> Self {
        Self { policy, bad_sessions: 0, lost_since: None }
    }

    /// Whether a resume that has failed since then is worth another attempt, and after how long.
    fn resume_again(&self, since: Instant, attempt: u32, now: Instant) -> Option<Duration> {
        (now.saturating_duration_since(since) < self.policy.resume_for)
            .then(|| backoff(attempt, Duration::from_secs(2)))
    }

    /// A session is lost that began then.
    fn lost(&mut self, began: Instant, now: Instant) {
        let good = self.lost_since.is_none() && now.saturating_duration_since(began) >= GOOD_SESSION;
        self.bad_sessions = if good { 0 } else { self.bad_sessions + 1 };
        self.lost_since.get_or_insert(now);
    }

    /// Media flows again.
    fn recovered(&mut self) {
        self.lost_since = None;
    }

    /// Whether joining anew is worth another attempt, and after how long.
    fn rejoin_again(&self, attempt: u32, now: Instant) -> Option<Duration> {
        let lost_for = self.lost_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        (self.bad_sessions <= BAD_SESSIONS && lost_for < self.policy.rejoin_for).then(|| {
            if attempt == 0 && self.bad_sessions <= 1 {
                Duration::ZERO
            } else {
                backoff(attempt, Duration::from_secs(5))
            }
        })
    }
}

/// 0.2 s, doubled each time, with up to half as much by chance on top, so that not all come back at once.
fn backoff(attempt: u32, longest: Duration) -> Duration {
    let base = Duration::from_millis(200 << attempt.min(10)).min(longest);
    base + base.mul_f64(rand::random_range(0.0..0.5))
}

impl Engine {
    /// Opens the signalling connection again; with `ice_restart` ICE looks for new paths too.
    pub(super) fn resume(&mut self, link: &mut Link, reason: proto::ReconnectReason, ice_restart: bool) {
        if !link.is_resuming() {
            self.tell(ParticipantEvent::Reconnecting);
        }
        link.start_resume(reason, ice_restart, Duration::ZERO);
    }

    /// A resume has come to its end.
    pub(super) async fn on_resumed(&mut self, link: &mut Link, resumed: Resumed) -> Result<(), End> {
        let Some(resume) = link.resume.as_ref() else { return Ok(()) };
        let (since, attempt, ice_restart) = (resume.since, resume.attempt, resume.ice_restart);
        // The old stream's last word and the new one's first ones.
        let mut messages = Vec::new();
        while let Ok(event) = link.signals.try_recv() {
            if let SignalEvent::Message(message) = event {
                messages.push(*message);
            }
        }
        let error = match resumed {
            Ok(_) if link.is_signalling().await => None,
            Ok(_) => Some(SignalError::Closed),
            Err(error) => Some(error),
        };
        if let Some(error) = error {
            let again = self.recovery.resume_again(since, attempt, Instant::now());
            return match (is_final(&error), again) {
                (None, Some(after)) => {
                    tracing::debug!(error = %redact(&error.to_string()), attempt, "a resume failed");
                    link.start_resume(proto::ReconnectReason::RrSignalDisconnected, ice_restart, after);
                    Ok(())
                }
                (Some(end), _) => Err(end),
                (None, None) => Err(End::Lost(format!("it could not be resumed: {}", redact(&error.to_string())))),
            };
        }
        link.resume = None;
        let state = self.sync_state(link);
        link.finish_resume(state).await;
        if ice_restart {
            link.peer.negotiation().wants().ice_restart = true;
            link.ice_lost = Some(Instant::now());
        }
        for message in messages {
            self.on_signal(link, message)?;
        }
        link.resumed = true;
        if !ice_restart {
            self.tell_resumed(link);
        }
        Ok(())
    }

    /// Signalling is back, and media too.
    fn tell_resumed(&mut self, link: &mut Link) {
        if std::mem::take(&mut link.resumed) {
            self.tell(ParticipantEvent::Resumed);
        }
    }

    /// ICE lost its path or has one again.
    pub(super) fn on_ice(&mut self, link: &mut Link, up: bool) {
        tracing::debug!(up, "ICE");
        if up {
            link.ice_lost = None;
            link.ice_restarts = 0;
            self.recovery.recovered();
            self.tell_resumed(link);
        } else if link.peer.is_connected() {
            link.ice_lost.get_or_insert_with(Instant::now);
        }
    }

    /// Media flows.
    pub(super) fn on_connected(&mut self, link: &mut Link) {
        tracing::debug!(room = link.room(), tcp = link.peer.is_on_tcp(), after = ?link.since.elapsed(), "media is up");
        self.recovery.recovered();
        if let Some(ready) = self.ready.take() {
            let _ = ready.send(Ok(()));
        }
    }

    /// Looks whether anything takes too long.
    pub(super) fn watch(&mut self, link: &mut Link, now: Instant) -> Result<(), End> {
        if link.is_resuming() {
            return Ok(());
        }
        if !link.peer.is_connected() {
            return self.watch_connecting(link, now);
        }
        if link.peer.negotiation().waiting_for(now).is_some_and(|waiting| waiting > ANSWER_TIME) {
            return Err(End::Lost("the server does not answer an offer".to_owned()));
        }
        // A server that has seen UDP fail may offer TCP alone from then on.
        if link.ice_lost.is_some_and(|since| link.ice_restarts > 0 || now.saturating_duration_since(since) > TCP_AFTER)
        {
            try_tcp(link);
        }
        let patience = if link.ice_restarts == 0 { ICE_PATIENCE } else { ICE_RESTART_TIME };
        if link.ice_lost.is_some_and(|since| now.saturating_duration_since(since) > patience) {
            if link.ice_restarts == ICE_RESTARTS {
                return Err(End::Lost(format!("no media path after {ICE_RESTARTS} ICE restarts")));
            }
            link.ice_restarts += 1;
            link.ice_lost = Some(now);
            self.resume(link, proto::ReconnectReason::RrPublisherFailed, true);
        }
        if self.rejoined && self.tracks.iter().all(|track| track.info.is_some()) {
            self.rejoined = false;
            self.tell(ParticipantEvent::Rejoined);
        }
        Ok(())
    }

    fn watch_connecting(&mut self, link: &mut Link, now: Instant) -> Result<(), End> {
        let waited = now.saturating_duration_since(link.since);
        if waited > self.options.connect_timeout {
            if let Some(ready) = self.ready.take() {
                let _ = ready.send(Err(ConnectError::Media(self.options.connect_timeout)));
                return Err(End::Closed);
            }
            return Err(End::Lost(ConnectError::Media(self.options.connect_timeout).to_string()));
        }
        if waited > UDP_FIRST {
            try_tcp(link);
        }
        Ok(())
    }

    pub(super) fn on_tcp(link: &mut Link, tcp: std::io::Result<FramedTcp>) -> Result<(), End> {
        link.tcp = None;
        match tcp {
            Ok(tcp) => link.peer.use_tcp(tcp)?,
            Err(error) => tracing::debug!(%error, "no media path over TCP either"),
        }
        Ok(())
    }

    /// Joins the room anew.
    pub(super) async fn rejoin(&mut self, why: String) -> Result<Link, DisconnectReason> {
        self.tell(ParticipantEvent::Reconnecting);
        let mut why = why;
        let mut attempt = 0;
        loop {
            let Some(after) = self.recovery.rejoin_again(attempt, Instant::now()) else {
                return Err(DisconnectReason::Lost(why));
            };
            tracing::debug!(%why, attempt, ?after, "the room is joined anew");
            attempt += 1;
            match self.try_join(after).await? {
                Ok(link) => return Ok(link),
                Err(error) if !error.is_transient() => return Err(DisconnectReason::Lost(error.to_string())),
                Err(error) => why = error.to_string(),
            }
        }
    }

    /// One attempt; meanwhile the application's commands are answered as far as they can be.
    async fn try_join(&mut self, after: Duration) -> Result<Result<Link, ConnectError>, DisconnectReason> {
        let (options, refreshed) = (self.options.clone(), self.refreshed.clone());
        let join = async move {
            sleep(after).await;
            let token = token(&options.token, refreshed).await?;
            match timeout(JOIN_TIME, Link::connect(&options, &token)).await {
                Ok(joined) => joined,
                Err(_) => Err(ConnectError::Unreachable("no answer".to_owned())),
            }
        };
        tokio::pin!(join);
        loop {
            tokio::select! {
                joined = &mut join => return Ok(joined),
                command = self.commands.recv() => match command {
                    Some(command) => self.on_command_while_lost(command)?,
                    None => return Err(DisconnectReason::ClientInitiated),
                },
                _ = &mut self.alive => return Err(DisconnectReason::ClientInitiated),
            }
        }
    }

    /// A session begins: the room as it is now, and our own state to be told to it.
    pub(super) fn adopt(&mut self, link: &mut Link) {
        if self.ready.is_none() {
            self.rejoined = true;
        }
        self.speakers.clear();
        let own = link.own_sid().to_owned();
        let others = std::mem::take(&mut link.join.other_participants);
        let events = self.roster.joined(&own, &others);
        for track in &mut self.tracks {
            track.info = None;
            track.end.set_sid(None);
        }
        // What nobody may hear must not be audible for the moment until the tracks have their new ids.
        self.send_permissions(link);
        for track in &self.tracks {
            Self::announce(link, track);
        }
        if !self.own.is_empty() {
            let own = self.own.clone();
            Self::send_own(link, &own, None);
        }
        self.after_update(link, events);
    }

    pub(super) fn session_lost(&mut self, began: Instant) {
        self.recovery.lost(began, Instant::now());
    }

    /// What the server has to know of us after a resume (pitfall 11: with a single peer connection the offer is ours).
    fn sync_state(&self, link: &mut Link) -> proto::SyncState {
        let (offer, answer) = link.peer.negotiation().state();
        let published = self.tracks.iter().filter(|track| track.info.is_some());
        let received = link.received.iter();
        proto::SyncState {
            offer,
            answer,
            subscription: Some(proto::UpdateSubscription::default()),
            publish_tracks: published
                .map(|track| proto::TrackPublishedResponse { cid: track.cid.clone(), track: track.info.clone() })
                .collect(),
            datachannel_receive_states: received
                .map(|(sid, &last_seq)| proto::DataChannelReceiveState { publisher_sid: sid.clone(), last_seq })
                .collect(),
            ..proto::SyncState::default()
        }
    }
}

pub(crate) async fn token(source: &TokenSource, refreshed: Option<Secret>) -> Result<Secret, ConnectError> {
    match source {
        TokenSource::Fixed(token) => Ok(refreshed.unwrap_or_else(|| token.clone())),
        TokenSource::Fresh(make) => make().await.map_err(|why| ConnectError::Token(redact(&why))),
    }
}

/// Begins to connect to the server's TCP port, if that was not done yet.
fn try_tcp(link: &mut Link) {
    if link.tcp.is_none()
        && !link.peer.is_on_tcp()
        && let Some(server) = link.peer.tcp_candidates().first().copied()
    {
        tracing::debug!(%server, "no media path over UDP: TCP is tried");
        link.tcp = Some(tokio::spawn(FramedTcp::connect(server)));
    }
}

/// How a session ends whose resume the server has refused for good.
fn is_final(error: &SignalError) -> Option<End> {
    match error {
        SignalError::LeaveRequest { action: Action::Disconnect, reason } => Some(End::Left((*reason).into())),
        SignalError::LeaveRequest { reason, .. } => {
            Some(End::Lost(format!("the server refused to resume ({reason:?})")))
        }
        SignalError::Client(status, _) | SignalError::Handshake { status } if status.is_client_error() => {
            Some(End::Lost(format!("the server refused to resume ({status})")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn resuming_is_tried_for_a_while() {
        let recovery = Recovery::new(ReconnectPolicy::default());
        let since = Instant::now();
        assert!(recovery.resume_again(since, 0, since).is_some_and(|after| after <= secs(1)));
        assert!(recovery.resume_again(since, 9, since + secs(19)).is_some_and(|after| after <= secs(3)));
        assert_eq!(recovery.resume_again(since, 10, since + secs(20)), None);
    }

    #[test]
    fn the_first_rejoin_is_at_once_and_the_last_within_the_minute() {
        let mut recovery = Recovery::new(ReconnectPolicy::default());
        let began = Instant::now();
        recovery.lost(began, began + secs(100));
        let lost = began + secs(100);
        assert_eq!(recovery.rejoin_again(0, lost), Some(Duration::ZERO));
        assert!(recovery.rejoin_again(1, lost + secs(59)).is_some_and(|after| after > Duration::ZERO));
        assert_eq!(recovery.rejoin_again(20, lost + secs(60)), None);
    }

    #[test]
    fn sessions_that_break_again_and_again_are_given_up() {
        let mut recovery = Recovery::new(ReconnectPolicy::default());
        let mut now = Instant::now();
        let mut sessions = 0;
        while recovery.rejoin_again(0, now).is_some() {
            recovery.recovered();
            recovery.lost(now, now + secs(3));
            now += secs(3);
            sessions += 1;
            assert!(sessions < 100, "never loops for ever");
        }
        assert_eq!(sessions, BAD_SESSIONS + 1);
        let mut lasting = Recovery::new(ReconnectPolicy::default());
        for _ in 0..100 {
            lasting.recovered();
            lasting.lost(now, now + secs(61));
            now += secs(61);
            assert!(lasting.rejoin_again(0, now).is_some());
        }
    }
}
