use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Query, Request},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    middleware::Next,
    response::Response,
};
use warmline_call::Person;

/// The header that says who acts.
const HEADER: &str = "x-operator";

/// Letters of a name.
const LONGEST: usize = 64;

/// The cookie that tells one browser from another.
const COOKIE: &str = "warmline_browser";

/// Who acts. The name is what the request says: `?as=` (any letters), else `X-Operator`, else `api`. Who it is, is what the
/// browser's cookie says, else that name; of a program that gives neither, nobody can say that it is the one of before.
pub(crate) struct Operator(pub(crate) Person);

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).unwrap_or_default();
        let named = query.0.into_iter().find(|(key, _)| key == "as").map(|(_, name)| name);
        let header = || parts.headers.get(HEADER).and_then(|name| name.to_str().ok()).map(str::to_owned);
        let name = named.and_then(|name| fit(&name)).or_else(|| header().and_then(|name| fit(&name)));
        let browser = cookie(&parts.headers);
        Ok(Self(match (browser, name) {
            (Some(id), name) => Person::new(format!("browser {id}"), name.unwrap_or_else(|| "console".to_owned())),
            (None, Some(name)) => Person::from(name),
            (None, None) => Person::new(format!("request {:032x}", rand::random::<u128>()), "api"),
        }))
    }
}

/// Gives a browser that asks for a page, and has none yet, a cookie of its own.
pub(crate) async fn tell_browsers_apart(request: Request, next: Next) -> Response {
    let known = cookie(request.headers()).is_some();
    let mut answer = next.run(request).await;
    let id = rand::random::<u128>();
    let fresh = format!("{COOKIE}={id:032x}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000");
    if let (false, Ok(fresh)) = (known, HeaderValue::try_from(fresh)) {
        answer.headers_mut().append(header::SET_COOKIE, fresh);
    }
    answer
}

/// What the browser's cookie says, if it is one of ours.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let ours =
        all.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))?;
    (ours.len() == 32 && ours.bytes().all(|b| b.is_ascii_hexdigit())).then_some(ours)
}

/// A name that can be shown on one line, without what is not seen of it.
fn fit(name: &str) -> Option<String> {
    crate::text::name(name).filter(|name| (1..=LONGEST).contains(&name.chars().count()))
}
