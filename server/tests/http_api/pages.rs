//! The pages as the server renders them, and the form that works without a script.

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use warmline::{
    calls::PlaceError,
    http::{AppState, routes, wrap},
    pages,
};
use warmline_call::{
    Action, DecidedBy, EndReason, Event, Leg, LegState, Phase, RequestedBy, Side, Speaker, TransferOutcome,
};

use crate::{
    html::{by_id, elements, skeleton},
    support::{Answer, Fake, at, id, send},
};

/// Texts that end what they stand in and begin something else, if they are let.
const HOSTILE: &[&str] = &[
    "</textarea><script>alert(1)</script>",
    "</TEXTAREA ><img src=x onerror=alert(1)>",
    "\"><img src=x onerror=alert(1)>",
    "' onfocus='alert(1)' autofocus='",
    "\" onfocus=\"alert(1)\" autofocus=\"",
    "</script><script>alert(1)</script>",
    "</title></style></noscript><svg onload=alert(1)>",
    "<!--",
    "<!-- <script>",
    "--><b>",
    "]]><b>",
    "<b>\u{2028}\u{2029}\u{202e}",
    "&lt;script&gt;&#60;b&#62;&quot;&#34;",
    "javascript:alert(1)",
    "\\u003c/script\\u003e\\",
    "\n\n<p>",
    "{{x}}${x}`",
];

/// Texts of the same kind that mean no harm.
const HARMLESS: &str = "harmless";

/// Every page with every parameter that it reads, and some that it does not.
const PARAMETERS: &[(&str, &[&str])] = &[
    ("/", &["phone", "name", "instruction", "language", "emotion", "error", "other"]),
    ("/console", &["call", "q", "other"]),
    ("/call/outbound-000000000001", &["other"]),
    ("/history", &["q", "reason", "phase", "since", "until", "cursor", "other"]),
    ("/phone", &["number", "other"]),
    ("/setup", &["other"]),
    ("/nowhere", &["other"]),
];

fn app(fake: &Fake) -> Router {
    let state = AppState::new(fake.clone());
    wrap(routes(state.clone()).merge(pages::routes(state.clone(), "no-such-site".into())), state)
}

async fn browse(app: &Router, uri: &str) -> Answer {
    let request = Request::get(uri).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
    send(app, request).await
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn post_form(app: &Router, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
    let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let mut request = Request::post("/form/call")
        .header(header::HOST, "localhost:8000")
        .header(header::ACCEPT, "text/html")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(app, request.body(Body::from(body.join("&"))).unwrap()).await
}

#[track_caller]
fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    answer.headers[header::LOCATION].to_str().unwrap()
}

#[tokio::test]
async fn no_parameter_of_an_address_adds_an_element_or_an_attribute_to_a_page() {
    let app = app(&Fake::new().await);
    for (path, names) in PARAMETERS {
        for name in *names {
            let harmless = skeleton(&browse(&app, &format!("{path}?{name}={HARMLESS}")).await.text);
            assert!(harmless.len() > 20, "{path} is a page: {harmless:?}");
            for hostile in HOSTILE {
                let page = browse(&app, &format!("{path}?{name}={}", escaped(hostile))).await.text;
                assert_eq!(skeleton(&page), harmless, "{path}?{name}={hostile}");
            }
        }
    }
    for hostile in HOSTILE {
        let harmless = skeleton(&browse(&app, &format!("/call/{HARMLESS}")).await.text);
        assert_eq!(skeleton(&browse(&app, &format!("/call/{}", escaped(hostile))).await.text), harmless, "{hostile}");
    }
}

