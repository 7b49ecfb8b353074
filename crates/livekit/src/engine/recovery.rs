//! What is done when the connection is lost: resume, restart ICE, go over TCP. Every loop of it ends; what then is left is to
//! join anew.

use std::time::{Duration, Instant};

use livekit_protocol::{self as proto, leave_request::Action};
use livekit_signaling::{SignalError, SignalEvent};

use super::{End, Engine, Link, link::Resumed};
use crate::{
    ParticipantEvent,
    error::ConnectError,
    peer::{FramedTcp, UDP_FIRST},
    secret::redact,
};

/// When nothing comes for so long there is no path: a server says something every other second. ICE itself takes 16 s to see it.
const SILENCE: Duration = Duration::from_secs(3);

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
        link.ice_up = up;
        link.silent = link.peer.silent_for(Instant::now()) > SILENCE;
        self.on_path(link);
    }

    /// Looks whether anything comes along the path.
    fn watch_silence(&mut self, link: &mut Link, now: Instant) {
        let silent = link.peer.silent_for(now) > SILENCE;
        if std::mem::replace(&mut link.silent, silent) != silent {
            tracing::debug!(silent, "the network");
            self.on_path(link);
        }
    }

    fn on_path(&mut self, link: &mut Link) {
        if link.ice_up && !link.silent {
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
        self.watch_silence(link, now);
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
