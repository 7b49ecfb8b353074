//! A supervisor consulted in a room of its own, and moved to the customer's for the merge: where the server can move
//! participants.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use warmline_call::{LeftCause, LegRef};
use warmline_livekit::{
    Participant, RequestError, SubscriptionPermissions, TrackOptions,
    services::{Member, ServiceError},
};
use warmline_telephony::{DialError, MergeError, OpenError};

use super::{
    Shared,
    events::{Who, follow},
    state::Consult,
};
use crate::{cause, identity::Place};

/// How long somebody who is moved may take to be there, with sound; and how often it is looked.
const ARRIVAL: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(30);

impl Shared {
    /// Where a leg is dialled. A supervisor's room is opened, if it is to be one of its own.
    pub(super) async fn place_for(self: &Arc<Self>, leg: LegRef) -> Result<Place, DialError> {
        if leg == LegRef::Customer || !self.backend.consults_apart(&self.call).await {
            return Ok(Place::Call);
        }
        let _only = self.consulting.lock().await;
        if self.lock().consult.is_some() {
            return Ok(Place::Consult);
        }
        let room = self.backend.new_room(&Place::Consult.room(&self.call));
        self.backend.services.create_room(room).await.map_err(|error| cause::refused(&error))?;
        match self.enter_consult().await {
            Ok(()) => Ok(Place::Consult),
            Err(error) => {
                Err(DialError { cause: LeftCause::TrunkFailure, sip_status: None, detail: error.to_string() })
            }
        }
    }

    /// Lets the agent join the consult's room, with nothing to be heard of it yet.
    pub(super) async fn enter_consult(self: &Arc<Self>) -> Result<(), OpenError> {
        let joined = Participant::connect(self.backend.as_agent(&self.call, Place::Consult)).await;
        let (agent, events) = joined.map_err(|error| OpenError(format!("{error}; check LIVEKIT_URL.")))?;
        let publishing = async {
            self.be_heard_by_nobody(&agent, Place::Consult).await?;
            let source = self.sound.mouthpiece(LegRef::Supervisor(1)).source(Place::Consult);
            agent.publish_source(TrackOptions::new("supervisor"), source).await
        };
        let failed = |error: RequestError| OpenError(format!("The agent could not publish: {error}."));
        let track = publishing.await.map_err(failed)?;
        {
            let mut state = self.lock();
            if state.closed {
                return Err(OpenError("The call is over.".to_owned()));
            }
            state.consult = Some(Consult { agent: Arc::new(agent), track });
        }
        tokio::spawn(follow(Arc::clone(self), events, Who::Consult));
        Ok(())
    }

    /// Lets the latest supervisor hear the agent in the consult's room.
    pub(super) async fn permit_in_consult(&self) -> Result<(), RequestError> {
        let (agent, permissions) = {
            let state = self.lock();
            let leg = state.legs.iter().rev().find(|leg| leg.place == Place::Consult);
            let (Some(consult), Some(leg)) = (&state.consult, leg) else { return Ok(()) };
            let permissions = SubscriptionPermissions::nobody().allow(&leg.identity, &consult.track);
            (Arc::clone(&consult.agent), permissions)
        };
        agent.set_permissions(permissions).await
    }

    /// Moves the supervisor to the customer's room, where everybody hears everybody, or leaves all as it was.
    pub(super) async fn merge_by_moving(
        self: &Arc<Self>,
        customer: &str,
        (name, supervisor): (LegRef, &str),
    ) -> Result<(), MergeError> {
        {
            let mut state = self.lock();
            state.moving = Some(supervisor.to_owned());
            state.merged = Some(name);
        }
        let moved = self.move_in(supervisor).await;
        let there = match &moved {
            Ok(()) => self.members_with_sound().await.is_some_and(|there| there.iter().any(|who| who == customer)),
            Err(_) => false,
        };
        {
            let mut state = self.lock();
            state.moving = None;
            if moved.is_ok()
                && let Some(leg) = state.leg(supervisor)
            {
                leg.place = Place::Call;
            }
            if !there {
                state.merged = None;
            }
        }
        if moved.is_ok() {
            self.sound.mouthpiece(name).move_to(Place::Call);
        }
        self.look_soon();
        moved?;
        if !there {
            return Err(MergeError("The customer has just left.".to_owned()));
        }
        self.mark_merged(supervisor).await;
        tokio::spawn(Arc::clone(self).close_consult());
        Ok(())
    }

    async fn move_in(&self, supervisor: &str) -> Result<(), MergeError> {
        let (from, to) = (Place::Consult.room(&self.call), Place::Call.room(&self.call));
        let asked = self.backend.services.move_participant(&from, supervisor, &to).await;
        if let Err(ServiceError::NotImplemented(_)) = asked {
            self.backend.never_move().await;
            return Err(MergeError("This LiveKit server can't move the supervisor to the customer.".to_owned()));
        }
        // An answer that was lost says nothing of the move.
        let deadline = Instant::now() + ARRIVAL;
        loop {
            if self.members_with_sound().await.is_some_and(|there| there.iter().any(|who| who == supervisor)) {
                return Ok(());
            }
            match &asked {
                Err(ServiceError::NotFound(_)) => {
                    return Err(MergeError("The supervisor has just left.".to_owned()));
                }
                Err(error) => return Err(MergeError(cause::sentence(error))),
                Ok(()) if Instant::now() >= deadline => {
                    return Err(MergeError("The supervisor was moved and did not arrive.".to_owned()));
                }
                Ok(()) => sleep(LOOK).await,
            }
        }
    }

    /// Who is in the customer's room with audio that can be heard.
    async fn members_with_sound(&self) -> Option<Vec<String>> {
        let members = self.backend.members(&self.call, Place::Call).await.ok()?;
        let sounds = |member: &Member| member.tracks.iter().any(|track| track.audio);
        Some(members.into_iter().filter(sounds).map(|member| member.participant.identity).collect())
    }

    /// The supervisor is with the customer: nobody needs the consult's room any more.
    async fn close_consult(self: Arc<Self>) {
        let _only = self.consulting.lock().await;
        drop(self.lock().consult.take());
        if let Err(error) = self.backend.delete(&self.call, Place::Consult).await {
            tracing::warn!(call = %self.call, %error, "a consult's room is closed when the call is");
        }
    }
}