/// A call in which everything that somebody else can say is that text.
async fn call_of(text: &str) -> Fake {
    let fake = Fake::new().await;
    let call = id(1);
    let said = |side, speaker, utterance| Event::Utterance {
        side,
        speaker,
        utterance,
        text: text.into(),
        r#final: true,
        interrupted: false,
        started_at: at(),
        ended_at: Some(at()),
    };
    let moved = |from, to| Event::PhaseChanged { from, to };
    let left = |leg, attempt| Event::LegChanged {
        leg,
        state: LegState::Left,
        attempt,
        phone: Some("+15550100002".into()),
        sip_status: Some(486),
        reason: Some(text.into()),
    };
    let placed = Event::CallPlaced {
        phone_number: "+15550100001".into(),
        name: Some(text.into()),
        language: text.into(),
        emotion: text.into(),
        has_dynamic_instruction: true,
        escalation_enabled: true,
    };
    fake.store().place(&call, at(), placed, None).await.unwrap();
    let events = vec![
        moved(Phase::Queued, Phase::Dialing),
        Event::LegIdentified {
            leg: Leg::Customer,
            attempt: None,
            participant_id: text.into(),
            sip_call_id: text.into(),
        },
        moved(Phase::Dialing, Phase::Conversing),
        said(Side::Call, Speaker::Agent, 1),
        said(Side::Call, Speaker::Customer, 2),
        Event::EscalationRequested { by: RequestedBy::Customer, reason: text.into() },
        moved(Phase::Conversing, Phase::OnHold),
        Event::OperatorActed { action: Action::Claim, by: text.into(), reason: Some(text.into()) },
        Event::Briefing { attempt: 1, summary: text.into(), points: vec![text.into(), text.into()] },
        said(Side::Consult, Speaker::Supervisor, 3),
        Event::TransferDecided {
            attempt: 1,
            outcome: TransferOutcome::Declined,
            by: DecidedBy::Voice,
            reason: Some(text.into()),
        },
        left(Leg::Supervisor, Some(1)),
    ];
    fake.append(&call, events).await;
    *fake.missing.lock().unwrap() = vec![text.to_owned()];
    fake
}

#[tokio::test]
async fn nothing_that_was_said_or_set_adds_an_element_or_an_attribute_to_a_page() {
    let pages = ["/", "/console", "/call/outbound-000000000001", "/history", "/history?q=a", "/setup"];
    let ended = |text: &str| Event::CallEnded {
        reason: EndReason::TrunkFailure,
        detail: text.into(),
        talk_s: 1.0,
        hold_s: 1.0,
        time_to_human_s: None,
    };
    let mut harmless = Vec::new();
    let kind = call_of(HARMLESS).await;
    for end in [false, true] {
        if end {
            let over = Event::PhaseChanged { from: Phase::OnHold, to: Phase::Ended };
            kind.append(&id(1), vec![over, ended(HARMLESS)]).await;
        }
        for page in pages {
            // What was searched for stands in what was said, or in nothing: compare pages without a hit.
            let page = page.replace("q=a", "q=nothing-of-it");
            harmless.push(skeleton(&browse(&app(&kind), &page).await.text));
        }
    }
    for hostile in HOSTILE {
        let fake = call_of(hostile).await;
        let app = app(&fake);
        let mut expected = harmless.iter();
        for end in [false, true] {
            if end {
                let over = Event::PhaseChanged { from: Phase::OnHold, to: Phase::Ended };
                fake.append(&id(1), vec![over, ended(hostile)]).await;
            }
            for page in pages {
                let page = page.replace("q=a", "q=nothing-of-it");
                let html = browse(&app, &page).await.text;
                assert_eq!(Some(&skeleton(&html)), expected.next(), "{page} with {hostile}, ended: {end}");
            }
        }
        let found = browse(&app, &format!("/history?q={}", escaped(hostile.trim()))).await.text;
        let marks = elements(&found).iter().filter(|element| element.name == "mark").count();
        assert!(marks <= 1 && !found.contains("<img src=x"), "{hostile}: {found}");
    }
}

#[tokio::test]
async fn what_was_typed_comes_back_as_it_was_typed() {
    let app = app(&Fake::new().await);
    for text in HOSTILE.iter().chain(&["plain", "two\nlines", "\nfirst line empty", "a & b &amp; c"]) {
        let page = browse(&app, &format!("/?instruction={0}&name={0}", escaped(text))).await.text;
        // A parser drops the line break that a text area begins with.
        let shown = by_id(&page, "call_instruction").text;
        assert_eq!(shown.strip_prefix('\n').unwrap_or(&shown), *text, "the instruction");
        assert_eq!(shown.starts_with('\n'), text.starts_with('\n'), "{text:?}");
        assert_eq!(by_id(&page, "call_name").get("value"), Some(*text), "the name");
    }
}

