use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};

/// The header that says who acts.
const HEADER: &str = "x-operator";

/// Letters of a name.
const LONGEST: usize = 64;

/// Who acts, as far as the request says: `?as=` (any letters), else `X-Operator`, else `api`.
pub(crate) struct Operator(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).unwrap_or_default();
        let named = query.0.into_iter().find(|(key, _)| key == "as").map(|(_, name)| name);
        let header = || parts.headers.get(HEADER).and_then(|name| name.to_str().ok()).map(str::to_owned);
        let name = named.and_then(|name| fit(&name)).or_else(|| header().and_then(|name| fit(&name)));
        Ok(Self(name.unwrap_or_else(|| "api".to_owned())))
    }
}

/// A name that can be shown on one line, without what is not seen of it.
fn fit(name: &str) -> Option<String> {
    crate::text::name(name).filter(|name| (1..=LONGEST).contains(&name.chars().count()))
}
