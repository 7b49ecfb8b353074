use livekit_protocol as proto;

use crate::{LocalTrack, track::TrackId};

/// Who may subscribe to our tracks. Holds for the tracks themselves: also after the room was joined anew.
///
/// A track is heard by everybody from the moment it is published unless something else was said before: say
/// [`nobody`](Self::nobody) first, publish, then allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionPermissions {
    everybody: bool,
    allowed: Vec<(String, Allowed)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    All,
    Track(TrackId),
}

impl SubscriptionPermissions {
    /// Everybody may hear everything.
    #[must_use]
    pub fn everybody() -> Self {
        Self { everybody: true, allowed: Vec::new() }
    }

    /// Nobody may hear anything, but for those allowed in the following.
    #[must_use]
    pub fn nobody() -> Self {
        Self::default()
    }

    /// This identity may hear that track too.
    #[must_use]
    pub fn allow(mut self, identity: impl Into<String>, track: &LocalTrack) -> Self {
        self.allowed.push((identity.into(), Allowed::Track(track.id())));
        self
    }

    /// This identity may hear every track of ours.
    #[must_use]
    pub fn allow_all(mut self, identity: impl Into<String>) -> Self {
        self.allowed.push((identity.into(), Allowed::All));
        self
    }

    /// As the server wants it; tracks without an id as yet are left out.
    pub(crate) fn to_wire(&self, sid: impl Fn(TrackId) -> Option<String>) -> proto::SubscriptionPermission {
        let mut permissions: Vec<proto::TrackPermission> = Vec::new();
        for (identity, allowed) in &self.allowed {
            let at = permissions.iter().position(|p| &p.participant_identity == identity).unwrap_or_else(|| {
                let participant_identity = identity.clone();
                permissions.push(proto::TrackPermission { participant_identity, ..Default::default() });
                permissions.len() - 1
            });
            match allowed {
                Allowed::All => permissions[at].all_tracks = true,
                Allowed::Track(id) => permissions[at].track_sids.extend(sid(*id)),
            }
        }
        proto::SubscriptionPermission { all_participants: self.everybody, track_permissions: permissions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::{TrackOptions, local_track};

    #[test]
    fn permissions_name_identities_and_the_ids_that_tracks_have_now() {
        let track = |id| local_track(id, TrackOptions::new("x"), None, tokio::sync::mpsc::channel(1).0).0;
        let permissions = SubscriptionPermissions::nobody()
            .allow("customer", &track(1))
            .allow("supervisor", &track(2))
            .allow("customer", &track(3))
            .allow_all("watcher");
        let wire = permissions.to_wire(|id| (id != 3).then(|| format!("TR_{id}")));
        assert!(!wire.all_participants);
        let said: Vec<_> = wire
            .track_permissions
            .iter()
            .map(|p| (p.participant_identity.as_str(), p.all_tracks, p.track_sids.join(",")))
            .collect();
        let expected = [
            ("customer", false, "TR_1".to_owned()),
            ("supervisor", false, "TR_2".to_owned()),
            ("watcher", true, String::new()),
        ];
        assert_eq!(said, expected);
        assert!(SubscriptionPermissions::everybody().to_wire(|_| None).all_participants);
    }
}
