use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use livekit_protocol as proto;
use str0m::{
    Rtc,
    change::{SdpAnswer, SdpPendingOffer},
    channel::{ChannelConfig, ChannelId, Reliability},
    format::{Codec, PayloadParams},
    media::{Direction, MediaKind, Mid},
};

use super::{
    PeerError,
    demand::Demand,
    sdp::{Section, sections, tracks_by_ssrc},
};

/// The fixed ids of the data channels that both sides know of beforehand.
const RELIABLE_ID: u16 = 100;
const LOSSY_ID: u16 = 101;

/// Sections to receive in at most, whatever the server asks for. They are used again: nobody hears so many at once.
pub(super) const MOST_SECTIONS: usize = 256;

/// What an offer is to change.
#[derive(Debug, Default)]
pub(crate) struct Wants {
    /// Sections to receive in.
    pub(crate) audios: u32,
    pub(crate) videos: u32,
    /// Tracks to publish: their client ids.
    pub(crate) publish: Vec<String>,
    /// Tracks to take back.
    pub(crate) unpublish: Vec<String>,
    /// Something to offer even if nothing of the above is wanted.
    pub(crate) anything: bool,
    pub(crate) ice_restart: bool,
}

/// Offers, one at a time, and what their answers said.
#[derive(Debug)]
pub(crate) struct Negotiation {
    negotiated_channels: bool,
    wants: Wants,
    pending: Option<Pending>,
    next_id: u32,
    offer: Option<proto::SessionDescription>,
    answer: Option<proto::SessionDescription>,
    reliable: Option<ChannelId>,
    lossy: Option<ChannelId>,
    receiving: Vec<Mid>,
    demand: Demand,
    published: HashMap<String, Mid>,
    sections: Vec<Section>,
    /// By section.
    tracks: HashMap<Mid, Arc<str>>,
    /// By source, where the answer says it.
    sources: HashMap<u32, Arc<str>>,
}

#[derive(Debug)]
struct Pending {
    id: u32,
    added: Vec<Mid>,
    offer: SdpPendingOffer,
    since: Instant,
}

impl Negotiation {
    pub(crate) fn new(negotiated_channels: bool) -> Self {
        Self {
            negotiated_channels,
            wants: Wants { anything: true, ..Wants::default() },
            pending: None,
            next_id: 1,
            offer: None,
            answer: None,
            reliable: None,
            lossy: None,
            receiving: Vec::new(),
            demand: Demand::default(),
            published: HashMap::new(),
            sections: Vec::new(),
            tracks: HashMap::new(),
            sources: HashMap::new(),
        }
    }

    /// What the next offer is to change, besides what was wanted already.
    pub(crate) fn wants(&mut self) -> &mut Wants {
        &mut self.wants
    }

    /// The server wants to negotiate, and needs that many new sections to send in.
    pub(crate) fn require(&mut self, audios: u32, videos: u32) {
        tracing::trace!(audios, videos, demand = ?self.demand, "the server wants to negotiate");
        let Some((audios, videos)) = self.demand.grant(audios, videos) else {
            tracing::debug!(audios, videos, "the server asks for sections that it does not use: they are put off");
            return;
        };
        let wanted = self.receiving.len() + self.wants.audios as usize + self.wants.videos as usize;
        let left = u32::try_from(MOST_SECTIONS.saturating_sub(wanted)).unwrap_or(0);
        let audios = audios.min(left);
        self.wants.audios += audios;
        self.wants.videos += videos.min(left - audios);
        self.wants.anything = true;
    }

    /// Whether all that we have offered is agreed.
    pub(crate) fn is_answered(&self) -> bool {
        self.answer.is_some() && self.pending.is_none()
    }

    /// For how long an offer has been waiting for its answer.
    pub(crate) fn waiting_for(&self, now: Instant) -> Option<Duration> {
        self.pending.as_ref().map(|pending| now.saturating_duration_since(pending.since))
    }

    /// Our last offer and the server's last answer, for the state that a resume has to tell (pitfall 11).
    pub(crate) fn state(&self) -> (Option<proto::SessionDescription>, Option<proto::SessionDescription>) {
        (self.offer.clone(), self.answer.clone())
    }

    /// The offer that is still unanswered, to be sent again over a new connection.
    pub(crate) fn unanswered(&self) -> Option<proto::SessionDescription> {
        self.pending.as_ref().and(self.offer.clone())
    }

    pub(crate) fn channel(&self, reliable: bool) -> Option<ChannelId> {
        if reliable { self.reliable } else { self.lossy }
    }

    /// The section that carries a track of ours, and the payload types that the server takes there, once it has said so.
    pub(crate) fn published(&self, cid: &str) -> Option<(Mid, &[u8])> {
        let mid = *self.published.get(cid)?;
        let section = self.sections.iter().find(|section| Mid::from(section.mid.as_str()) == mid)?;
        Some((mid, &section.payload_types))
    }

    /// The tracks that the server sends us.
    pub(crate) fn sent_tracks(&self) -> Vec<Arc<str>> {
        self.tracks.values().cloned().collect()
    }

