use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use livekit_protocol::{self as proto, signal_request::Message as Request};
use tokio::sync::oneshot;

use super::{End, Engine, Link, Outbound, data::OUTBOUND, media::Publication};
use crate::{
    DisconnectReason, RequestError, RpcError, SubscriptionPermissions,
    audio::AudioSender,
    rpc::Call,
    track::{LocalEnd, TrackId},
};

type Reply<T> = oneshot::Sender<Result<T, RequestError>>;

/// What an application asks of its participant.
pub(crate) enum Command {
    Publish { end: LocalEnd, reply: Reply<()> },
    Unpublish(TrackId),
    Mute { track: TrackId, muted: bool, reply: Reply<()> },
    Permissions(SubscriptionPermissions),
    Subscribe { sids: Vec<String>, subscribe: bool },
    Own { change: OwnChange, reply: Reply<()> },
    Send { packets: Vec<Outbound>, reply: Reply<()> },
    Call { call: Call, timeout: Duration, reply: oneshot::Sender<Result<String, RpcError>> },
    Answer(Outbound),
    Close(oneshot::Sender<()>),
}

/// What a participant says about itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnChange {
    pub(crate) name: Option<String>,
    pub(crate) metadata: Option<String>,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl OwnChange {
    pub(crate) fn is_empty(&self) -> bool {
        self.name.is_none() && self.metadata.is_none() && self.attributes.is_empty()
    }

    fn merge(&mut self, change: OwnChange) {
        self.name = change.name.or(self.name.take());
        self.metadata = change.metadata.or(self.metadata.take());
        self.attributes.extend(change.attributes);
    }
}

impl Engine {
    pub(super) fn on_command(&mut self, link: &mut Link, command: Command) -> Result<(), End> {
        match command {
            Command::Publish { end, reply } => {
                if self.begin_track(end, reply)
                    && let Some(track) = self.tracks.last()
                {
                    Self::announce(link, track);
                }
            }
            Command::Unpublish(id) => self.unpublish(Some(link), id),
            Command::Mute { track, muted, reply } => {
                let _ = reply.send(self.mute(Some(link), track, muted));
            }
            Command::Permissions(permissions) => {
                self.permissions = Some(permissions);
                self.send_permissions(link);
            }
            Command::Subscribe { sids, subscribe } => {
                let wanted = proto::UpdateSubscription { track_sids: sids, subscribe, ..Default::default() };
                link.outbox.push_back(Request::Subscription(wanted));
            }
            Command::Own { change, reply } => {
                Self::send_own(link, &change, Some(reply));
                self.own.merge(change);
            }
            Command::Send { packets, reply } => self.queue(packets, reply),
            Command::Call { call, timeout, reply } => {
                if self.outbound.len() >= OUTBOUND {
                    let _ = reply.send(Err(RpcError::new(RpcError::SEND_FAILED, "too much is waiting to be sent")));
                    return Ok(());
                }
                let request = self.rpcs.call(call, timeout, reply, Instant::now());
                self.outbound.push_back(request);
            }
            Command::Answer(packet) => {
                if self.enqueue(vec![packet]).is_err() {
                    tracing::debug!("an answer to a call was lost: too much waits");
                }
            }
            Command::Close(reply) => {
                self.closing = Some(reply);
                return Err(End::Closed);
            }
        }
        Ok(())
    }

    /// The same while there is no session: what can wait waits.
    pub(super) fn on_command_while_lost(&mut self, command: Command) -> Result<(), DisconnectReason> {
        match command {
            Command::Publish { end, reply } => {
                self.begin_track(end, reply);
            }
            Command::Unpublish(id) => self.unpublish(None, id),
            Command::Mute { track, muted, reply } => {
                let _ = reply.send(self.mute(None, track, muted));
            }
            Command::Permissions(permissions) => self.permissions = Some(permissions),
            // Subscriptions are the session's, and that is gone.
            Command::Subscribe { .. } => {}
            Command::Own { change, reply } => {
                self.own.merge(change);
                let _ = reply.send(Ok(()));
            }
            Command::Send { packets, reply } => self.queue(packets, reply),
            Command::Call { reply, .. } => {
                let _ = reply.send(Err(RpcError::new(RpcError::SEND_FAILED, "not connected")));
            }
            Command::Answer(_) => {}
            Command::Close(reply) => {
                self.closing = Some(reply);
                return Err(DisconnectReason::ClientInitiated);
            }
        }
        Ok(())
    }

    fn begin_track(&mut self, end: LocalEnd, reply: Reply<()>) -> bool {
        match AudioSender::new(end.options().sample_rate) {
            Ok(sender) => {
                let cid = format!("warmline-{:016x}", rand::random::<u64>());
                let asked = Some((reply, Instant::now()));
                self.tracks.push(Publication { end, sender, cid, muted: false, info: None, asked });
                true
            }
            Err(error) => {
                let _ = reply.send(Err(RequestError::Internal(error.to_string())));
                false
            }
        }
    }

    fn unpublish(&mut self, link: Option<&mut Link>, id: TrackId) {
        let Some(at) = self.tracks.iter().position(|track| track.end.id() == id) else { return };
        let track = self.tracks.remove(at);
        if let Some(link) = link {
            link.peer.negotiation().wants().unpublish.push(track.cid);
        }
    }

    fn mute(&mut self, link: Option<&mut Link>, id: TrackId, muted: bool) -> Result<(), RequestError> {
        let track = self.track_mut(id).ok_or(RequestError::NoTrack)?;
        track.muted = muted;
        let sid = track.info.as_ref().map(|info| info.sid.clone());
        if let (Some(link), Some(sid)) = (link, sid) {
            link.outbox.push_back(Request::Mute(proto::MuteTrackRequest { sid, muted }));
        }
        Ok(())
    }

    /// Tells the server who may hear which track, as far as the tracks have ids already.
    pub(super) fn send_permissions(&self, link: &mut Link) {
        let Some(permissions) = &self.permissions else { return };
        let sid = |id: TrackId| {
            let track = self.tracks.iter().find(|track| track.end.id() == id)?;
            track.info.as_ref().map(|info| info.sid.clone())
        };
        link.outbox.push_back(Request::SubscriptionPermission(permissions.to_wire(sid)));
    }

    /// Tells the server about ourselves. Its refusal goes to `reply`.
    pub(super) fn send_own(link: &mut Link, change: &OwnChange, reply: Option<Reply<()>>) {
        let request_id = link.next_request_id();
        let own = link.join.participant.get_or_insert_default();
        // Name and metadata are replaced whole: what is not changed is said again.
        own.name = change.name.clone().unwrap_or_else(|| own.name.clone());
        own.metadata = change.metadata.clone().unwrap_or_else(|| own.metadata.clone());
        let request = proto::UpdateParticipantMetadata {
            name: own.name.clone(),
            metadata: own.metadata.clone(),
            attributes: change.attributes.clone().into_iter().collect(),
            request_id,
        };
        link.outbox.push_back(Request::UpdateMetadata(request));
        if let Some(reply) = reply {
            link.requests.insert(request_id, reply);
        }
    }

    fn queue(&mut self, packets: Vec<Outbound>, reply: Reply<()>) {
        let _ = reply.send(self.enqueue(packets));
    }
}
