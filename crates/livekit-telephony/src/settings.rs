use std::{fmt, time::Duration};

use warmline_livekit::{Secret, services::Project};

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
            empty_timeout: Duration::from_secs(60),
            departure_timeout: Duration::from_secs(20),
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