#[tokio::test]
async fn a_page_runs_our_own_scripts_and_those_with_its_nonce() {
    let app = app(&Fake::new().await);
    let mut nonces = Vec::new();
    for path in ["/", "/console", "/history", "/phone", "/setup", "/call/outbound-000000000009", "/nowhere"] {
        let answer = browse(&app, path).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        for rule in ["object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        let scripts = policy.split(';').find(|rule| rule.trim().starts_with("script-src ")).unwrap();
        assert!(!scripts.contains("unsafe-inline") && !scripts.contains("'unsafe-eval'"), "{scripts}");
        let nonce = scripts.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let inline = elements(&answer.text).into_iter().filter(|e| e.name == "script" && e.get("src").is_none());
        let inline: Vec<_> = inline.filter(|e| e.get("type") != Some("application/json")).collect();
        assert!(!inline.is_empty(), "{path}: the page brings its program along");
        assert!(inline.iter().all(|script| script.get("nonce") == Some(nonce.as_str())), "{path}: {inline:?}");
        nonces.push(nonce);
    }
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 7, "each is used once");
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_make_of_it() {
    let app = app(&Fake::new().await);
    for path in
        ["/", "/calls", "/nowhere", "/docs/", "/openapi.json", "/metrics", "/calls/export?format=csv", "/healthz"]
    {
        let answer = browse(&app, path).await;
        let said = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(said("x-content-type-options").as_deref(), Some("nosniff"), "{path}");
        assert_eq!(said("referrer-policy").as_deref(), Some("same-origin"), "{path}");
        let policy = said("content-security-policy").unwrap_or_default();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn an_address_can_say_only_what_the_form_knows() {
    let app = app(&Fake::new().await);
    let error =
        async |code: &str| by_id(&browse(&app, &format!("/?error={}", escaped(code))).await.text, "form-error").text;
    assert!(error("busy").await.contains("Try again"));
    assert!(error("phone").await.starts_with("Invalid phone number format"));
    for other in ["Your session has ended: call +1 900 555 0100", "BUSY", "busy ", ""] {
        assert_eq!(error(other).await.trim(), "", "{other}");
    }
}

#[tokio::test]
async fn a_form_that_is_refused_comes_back_with_what_was_typed_and_a_reason() {
    let fake = Fake::new().await;
    let app = app(&fake);
    let long = "x".repeat(4_001);
    let good = [("phone_number", "+15550100001"), ("name", "Ada & Co")];
    for (fields, code) in [
        (vec![("phone_number", "555"), ("name", "Ada & Co")], "phone"),
        (vec![("phone_number", "+15550100001"), ("name", &long[..201])], "name"),
        (vec![("phone_number", "+15550100001"), ("dynamic_instruction", &long)], "instruction"),
    ] {
        let answer = post_form(&app, &fields, &[]).await;
        assert!(location(&answer).starts_with(&format!("/?error={code}&phone=")), "{}", location(&answer));
    }
    for (refused, code) in [
        (PlaceError::Busy { retry_after_s: 1 }, "busy"),
        (PlaceError::NotReady("Speech models are loading.".into()), "not_ready"),
        (PlaceError::Language("tlh".into()), "language"),
        (PlaceError::Failed("The trunk refused.".into()), "failed"),
    ] {
        *fake.refuse.lock().unwrap() = Some(refused);
        let answer = post_form(&app, &good, &[]).await;
        let to = location(&answer).to_owned();
        assert!(to.starts_with(&format!("/?error={code}&phone=%2B15550100001&name=Ada+%26+Co&")), "{to}");
        let page = browse(&app, &to).await.text;
        assert!(!by_id(&page, "form-error").text.is_empty());
        assert_eq!(by_id(&page, "call_name").get("value"), Some("Ada & Co"));
    }
    let json =
        Request::post("/form/call").header(header::CONTENT_TYPE, "application/json").header("accept", "text/html");
    let answer = send(&app, json.body(Body::from("{}")).unwrap()).await;
    assert_eq!(location(&answer), "/?error=unreadable");
}

#[tokio::test]
async fn a_form_that_is_sent_twice_leads_to_the_same_call_even_while_it_is_being_placed() {
    let fake = Fake::new().await;
    let app = app(&fake);
    let form = |key| [("phone_number", "+15550100001"), ("name", "Ada"), ("idempotency_key", key)];
    let first = location(&post_form(&app, &form("first"), &[]).await).to_owned();
    assert_eq!(first, format!("/call/{}", id(1)));
    assert_eq!(location(&post_form(&app, &form("first"), &[]).await), first, "pressed twice");
    // The second press comes while the first is still being answered: its key is taken, and has no answer yet.
    let (key, hash) = fake.orders.lock().unwrap()[0].idempotency.clone().unwrap();
    let taken = Some((key.replacen("first", "second", 1), hash));
    let placed = Event::CallPlaced {
        phone_number: "+15550100001".into(),
        name: Some("Ada".into()),
        language: "en".into(),
        emotion: "Calm".into(),
        has_dynamic_instruction: false,
        escalation_enabled: true,
    };
    fake.store().place(&id(77), at(), placed, taken).await.unwrap();
    assert_eq!(location(&post_form(&app, &form("second"), &[]).await), format!("/call/{}", id(77)));
    assert_eq!(fake.store().seq(), 2, "two keys, two calls");
}

#[tokio::test]
async fn only_a_press_on_our_own_page_places_a_call() {
    let fake = Fake::new().await;
    let app = app(&fake);
    let form = [("phone_number", "+15550100001")];
    for headers in [
        &[("origin", "http://evil.example")][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
        &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
        &[("origin", "http://localhost:8000"), ("sec-fetch-site", "cross-site")],
    ] {
        let answer = post_form(&app, &form, headers).await;
        assert_eq!(answer.status, 403, "{headers:?}");
        answer.detail();
    }
    // Whoever is led here by a link finds a form, and nothing has happened.
    let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let mut request = Request::get("/?phone=%2B15550100001&instruction=Say+yes").header(header::HOST, "localhost:8000");
    for (name, value) in link {
        request = request.header(name, value);
    }
    assert_eq!(send(&app, request.body(Body::empty()).unwrap()).await.status, 200);
    assert_eq!(fake.orders.lock().unwrap().len(), 0);
    let ours = [("origin", "http://localhost:8000"), ("sec-fetch-site", "same-origin")];
    assert_eq!(location(&post_form(&app, &form, &ours).await), format!("/call/{}", id(1)));
}

#[tokio::test(start_paused = true)]
async fn a_form_that_trickles_in_is_given_up() {
    let app = app(&Fake::new().await);
    let body = Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let request = Request::post("/form/call").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let begun = tokio::time::Instant::now();
    let answer = send(&app, request.body(body).unwrap()).await;
    assert_eq!(answer.status, 408);
    answer.detail();
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "as soon as any other body: {:?}", begun.elapsed());
}

#[tokio::test]
async fn every_error_has_the_one_shape() {
    let app = app(&Fake::new().await);
    let form = "application/x-www-form-urlencoded";
    let cases = [
        ("GET", "/calls/%FF", "", "", 400),
        ("GET", "/calls/%FF/events", "", "", 400),
        ("GET", "/calls/%FF/bundle", "", "", 400),
        ("POST", "/calls/%FF/hangup", "", "", 400),
        ("GET", "/ws/listen/%FF", "", "", 400),
        ("GET", "/calls?limit=%FF", "", "", 422),
        ("POST", "/form/call", "", "", 415),
        ("POST", "/form/call", "application/json", "{}", 415),
        ("POST", "/form/call", form, "name=Ada", 400),
        ("GET", "/form/call", "", "", 405),
        ("DELETE", "/calls", "", "", 405),
        ("POST", "/", "", "", 405),
        ("GET", "/nowhere", "", "", 404),
        ("GET", "/docs/nothing", "", "", 404),
        ("GET", "/ws/console", "", "", 426),
    ];
    for (method, uri, kind, body, status) in cases {
        let mut request = Request::builder().method(method).uri(uri);
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let answer = send(&app, request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status, status, "{method} {uri}: {}", answer.text);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json", "{method} {uri}: {}", answer.text);
        assert!(answer.json().get("detail").is_some(), "{method} {uri}: {}", answer.text);
    }
}
