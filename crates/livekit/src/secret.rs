use std::fmt;

/// A token, key or password: usable, never printable.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself: for the wire, not for logs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// The text without anything in it that looks like a JSON web token, and bounded.
///
/// livekit-signaling's `SignalError::Client` carries the server's answer, which repeats the whole token (pitfall 12).
pub(crate) fn redact(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut clean = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        clean.push_str(&rest[..at]);
        clean.push('…');
        let token = &rest[at..];
        let end = token.find(|c: char| !c.is_ascii_alphanumeric() && !"._-=+/".contains(c)).unwrap_or(token.len());
        rest = &token[end..];
    }
    clean.push_str(rest);
    if let Some((end, _)) = clean.char_indices().nth(LONGEST) {
        clean.truncate(end);
        clean.push('…');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    // Pitfall 12.
    #[test]
    fn tokens_vanish_from_what_a_server_says() {
        let said =
            "401 invalid token: eyJhbGciOi.eyJpc3Mi-_x.c2ln, error: go-jose/go-jose: error in cryptographic primitive";
        let clean = redact(said);
        assert_eq!(clean, "401 invalid token: …, error: go-jose/go-jose: error in cryptographic primitive");
        assert_eq!(redact("eyJa.b.c eyJd.e.f"), "… …");
        assert_eq!(redact("nothing secret — ü"), "nothing secret — ü");
        assert_eq!(redact(&"ü".repeat(1_000)).chars().count(), 301);
    }

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new("hush");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.expose(), "hush");
    }
}
