//! Dialling a leg, and what becomes of it.
//!
//! The request waits until the dial is answered or has failed, on a task of its own: only so a failure comes with its SIP
//! status. That the dial has begun is known sooner, from the participant, who joins the room before the phone rings.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use warmline_call::{Left, LeftCause, LegRef};
use warmline_livekit::{
    DisconnectReason, SubscriptionPermissions,
    services::{self, ServiceError},
};
use warmline_telephony::{Dial, DialError, Dialled, Line};

use super::{
    Shared,
    state::{FACTS, Leg},
};
use crate::{
    cause,
    identity::{self, Place},
};

/// How long the participant of a dial may take to be in the room.
const BEGIN: Duration = Duration::from_secs(10);

/// How long the request may take to say why a participant has left that did not answer.
const REASON: Duration = Duration::from_secs(2);

/// How long the news that the participant had joined may take when the dial has failed already.
const NEWS: Duration = Duration::from_millis(400);

/// How often hanging up is tried when the server does not answer.
const TRIES: u32 = 6;

impl Shared {
    pub(super) async fn dial(self: &Arc<Self>, dial: Dial) -> Result<Dialled, DialError> {
        let identity = identity::leg(&dial.identity, dial.leg);
        let place = self.place_for(dial.leg).await?;
        self.admit(&dial, &identity, place).await?;
        let (line, end) = Line::new();
        let (facts, progress) = mpsc::channel(FACTS);
        let (began, begun) = oneshot::channel();
        let leg = Leg::new((dial.leg, identity.clone(), place), end, facts, began, (dial.ring, dial.max_duration));
        {
            let mut state = self.lock();
            if state.closed {
                return refuse(LeftCause::TrunkFailure, None, "The call is over.");
            }
            if state.legs.iter().any(|other| other.name == dial.leg) {
                return refuse(LeftCause::TrunkFailure, None, "This leg has been dialled already.");
            }
            state.legs.push(leg);
        }
        if let Err(error) = self.permit().await {
            self.finish(&identity, released());
            return refuse(LeftCause::TrunkFailure, None, &format!("The agent is not in the room: {error}."));
        }
        tokio::spawn(Arc::clone(self).request(self.request_for(&dial, &identity, place), place));
        match timeout(BEGIN, begun).await {
            Ok(Ok(Ok(ids))) => {
                Ok(Dialled { participant_id: ids.participant, sip_call_id: ids.sip_call, progress, line })
            }
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) => refuse(LeftCause::TrunkFailure, None, "The call is over."),
            Err(_) => {
                self.finish(&identity, released());
                tokio::spawn(Arc::clone(self).remove(place, identity));
                let detail = "LiveKit's SIP service did not begin the call in 10 s; check that livekit-sip runs.";
                refuse(LeftCause::TrunkFailure, None, detail)
            }
        }
    }

    /// Whether this may be dialled: a number, and nobody there who is this leg already (dialled before we were restarted).
    async fn admit(&self, dial: &Dial, identity: &str, place: Place) -> Result<(), DialError> {
        if !is_e164(dial.number.reveal()) {
            return refuse(LeftCause::InvalidNumber, Some(404), "That is not a telephone number.");
        }
        match self.backend.members(&self.call, place).await {
            Ok(members) if members.iter().any(|member| member.participant.identity == identity) => {
                refuse(LeftCause::TrunkFailure, None, "This leg has been dialled already: it is in the room.")
            }
            Ok(_) => Ok(()),
            Err(error) => Err(cause::refused(&error)),
        }
    }

    /// Lets each leg hear the track that is meant for it, and nobody any other.
    pub(super) async fn permit(&self) -> Result<(), warmline_livekit::RequestError> {
        let (agent, permissions) = {
            let state = self.lock();
            let (Some(agent), Some([customer, supervisor])) = (&state.agent, &state.tracks) else {
                return Err(warmline_livekit::RequestError::Left);
            };
            let mut permissions = SubscriptionPermissions::nobody();
            if let Some(leg) = state.legs.iter().find(|leg| leg.name == LegRef::Customer) {
                permissions = permissions.allow(&leg.identity, customer);
            }
            if let Some(leg) = state.legs.iter().rev().find(|leg| leg.name != LegRef::Customer) {
                permissions = permissions.allow(&leg.identity, supervisor);
            }
            (Arc::clone(agent), permissions)
        };
        agent.set_permissions(permissions).await?;
        self.permit_in_consult().await
    }

    fn request_for(&self, dial: &Dial, identity: &str, place: Place) -> services::Dial {
        let settings = &self.backend.settings;
        let mut request = services::Dial::new(&settings.trunk, dial.number.reveal(), place.room(&self.call), identity);
        request.name = if dial.leg == LegRef::Customer { "Customer" } else { "Supervisor" }.to_owned();
        request.wait_until_answered = true;
        request.ringing_timeout = dial.ring;
        request.max_call_duration = dial.max_duration;
        request.from.clone_from(&settings.from_number);
        request
    }

    async fn request(self: Arc<Self>, request: services::Dial, place: Place) {
        let identity = request.identity.clone();
        match self.backend.services.dial(request).await {
            Ok(_) => self.answered(&identity),
            Err(ServiceError::Dial(failure)) => {
                if !self.has_begun(&identity) {
                    sleep(NEWS).await;
                }
                let rang = self.rang(&identity);
                self.never_began(&identity, &ServiceError::Dial(failure.clone()));
                self.finish(&identity, cause::of_failure(&failure, rang));
                // A busy callee's participant can linger in the room.
                self.remove(place, identity).await;
            }
            Err(error) if self.has_begun(&identity) => {
                // The participant says what happens next.
                tracing::warn!(call = %self.call, %error, "the SIP service does not say what became of a dial");
            }
            Err(error) => {
                self.never_began(&identity, &error);
                self.finish(&identity, Left { cause: LeftCause::TrunkFailure, sip_status: None });
                self.remove(place, identity).await;
            }
        }
    }

    fn has_begun(&self, identity: &str) -> bool {
        self.lock().leg(identity).is_none_or(|leg| leg.has_begun())
    }

    fn rang(&self, identity: &str) -> bool {
        self.lock().leg(identity).is_some_and(|leg| leg.stage == super::state::Stage::Ringing)
    }

    fn never_began(&self, identity: &str, error: &ServiceError) {
        if let Some(leg) = self.lock().leg(identity) {
            leg.never_began(cause::refused(error));
        }
    }

    /// Somebody picked up.
    pub(super) fn answered(self: &Arc<Self>, identity: &str) {
        let mut state = self.lock();
        let Some(leg) = state.leg(identity) else { return };
        if leg.answered() {
            self.sound.mouthpiece(leg.name).connect(Arc::clone(&leg.line), leg.place);
            drop(state);
            self.keep_apart_closely();
        }
    }

    /// A leg's participant is no longer in the room. Who had not answered waits a little for the reason with its SIP status.
    pub(super) fn gone(self: &Arc<Self>, identity: &str, place: Place, reason: &DisconnectReason) {
        let mut state = self.lock();
        state.published.remove(&(place, identity.to_owned()));
        // Who is moved leaves one room for the other.
        if state.moving.as_deref() == Some(identity) {
            return;
        }
        let Some(leg) = state.leg(identity).filter(|leg| leg.place == place) else { return };
        let left = cause::of_reason(reason, leg.is_answered());
        if leg.is_answered() || left.cause == LeftCause::Released {
            drop(state);
            return self.finish(identity, left);
        }
        drop(state);
        let (shared, identity) = (Arc::clone(self), identity.to_owned());
        tokio::spawn(async move {
            sleep(REASON).await;
            shared.finish(&identity, left);
        });
    }

    /// The leg is over. Unknown ones, and those over already, are ignored.
    pub(super) fn finish(&self, identity: &str, left: Left) {
        let mut state = self.lock();
        let Some(at) = state.legs.iter().position(|leg| leg.identity == identity) else { return };
        let leg = state.legs.remove(at);
        if !state.agent_left && (leg.name == LegRef::Customer || state.merged == Some(leg.name)) {
            state.merged = None;
        }
        drop(state);
        tracing::info!(call = %self.call, leg = ?leg.name, cause = ?left.cause, status = left.sip_status, "a leg has left");
        self.sound.mouthpiece(leg.name).disconnect(&leg.line);
        leg.end(left);
    }

    pub(super) async fn hang_up(self: &Arc<Self>, leg: LegRef) {
        let found = self.lock().legs.iter().find(|l| l.name == leg).map(|l| (l.identity.clone(), l.place));
        let Some((identity, place)) = found else { return };
        let moving = self.lock().moving.as_ref() == Some(&identity);
        let places = if moving { &Place::ALL[..] } else { &[place] };
        for place in places {
            match self.backend.services.remove_participant(&place.room(&self.call), &identity).await {
                Ok(()) | Err(ServiceError::NotFound(_)) => {}
                Err(error) => {
                    tracing::warn!(call = %self.call, ?leg, %error, "a leg could not be hung up at once");
                    tokio::spawn(Arc::clone(self).remove(*place, identity.clone()));
                }
            }
        }
        self.finish(&identity, released());
    }

    /// Takes a participant out of the room; tries again while the server does not answer.
    pub(super) async fn remove(self: Arc<Self>, place: Place, identity: String) {
        for attempt in 0..TRIES {
            match self.backend.services.remove_participant(&place.room(&self.call), &identity).await {
                Ok(()) | Err(ServiceError::NotFound(_)) => return,
                Err(error) => tracing::warn!(call = %self.call, %error, "a participant could not be removed"),
            }
            sleep(Duration::from_millis(500) * 2_u32.pow(attempt)).await;
        }
    }
}

pub(super) fn released() -> Left {
    Left { cause: LeftCause::Released, sip_status: None }
}

fn refuse<T>(cause: LeftCause, sip_status: Option<u16>, detail: &str) -> Result<T, DialError> {
    Err(DialError { cause, sip_status, detail: detail.to_owned() })
}

/// `+` and 7 to 15 digits, the first of them not 0.
fn is_e164(number: &str) -> bool {
    let Some(digits) = number.strip_prefix('+') else { return false };
    (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
}
