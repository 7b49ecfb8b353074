use std::{fmt, time::Duration};

use warmline_livekit::{Impairment, ReconnectPolicy, Secret, services::Project};

/// Where a supervisor is consulted before the merge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConsultIn {
    /// In a room of its own on LiveKit Cloud, which can move participants; else in the customer's.
    #[default]
    Auto,
    /// In the customer's room, apart from the customer by subscriptions. Every server can do that.
    SameRoom,
    /// In a room of its own (`<call>-supervisor`), where the server can move participants.
    OwnRoom,
}

/// What a [`crate::LiveKit`] needs to know.
#[derive(Clone)]
#[non_exhaustive]
pub struct LiveKitSettings {
    /// The server that participants join: `wss://…` (`LIVEKIT_URL`).
    pub url: String,
    /// Where its API is reached if not there: the simulated carrier's address, for one.
    pub api_url: Option<String>,
    /// The API key (`LIVEKIT_API_KEY`).
    pub key: String,
    /// The API secret (`LIVEKIT_API_SECRET`).
    pub secret: Secret,
    /// The outbound trunk's id, `ST_…` (`LIVEKIT_SIP_OUTBOUND_TRUNK`).
    pub trunk: String,
    /// The number that callees see; the trunk's own if `None` (`TWILIO_NUMBER`).
    pub from_number: Option<String>,
    /// Where supervisors are consulted (`WARMLINE_LIVEKIT_CONSULT`).
    pub consult: ConsultIn,
    /// What is done when a connection to the server is lost; then the call's audio is.
    pub reconnect: ReconnectPolicy,
    /// A bad network on purpose, between us and the server.
    pub impairment: Impairment,
    /// How long a room without anybody stays open before the first leg has come.
    pub empty_timeout: Duration,
    /// How long a room stays open after its last leg has left.
    pub departure_timeout: Duration,
}

impl LiveKitSettings {
    /// Settings for that server, key and trunk; all else as it usually is.
    #[must_use]
    pub fn new(
        url: impl Into<String>,
        key: impl Into<String>,
        secret: impl Into<Secret>,
        trunk: impl Into<String>,
    ) -> Self {
        Self {
            url: url.into(),
            api_url: None,
            key: key.into(),
            secret: secret.into(),
            trunk: trunk.into(),
            from_number: None,
            consult: ConsultIn::default(),
            impairment: Impairment::new(),
            // Half a minute in all.
            reconnect: ReconnectPolicy { resume_for: Duration::from_secs(10), rejoin_for: Duration::from_secs(15) },
            empty_timeout: Duration::from_secs(60),
            departure_timeout: Duration::from_secs(20),
        }
    }

    /// Whether supervisors are to be consulted in a room of their own.
    pub(crate) fn wants_own_room(&self) -> bool {
        match self.consult {
            ConsultIn::Auto => is_cloud(&self.url),
            ConsultIn::SameRoom => false,
            ConsultIn::OwnRoom => true,
        }
    }

    /// Where and with what key the server's API is used.
    pub(crate) fn project(&self) -> Project {
        let url = self.api_url.clone().unwrap_or_else(|| self.url.clone());
        Project { url, key: self.key.clone(), secret: self.secret.clone() }
    }
}

impl fmt::Debug for LiveKitSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveKitSettings").field("url", &self.url).field("trunk", &self.trunk).finish_non_exhaustive()
    }
}

/// Whether that is a project on LiveKit Cloud.
fn is_cloud(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', ':', '?']).next().unwrap_or_default();
    host.to_ascii_lowercase().ends_with(".livekit.cloud")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_cloud_has_consults_in_rooms_of_their_own_by_itself() {
        let table = [
            ("wss://shop.livekit.cloud", ConsultIn::Auto, true),
            ("wss://Shop.LiveKit.Cloud:443/x", ConsultIn::Auto, true),
            ("https://shop.livekit.cloud?x", ConsultIn::Auto, true),
            ("wss://livekit.example.com", ConsultIn::Auto, false),
            ("wss://livekit.cloud.example.com", ConsultIn::Auto, false),
            ("ws://127.0.0.1:7880/.livekit.cloud", ConsultIn::Auto, false),
            ("wss://shop.livekit.cloud", ConsultIn::SameRoom, false),
            ("ws://127.0.0.1:7880", ConsultIn::OwnRoom, true),
        ];
        for (url, consult, own) in table {
            let mut settings = LiveKitSettings::new(url, "key", "secret", "ST_1");
            settings.consult = consult;
            assert_eq!(settings.wants_own_room(), own, "{url} {consult:?}");
        }
    }
}
