//! Joining the room, the first time and anew.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::{Engine, Link};
use crate::{
    DisconnectReason, ParticipantEvent, TokenSource,
    error::ConnectError,
    secret::{Secret, redact},
};

/// How long signalling may take to join.
const JOIN_TIME: Duration = Duration::from_secs(12);

impl Engine {
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
}

/// The token to join with.
pub(crate) async fn token(source: &TokenSource, refreshed: Option<Secret>) -> Result<Secret, ConnectError> {
    match source {
        TokenSource::Fixed(token) => Ok(refreshed.unwrap_or_else(|| token.clone())),
        TokenSource::Fresh(make) => make().await.map_err(|why| ConnectError::Token(redact(&why))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fixed_token_is_replaced_by_what_the_server_has_refreshed_it_to() {
        let fixed = TokenSource::Fixed("first".into());
        assert_eq!(token(&fixed, None).await.unwrap(), "first".into());
        assert_eq!(token(&fixed, Some("refreshed".into())).await.unwrap(), "refreshed".into());
        let fresh = TokenSource::fresh(|| async { Ok(Secret::new("fresh")) });
        assert_eq!(token(&fresh, Some("refreshed".into())).await.unwrap(), "fresh".into());
        let none = TokenSource::fresh(|| async { Err("refused: eyJa.b.c".to_owned()) });
        assert!(matches!(token(&none, None).await, Err(ConnectError::Token(why)) if why == "refused: …"));
    }
}
