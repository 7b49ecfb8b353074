use std::{
    collections::{HashSet, VecDeque},
    time::{Duration, SystemTime},
};

use serde_json::Value;
use warmline_call::CallId;
use warmline_livekit::services::{WebhookError, Webhooks};

use crate::identity::Place;

/// How old a webhook may be, and how far ahead its clock.
const FRESH: Duration = Duration::from_secs(300);

/// Ids of webhooks that are remembered: more than come within the time that one counts as fresh.
const REMEMBERED: usize = 4_096;

/// What a webhook says of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Somebody is no longer in the room.
    ParticipantLeft {
        /// Whose room.
        call: CallId,
        /// Who.
        identity: String,
    },
    /// The room is closed.
    RoomFinished {
        /// Whose.
        call: CallId,
    },
}

impl Notice {
    /// The call that it is about.
    #[must_use]
    pub fn call(&self) -> &CallId {
        match self {
            Self::ParticipantLeft { call, .. } | Self::RoomFinished { call } => call,
        }
    }
}

/// A webhook that is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRefused {
    /// Not signed by our server, changed on its way, or not readable.
    #[error("{0}; check that LiveKit sends webhooks with the API key that Warmline has")]
    Forged(#[from] WebhookError),
    /// Too old, or from the future.
    #[error("the webhook is not of the last five minutes; check the clocks")]
    Stale,
}

/// Lets every webhook through once.
#[derive(Debug)]
pub(crate) struct Gate {
    webhooks: Webhooks,
    seen: HashSet<String>,
    order: VecDeque<String>,
}

impl Gate {
    pub(crate) fn new(webhooks: Webhooks) -> Self {
        Self { webhooks, seen: HashSet::new(), order: VecDeque::new() }
    }

    /// `None`: nothing new, or nothing of interest.
    pub(crate) fn receive(
        &mut self,
        body: &str,
        authorization: &str,
        now: SystemTime,
    ) -> Result<Option<Notice>, WebhookRefused> {
        let webhook = self.webhooks.receive(body, authorization)?;
        if !is_fresh(body, now) {
            return Err(WebhookRefused::Stale);
        }
        if !self.is_new(&webhook.id) {
            return Ok(None);
        }
        let call = webhook.room.and_then(|room| Place::of(&room.name));
        Ok(match (webhook.event.as_str(), call, webhook.participant) {
            ("participant_left" | "participant_connection_aborted", Some((call, _)), Some(member)) => {
                Some(Notice::ParticipantLeft { call, identity: member.participant.identity })
            }
            ("room_finished", Some((call, Place::Call)), _) => Some(Notice::RoomFinished { call }),
            _ => None,
        })
    }

    fn is_new(&mut self, id: &str) -> bool {
        if !self.seen.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}

/// Whether it was made within the last five minutes, by its own word: the signature covers it.
fn is_fresh(body: &str, now: SystemTime) -> bool {
    let Ok(body) = serde_json::from_str::<Value>(body) else { return false };
    let created = body.get("createdAt").or_else(|| body.get("created_at"));
    let seconds = created.and_then(|at| at.as_u64().or_else(|| at.as_str()?.parse().ok()));
    let Some(created) = seconds.map(|s| SystemTime::UNIX_EPOCH + Duration::from_secs(s)) else { return false };
    let apart = now.duration_since(created).unwrap_or_else(|ahead| ahead.duration());
    apart <= FRESH
}

#[cfg(test)]
mod tests {
    use livekit_api::access_token::AccessToken;
    use sha2::{Digest, Sha256};
    use warmline_livekit::services::Project;

    use super::*;

    const SECRET: &str = "a-secret-that-is-long-enough-for-it";
    const NOW: u64 = 1_800_000_000;

    fn gate() -> Gate {
        Gate::new(Webhooks::new(&Project { url: String::new(), key: "key".to_owned(), secret: SECRET.into() }))
    }

    fn body(id: &str, event: &str, at: u64) -> String {
        format!(
            r#"{{"event":"{event}","room":{{"sid":"RM_x","name":"outbound-000000000007"}},"participant":{{"identity":"who"}},"id":"{id}","createdAt":"{at}"}}"#
        )
    }

    fn receive(gate: &mut Gate, body: &str) -> Result<Option<Notice>, WebhookRefused> {
        let hash = Sha256::digest(body.as_bytes());
        let hash = data_encoding(&hash);
        let token = AccessToken::with_api_key("key", SECRET).with_sha256(&hash).to_jwt().unwrap();
        gate.receive(body, &token, SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
    }

    /// Base64.
    fn data_encoding(bytes: &[u8]) -> String {
        const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let word = chunk.iter().fold(0_u32, |word, byte| (word << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
            for n in 0..4 {
                let sign = SIGNS[(word >> (18 - 6 * n)) as usize & 63] as char;
                text.push(if n > chunk.len() { '=' } else { sign });
            }
        }
        text
    }

    #[test]
    fn each_webhook_counts_once_and_only_while_it_is_fresh() {
        let (mut gate, call) = (gate(), CallId::from_bits(7));
        let left = body("EV_1", "participant_left", NOW - 10);
        let notice = Notice::ParticipantLeft { call: call.clone(), identity: "who".to_owned() };
        assert_eq!(receive(&mut gate, &left), Ok(Some(notice)));
        assert_eq!(receive(&mut gate, &left), Ok(None), "a replay");
        let finished = body("EV_2", "room_finished", NOW + 10);
        assert_eq!(receive(&mut gate, &finished), Ok(Some(Notice::RoomFinished { call })));
        assert_eq!(receive(&mut gate, &body("EV_3", "track_published", NOW)), Ok(None));
        for at in [NOW - 400, NOW + 400] {
            assert_eq!(receive(&mut gate, &body("EV_4", "room_finished", at)), Err(WebhookRefused::Stale));
        }
        let forged = gate.receive(&left, "junk", SystemTime::now());
        assert!(matches!(forged, Err(WebhookRefused::Forged(_))));
    }
}
