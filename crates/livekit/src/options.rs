use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use crate::{audio::JitterConfig, peer::Impairment, secret::Secret};

/// How to join a room.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The server: `ws://`, `wss://`, `http://` or `https://`.
    pub url: String,
    /// Where tokens come from.
    pub token: TokenSource,
    /// Which tracks of others to subscribe to without being asked.
    pub subscribe: AutoSubscribe,
    /// How long received audio is held so that it plays without gaps.
    pub jitter: JitterConfig,
    /// What is done when the connection is lost.
    pub reconnect: ReconnectPolicy,
    /// How long joining may take until media flows.
    pub connect_timeout: Duration,
    /// A bad network on purpose.
    pub impairment: Impairment,
}

/// Which tracks of others to subscribe to without being asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoSubscribe {
    /// Every audio track; video never.
    #[default]
    Audio,
    /// None: [`Participant::subscribe`](crate::Participant::subscribe), or the server's `UpdateSubscriptions`, says which.
    Nothing,
}

/// What is done when the connection is lost. Every loop of it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconnectPolicy {
    /// For how long the lost session is tried to be resumed, before the room is joined anew.
    pub resume_for: Duration,
    /// For how long joining anew is tried, before it is given up.
    pub rejoin_for: Duration,
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self { resume_for: Duration::from_secs(20), rejoin_for: Duration::from_secs(60) }
    }
}

/// Where tokens come from.
#[derive(Clone)]
pub enum TokenSource {
    /// Always the same one. A reconnect after its expiry uses the one that the server has refreshed it to.
    Fixed(Secret),
    /// A fresh one for each join.
    Fresh(Arc<FreshToken>),
}

/// Makes a token, or says why it can't.
pub type FreshToken = dyn Fn() -> Pin<Box<dyn Future<Output = Result<Secret, String>> + Send>> + Send + Sync;

impl Options {
    /// Joins with this token; all else as it usually is.
    #[must_use]
    pub fn new(url: impl Into<String>, token: impl Into<Secret>) -> Self {
        Self::with_source(url, TokenSource::Fixed(token.into()))
    }

    /// Joins with a fresh token each time.
    #[must_use]
    pub fn with_source(url: impl Into<String>, token: TokenSource) -> Self {
        Self {
            url: url.into(),
            token,
            subscribe: AutoSubscribe::default(),
            jitter: JitterConfig::default(),
            reconnect: ReconnectPolicy::default(),
            connect_timeout: Duration::from_secs(15),
            impairment: Impairment::new(),
        }
    }
}

impl TokenSource {
    /// A source that calls this for each join.
    pub fn fresh<F>(make: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Secret, String>> + Send + 'static,
    {
        Self::Fresh(Arc::new(move || Box::pin(make())))
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed(_) => "Fixed(…)",
            Self::Fresh(_) => "Fresh(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Pitfall 12.
    #[test]
    fn options_do_not_print_the_token() {
        let options = Options::new("ws://localhost:7880", "eyJtoken");
        assert!(!format!("{options:?}").contains("eyJtoken"));
    }
}
