//! Keeping customer and supervisor apart in one room, and letting them hear each other.
//!
//! A SIP leg subscribes by itself to every audio track when it is answered, and again after a reconnect of its own. So it is
//! unsubscribed at each of these moments, shortly after them, and every second.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use warmline_call::LegRef;
use warmline_livekit::services::ServiceError;
use warmline_telephony::MergeError;

use super::Shared;
use crate::{identity::Place, recovery::MERGED};

/// The pauses (ms) after which legs are told apart again when something has happened: a leg's own subscribing may come after
/// our unsubscribing, and it takes some 20 ms from there to the first sound.
const AGAIN: [u64; 8] = [0, 5, 10, 15, 30, 60, 120, 240];

impl Shared {
    /// Tells the legs apart now and a few times more.
    pub(super) fn keep_apart_closely(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            for pause in AGAIN {
                sleep(Duration::from_millis(pause)).await;
                shared.keep_apart().await;
            }
        });
    }

    /// Nobody hears what is not meant for them.
    pub(super) async fn keep_apart(&self) {
        let _only = self.subscriptions.lock().await;
        let apart = self.lock().apart();
        for (identity, tracks) in apart {
            match self.backend.services.update_subscriptions(self.call.as_str(), &identity, tracks, false).await {
                Ok(()) | Err(ServiceError::NotFound(_)) => {}
                Err(error) => tracing::warn!(call = %self.call, %error, "legs could not be told apart"),
            }
        }
    }

    /// Lets customer and supervisor hear each other, or leaves all as it was.
    pub(super) async fn merge(self: &Arc<Self>) -> Result<(), MergeError> {
        let _only = self.subscriptions.lock().await;
        let (customer, supervisor) = self.pair()?;
        if supervisor.place == Place::Consult {
            return self.merge_by_moving(&customer.identity, (supervisor.name, &supervisor.identity)).await;
        }
        let connected = async {
            // Each has its answer before a failure is undone: a request that is still under way would undo that.
            let (one, other) = tokio::join!(self.hear(&customer, &supervisor), self.hear(&supervisor, &customer));
            one.and(other)?;
            self.are_there(&[&customer.identity, &supervisor.identity]).await
        };
        if let Err(error) = connected.await {
            for (who, whom) in [(&customer, &supervisor), (&supervisor, &customer)] {
                let tracks = whom.tracks.clone();
                let undone =
                    self.backend.services.update_subscriptions(self.call.as_str(), &who.identity, tracks, false);
                if let Err(error) = undone.await {
                    tracing::warn!(call = %self.call, %error, "half a merge could not be undone yet");
                }
            }
            return Err(error);
        }
        self.lock().merged = Some(supervisor.name);
        self.mark_merged(&supervisor.identity).await;
        Ok(())
    }

    /// Writes down where it outlives us that the two hear each other. A restarted program that does not find it takes the
    /// call for one that was not merged yet.
    pub(super) async fn mark_merged(&self, supervisor: &str) {
        let mark = [(MERGED.to_owned(), "true".to_owned())].into();
        if let Err(error) = self.backend.services.update_attributes(self.call.as_str(), supervisor, mark).await {
            tracing::debug!(call = %self.call, %error, "the merge could not be marked");
        }
    }

    fn pair(&self) -> Result<(Side, Side), MergeError> {
        let state = self.lock();
        let side = |wanted: fn(LegRef) -> bool| {
            let leg = state.legs.iter().rev().find(|leg| leg.is_answered() && wanted(leg.name))?;
            let tracks = state.published.get(&(leg.place, leg.identity.clone())).cloned().unwrap_or_default();
            Some(Side { name: leg.name, identity: leg.identity.clone(), place: leg.place, tracks })
        };
        let missing = |what: &str| MergeError(what.to_owned());
        let customer =
            side(|leg| leg == LegRef::Customer).ok_or_else(|| missing("The customer is not on the line."))?;
        let supervisor = side(|leg| leg != LegRef::Customer).ok_or_else(|| missing("No supervisor is on the line."))?;
        if customer.tracks.is_empty() || supervisor.tracks.is_empty() {
            return Err(missing("One of the two has no audio yet."));
        }
        Ok((customer, supervisor))
    }

    async fn hear(&self, who: &Side, whom: &Side) -> Result<(), MergeError> {
        let tracks = whom.tracks.clone();
        let done = self.backend.services.update_subscriptions(self.call.as_str(), &who.identity, tracks, true).await;
        done.map_err(|error| MergeError(crate::cause::sentence(&error)))
    }

    async fn are_there(&self, identities: &[&String]) -> Result<(), MergeError> {
        let members = self.backend.services.list_participants(self.call.as_str()).await;
        let members = members.map_err(|error| MergeError(crate::cause::sentence(&error)))?;
        let there = |identity: &&String| members.iter().any(|member| member.participant.identity == **identity);
        if identities.iter().all(there) { Ok(()) } else { Err(MergeError("One of the two has just left.".to_owned())) }
    }
}

/// One of the two to be connected.
struct Side {
    name: LegRef,
    identity: String,
    place: Place,
    tracks: Vec<String>,
}
