//! Whether the server can move participants from room to room. LiveKit Cloud can; a server of one's own says 'not implemented'.

use std::sync::{Mutex, PoisonError};

use warmline_call::CallId;
use warmline_livekit::{Participant, services::ServiceError};

use crate::{
    backend::Backend,
    identity::{self, Place},
};

/// What is known of it; `None`: nothing yet.
#[derive(Debug, Default)]
pub(crate) struct Moving(Mutex<Option<bool>>);

impl Moving {
    fn get(&self) -> Option<bool> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, can: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(can);
    }
}

impl Backend {
    /// Whether a supervisor is to be consulted in a room of its own. The server is asked once, with a participant that is
    /// hidden and silent: of one that does not exist, every server says the same (and takes 3 s for it).
    pub(crate) async fn consults_apart(&self, call: &CallId) -> bool {
        if !self.settings.wants_own_room() {
            return false;
        }
        if let Some(can) = self.moving.get() {
            return can;
        }
        match self.try_a_move(call).await {
            Ok(can) => {
                self.moving.set(can);
                if !can {
                    tracing::warn!(
                        "this LiveKit server can't move participants: supervisors are consulted in the customer's room"
                    );
                }
                can
            }
            Err(error) => {
                tracing::warn!(%call, %error, "whether LiveKit can move participants is not known yet: this consult is held in the customer's room");
                false
            }
        }
    }

    /// It has said that it can't.
    pub(crate) fn never_move(&self) {
        self.moving.set(false);
        tracing::warn!(
            "this LiveKit server can't move participants after all: from now on supervisors are consulted in the customer's room"
        );
    }

    async fn try_a_move(&self, call: &CallId) -> Result<bool, String> {
        let (from, to) = (Place::Consult.room(call), Place::Call.room(call));
        let sentence = |error: ServiceError| crate::cause::sentence(&error);
        self.services.create_room(self.new_room(&from)).await.map_err(sentence)?;
        let joined = Participant::connect(self.as_probe(call)).await;
        let (probe, _events) = joined.map_err(|error| error.to_string())?;
        let moved = self.services.move_participant(&from, &identity::probe(call), &to).await;
        probe.close().await;
        match moved {
            Ok(()) => Ok(true),
            Err(ServiceError::NotImplemented(_)) => {
                self.delete(call, Place::Consult).await.map_err(sentence)?;
                Ok(false)
            }
            Err(error) => Err(sentence(error)),
        }
    }
}
