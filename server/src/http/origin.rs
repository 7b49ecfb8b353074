//! Which requests a page of another site may make a browser send.

use axum::{
    extract::Request,
    http::{HeaderMap, Method, header},
};

/// Whether a page of another site makes a browser send this, and may not: whatever does something, opens a socket or costs
/// much, and everything that is not a visit to a page. Programs say nothing of where a request comes from, and pass.
pub(super) fn is_foreign(request: &Request) -> bool {
    let (headers, path) = (request.headers(), request.uri().path());
    let guarded = acts(request) || costs(path);
    let elsewhere = match headers.get("sec-fetch-site") {
        Some(site) => site != "same-origin" && site != "none",
        None => false,
    };
    guarded && (elsewhere || !same_origin(headers)) || elsewhere && !is_visit(request)
}

/// Whether a request does something, or opens a socket, which browsers let every page do.
fn acts(request: &Request) -> bool {
    !reads(request.method())
        || request.uri().path().starts_with("/ws/")
        || request.headers().contains_key(header::UPGRADE)
}

fn reads(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// Whether its answer takes so much work that no other page may ask for it.
fn costs(path: &str) -> bool {
    path == "/doctor" || path == "/calls/export" || (path.starts_with("/calls/") && path.ends_with("/bundle"))
}

/// Whether somebody goes to this address: a link, not an image, a script, a frame or a fetch.
fn is_visit(request: &Request) -> bool {
    let says = |name: &str, value: &str| request.headers().get(name).is_some_and(|said| said == value);
    reads(request.method()) && says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document")
}

/// Whether a request comes from our own pages, or from a program, which sends no `Origin`.
fn same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let bare = |name: &str| name.strip_suffix(default_port).unwrap_or(name).to_ascii_lowercase();
    !authority.is_empty() && bare(authority) == bare(host)
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Body,
        http::{HeaderName, HeaderValue},
    };

    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn foreign(method: Method, path: &str, pairs: &[(&'static str, &'static str)]) -> bool {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost:8000");
        for (name, value) in pairs {
            request = request.header(*name, *value);
        }
        is_foreign(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn programs_and_our_own_pages_pass_and_other_pages_do_not() {
        let host = (header::HOST, "localhost:8000");
        assert!(same_origin(&headers(std::slice::from_ref(&host))));
        assert!(same_origin(&headers(&[host.clone(), (header::ORIGIN, "http://localhost:8000")])));
        assert!(same_origin(&headers(&[(header::HOST, "Calls.example"), (header::ORIGIN, "https://calls.example")])));
        for foreign in ["http://evil.example", "http://localhost:9000", "null", "localhost:8000", "http://"] {
            assert!(!same_origin(&headers(&[host.clone(), (header::ORIGIN, foreign)])), "{foreign}");
        }
    }

    #[test]
    fn another_site_may_link_to_a_page_and_nothing_else() {
        let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        let frame = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
        let image = [("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
        for page in ["/", "/history?q=x", "/call/outbound-1", "/docs", "/calls"] {
            assert!(!foreign(Method::GET, page, &link), "{page}");
            assert!(foreign(Method::GET, page, &frame), "{page}");
            assert!(foreign(Method::GET, page, &image), "{page}");
        }
        for costly in ["/doctor", "/calls/export?format=csv", "/calls/outbound-1/bundle", "/ws/console"] {
            assert!(foreign(Method::GET, costly, &link), "{costly}");
            assert!(foreign(Method::GET, costly, &[("origin", "http://evil.example")]), "{costly}");
        }
        assert!(foreign(Method::POST, "/form/call", &link), "a form elsewhere");
    }

    #[test]
    fn our_own_pages_the_address_bar_and_programs_may_ask_for_everything() {
        for site in ["same-origin", "none"] {
            for (method, path) in [(Method::POST, "/form/call"), (Method::GET, "/doctor"), (Method::GET, "/ws/console")]
            {
                assert!(!foreign(method.clone(), path, &[("sec-fetch-site", site)]), "{method} {path}");
                assert!(!foreign(method.clone(), path, &[]), "{method} {path}");
            }
        }
    }
}