    pub(crate) fn opus_payload_type(&self, rtc: &Rtc) -> Option<u8> {
        opus(rtc).map(|params| *params.pt())
    }

    pub(crate) fn red_payload_type(&self, rtc: &Rtc) -> Option<u8> {
        opus(rtc).and_then(PayloadParams::red).map(|pt| *pt)
    }

    /// The track of a packet: by its source if the server named it, else by its section.
    pub(crate) fn track_of(&self, ssrc: u32, mid: Mid) -> Option<Arc<str>> {
        self.sources.get(&ssrc).or_else(|| self.tracks.get(&mid)).cloned()
    }

    /// The next offer, unless one is outstanding or nothing is wanted.
    pub(crate) fn next_offer(&mut self, rtc: &mut Rtc) -> Option<proto::SessionDescription> {
        if self.pending.is_some() || !self.wants.any() {
            return None;
        }
        let wants = std::mem::take(&mut self.wants);
        let mut api = rtc.sdp_api();
        if self.reliable.is_none() {
            let id = |id| self.negotiated_channels.then_some(id);
            self.reliable =
                Some(api.add_channel_with_config(channel("_reliable", true, Reliability::Reliable, id(RELIABLE_ID))));
            let lossy = Reliability::MaxRetransmits { retransmits: 0 };
            self.lossy = Some(api.add_channel_with_config(channel("_lossy", false, lossy, id(LOSSY_ID))));
        }
        // str0m offers nothing without a change, yet the server waits for an offer even when it needs no new section (pitfall 2).
        for &mid in self.receiving.iter().filter(|_| wants.anything) {
            api.set_direction(mid, Direction::Inactive);
            api.set_direction(mid, Direction::RecvOnly);
        }
        let mut added = Vec::new();
        for (count, kind) in [(wants.audios, MediaKind::Audio), (wants.videos, MediaKind::Video)] {
            for _ in 0..count {
                added.push(api.add_media(kind, Direction::RecvOnly, None, None, None));
            }
        }
        self.receiving.extend(&added);
        for cid in wants.publish {
            // The track's id in the session description is how the server knows which of our tracks it is (pitfall 5).
            let mid = api.add_media(MediaKind::Audio, Direction::SendOnly, None, Some(cid.clone()), None);
            self.published.insert(cid, mid);
        }
        for cid in wants.unpublish {
            if let Some(mid) = self.published.remove(&cid) {
                api.set_direction(mid, Direction::Inactive);
            }
        }
        if wants.ice_restart {
            api.ice_restart(true);
        }
        let (offer, pending) = api.apply()?;
        let id = self.next_id;
        self.next_id += 1;
        self.pending = Some(Pending { id, added, offer: pending, since: Instant::now() });
        let offer = description("offer", offer.to_sdp_string(), id);
        self.offer = Some(offer.clone());
        Some(offer)
    }

    /// Takes in the answer to the outstanding offer; another is passed over.
    pub(crate) fn answer(&mut self, rtc: &mut Rtc, answer: &proto::SessionDescription) -> Result<(), PeerError> {
        let Some(pending) = self.pending.take_if(|pending| answer.id == 0 || answer.id == pending.id) else {
            tracing::debug!(id = answer.id, "an answer to no offer of ours was passed over");
            return Ok(());
        };
        let parsed =
            SdpAnswer::from_sdp_string(&answer.sdp).map_err(|error| PeerError::Description(error.to_string()))?;
        rtc.sdp_api().accept_answer(pending.offer, parsed)?;
        self.sections = sections(&answer.sdp);
        tracing::trace!(tracks = ?answer.mid_to_track_id, sections = self.sections.len(), id = answer.id, "answered");
        let by_source = tracks_by_ssrc(&self.sections, &answer.mid_to_track_id);
        self.sources = by_source.into_iter().map(|(ssrc, track)| (ssrc, track.into())).collect();
        self.tracks = answer.mid_to_track_id.iter().map(|(m, t)| (Mid::from(m.as_str()), t.as_str().into())).collect();
        self.demand.answered(!pending.added.is_empty(), pending.added.iter().any(|mid| self.tracks.contains_key(mid)));
        self.answer = Some(description("answer", answer.sdp.clone(), answer.id));
        Ok(())
    }
}

impl Wants {
    fn any(&self) -> bool {
        self.anything
            || self.ice_restart
            || self.audios + self.videos > 0
            || !(self.publish.is_empty() && self.unpublish.is_empty())
    }
}

fn opus(rtc: &Rtc) -> Option<&PayloadParams> {
    rtc.codec_config().iter().find(|params| params.spec().codec == Codec::Opus)
}

fn channel(label: &str, ordered: bool, reliability: Reliability, negotiated: Option<u16>) -> ChannelConfig {
    ChannelConfig { label: label.to_owned(), ordered, reliability, negotiated, protocol: String::new() }
}

fn description(kind: &str, sdp: String, id: u32) -> proto::SessionDescription {
    proto::SessionDescription { r#type: kind.to_owned(), sdp, id, ..proto::SessionDescription::default() }
}
