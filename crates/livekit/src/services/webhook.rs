use livekit_api::{
    access_token::TokenVerifier,
    webhooks::{WebhookError as ApiError, WebhookReceiver},
};
use livekit_protocol as proto;
use thiserror::Error;

use super::{Member, Project, Room};

/// A webhook that is not believed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum WebhookError {
    /// It is not signed with the project's secret.
    #[error("the webhook is not signed with the API secret")]
    Unauthorized,
    /// It was changed on its way.
    #[error("the webhook's signature is not of this body")]
    Tampered,
    /// It can't be read.
    #[error("the webhook can't be read")]
    Malformed,
}

/// What has happened, as the server tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Webhook {
    /// Its id: the same one may come twice.
    pub id: String,
    /// `room_started`, `participant_left` and the like.
    pub event: String,
    /// The room.
    pub room: Option<Room>,
    /// The participant.
    pub participant: Option<Member>,
}

/// Believes the webhooks of one project.
#[derive(Clone, Debug)]
pub struct Webhooks {
    receiver: WebhookReceiver,
}

impl Webhooks {
    /// Those of that project.
    #[must_use]
    pub fn new(project: &Project) -> Self {
        let verifier = TokenVerifier::with_api_key(&project.key, project.secret.expose());
        Self { receiver: WebhookReceiver::new(verifier) }
    }

    /// Reads a webhook: its body and its `Authorization` header.
    ///
    /// # Errors
    /// [`WebhookError`] when it is not to be believed.
    pub fn receive(&self, body: &str, authorization: &str) -> Result<Webhook, WebhookError> {
        let token = authorization.strip_prefix("Bearer ").unwrap_or(authorization);
        let event = self.receiver.receive(body, token).map_err(|error| match error {
            ApiError::InvalidAuth(_) => WebhookError::Unauthorized,
            ApiError::InvalidSignature | ApiError::InvalidBase64(_) => WebhookError::Tampered,
            ApiError::InvalidData(_) => WebhookError::Malformed,
        })?;
        Ok(event.into())
    }
}

impl From<proto::WebhookEvent> for Webhook {
    fn from(event: proto::WebhookEvent) -> Self {
        Self {
            id: event.id,
            event: event.event,
            room: event.room.map(Room::from),
            participant: event.participant.as_ref().map(Member::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use livekit_api::access_token::AccessToken;

    use super::*;
    use crate::Secret;

    const BODY: &str =
        r#"{"event":"room_started","room":{"sid":"RM_x","name":"r"},"id":"EV_1","createdAt":"1700000000"}"#;

    /// The SHA-256 of [`BODY`], in base64.
    const HASH: &str = "oDjktO2NNbLliJPBcvAhByl5/1snI2WhiGfv3wpgLIQ=";

    fn project(secret: &str) -> Project {
        Project { url: String::new(), key: "key".to_owned(), secret: Secret::new(secret) }
    }

    #[test]
    fn only_what_the_server_signed_is_believed() {
        let (webhooks, key) = (Webhooks::new(&project("a-secret-that-is-long-enough-for-it")), "key");
        let signed = |secret| AccessToken::with_api_key(key, secret).with_sha256(HASH).to_jwt().unwrap();
        let token = signed("a-secret-that-is-long-enough-for-it");
        let webhook = webhooks.receive(BODY, &token).unwrap();
        assert_eq!((webhook.id.as_str(), webhook.event.as_str()), ("EV_1", "room_started"));
        assert_eq!(webhook.room.map(|room| room.name).as_deref(), Some("r"));
        assert!(webhooks.receive(BODY, &format!("Bearer {token}")).is_ok());
        assert_eq!(webhooks.receive(&BODY.replace("RM_x", "RM_y"), &token), Err(WebhookError::Tampered));
        let forged = signed("another-secret-that-is-long-enough");
        assert_eq!(webhooks.receive(BODY, &forged), Err(WebhookError::Unauthorized));
        assert_eq!(webhooks.receive(BODY, "junk"), Err(WebhookError::Unauthorized));
    }
}
