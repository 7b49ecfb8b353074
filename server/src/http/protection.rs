//! What every answer tells a browser about itself, so that text which slipped through can do no harm there.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// What an answer that is no page may do when it is opened as one: nothing.
const NO_PAGE: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The page that shows the interface brings styles of its own along, and images in its style sheet.
const DOCS: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; \
                    frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// The policy of a page: our own files and WebSockets, and of the scripts within the page those that carry this nonce.
#[must_use]
pub fn page_policy(nonce: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         style-src-attr 'unsafe-inline'; img-src 'self' data:; object-src 'none'; frame-ancestors 'none'; \
         base-uri 'none'; form-action 'self'"
    );
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static(NO_PAGE))
}

/// Adds what an answer does not say yet.
pub(super) fn protect(path: &str, headers: &mut HeaderMap) {
    let policy = if path == "/docs" || path.starts_with("/docs/") { DOCS } else { NO_PAGE };
    let said = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // 'no-referrer' would make the browser say 'Origin: null' for our own form.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in said {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
