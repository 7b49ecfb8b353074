#![allow(clippy::expect_used, clippy::panic, reason = "a fuzz target fails by panicking")]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use livekit_api::access_token::AccessToken;
use sha2::{Digest as _, Sha256};

use crate::{
    Secret,
    services::{Project, WebhookError, Webhooks},
};

const SECRET: &str = "a-secret-that-is-long-enough-for-it";

/// Webhooks. The first byte says how the body that follows is signed: not at all but with the header that precedes it up to
/// a line's end, with another's secret, or as the server signs. Nothing but the last is ever believed.
pub fn webhook(input: &[u8]) {
    let Some((how, rest)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let project = Project { url: String::new(), key: "key".to_owned(), secret: Secret::new(SECRET) };
    let webhooks = Webhooks::new(&project);
    match how % 3 {
        0 => {
            let (authorization, body) = text.split_once('\n').unwrap_or((&text, ""));
            assert!(webhooks.receive(body, authorization).is_err(), "an unsigned webhook was believed");
        }
        1 => {
            let forged = sign(&text, "another-secret-that-is-long-enough");
            assert_eq!(webhooks.receive(&text, &forged), Err(WebhookError::Unauthorized));
        }
        _ => {
            let signed = sign(&text, SECRET);
            match webhooks.receive(&text, &signed) {
                Ok(_) | Err(WebhookError::Malformed) => {}
                Err(error) => panic!("a signed webhook was refused: {error}"),
            }
            let changed = format!("{text} ");
            assert_eq!(webhooks.receive(&changed, &signed), Err(WebhookError::Tampered));
        }
    }
}

fn sign(body: &str, secret: &str) -> String {
    let hash = STANDARD.encode(Sha256::digest(body));
    AccessToken::with_api_key("key", secret).with_sha256(&hash).to_jwt().expect("a token is made")
}
