//! The two POSTs that start calls.

use std::time::Duration;

use serde_json::json;
use warmline::{calls::PlaceError, http::Limits};
use warmline_api::INVALID_PHONE_NUMBER;
use warmline_call::{EndReason, Phase};

use crate::support::{Fake, get, id, post, post_with, serve};

const ESCALATION: &str = "/calls/outbound-with-escalation";
const STANDARD: &str = "/calls/outbound";

#[tokio::test]
async fn the_guides_request_gets_the_guides_answer() {
    let fake = Fake::new().await;
    let body = json!({
        "phone_number": "+1234567890",
        "name": "John Doe",
        "dynamic_instruction": "You are calling to follow up on a support ticket about login issues.",
        "language": "en",
        "emotion": "Calm",
    });
    let answer = post(&fake.app(), ESCALATION, body.to_string()).await;
    assert_eq!(answer.status, 200);
    let call = id(1).to_string();
    assert_eq!(
        answer.json(),
        json!({
            "status": "success",
            "message": "Outbound call with escalation initiated to +1234567890 for John Doe",
            "details": {
                "call_id": call,
                "phone_number": "+1234567890",
                "original_input": "+1234567890",
                "name": "John Doe",
                "room_name": call,
                "participant_id": "PA_test",
                "sip_call_id": "SCL_test",
                "has_dynamic_instruction": true,
                "language": "en",
                "emotion": "Calm",
                "escalation_enabled": true,
                "supervisor_phone": "+15550100002",
            },
            "transcript": null,
        })
    );
    assert!(fake.orders.lock().unwrap()[0].escalation);
}

#[tokio::test]
async fn what_is_left_out_comes_from_the_settings() {
    let fake = Fake::new().await;
    let body = r#"{"phone_number":" +1 (234) 567-890","name":"","language":null,"shoe_size":43}"#;
    let answer = post(&fake.app(), ESCALATION, body).await;
    let json = answer.json();
    assert_eq!(json["message"], "Outbound call with escalation initiated to +1234567890");
    let details = &json["details"];
    assert_eq!(details["original_input"], " +1 (234) 567-890");
    assert_eq!(details["name"], json!(null));
    assert_eq!((&details["language"], &details["emotion"]), (&json!("de"), &json!("Serious")));
    assert_eq!(details["has_dynamic_instruction"], false);
}

#[tokio::test]
async fn a_wrong_number_is_refused_in_the_guides_words() {
    let fake = Fake::new().await;
    for number in ["", "911", "1234567890", "+12", "+1234567890123456", "+1 555 CALL"] {
        for path in [ESCALATION, STANDARD] {
            let answer = post(&fake.app(), path, json!({ "phone_number": number }).to_string()).await;
            assert_eq!((answer.status.as_u16(), answer.detail().as_str()), (400, INVALID_PHONE_NUMBER), "{number}");
        }
    }
    assert_eq!(fake.store().seq(), 0);
}

#[tokio::test]
async fn a_body_that_does_not_validate_is_told_where() {
    let fake = Fake::new().await;
    let app = fake.app();
    let long = "x".repeat(4_001);
    let cases = [
        ("", vec![("missing", "body")]),
        ("{", vec![("json_invalid", "body.0")]),
        ("{\"phone_number\": }", vec![("json_invalid", "body.17")]),
        ("[]", vec![("model_attributes_type", "body")]),
        ("null", vec![("model_attributes_type", "body")]),
        ("{}", vec![("missing", "body.phone_number")]),
        (r#"{"phone_number":null}"#, vec![("string_type", "body.phone_number")]),
        (
            r#"{"phone_number":12345678,"name":["Ada"],"emotion":true}"#,
            vec![("string_type", "body.phone_number"), ("string_type", "body.name"), ("string_type", "body.emotion")],
        ),
        (
            &format!(r#"{{"phone_number":"+1{long}","name":"{long}","dynamic_instruction":"{long}"}}"#),
            vec![
                ("string_too_long", "body.phone_number"),
                ("string_too_long", "body.name"),
                ("string_too_long", "body.dynamic_instruction"),
            ],
        ),
    ];
    for (body, expected) in cases {
        for path in [ESCALATION, STANDARD] {
            let answer = post(&app, path, body.to_owned()).await;
            let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(answer.faults(), expected, "{body}");
        }
    }
    // Exactly as long as allowed, in characters, not in bytes.
    let body = json!({ "phone_number": "+1234567890", "name": "ä".repeat(200), "dynamic_instruction": &long[1..] });
    assert_eq!(post(&app, ESCALATION, body.to_string()).await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_no_json_or_too_large_is_refused() {
    let fake = Fake::new().await;
    let app = fake.app();
    let body = r#"{"phone_number":"+1234567890"}"#;
    let form = axum::http::Request::post(ESCALATION).header("content-type", "text/plain").body(body.into()).unwrap();
    let answer = crate::support::send(&app, form).await;
    assert_eq!(answer.faults(), [("content_type".to_owned(), "body".to_owned())]);
    let bare = axum::http::Request::post(ESCALATION).body(body.into()).unwrap();
    assert_eq!(crate::support::send(&app, bare).await.status, 200, "as FastAPI does");
    let answer = post_with(&app, ESCALATION, body, &[]).await;
    assert_eq!(answer.status, 200);

    let large = format!(r#"{{"phone_number":"{}"}}"#, "1".repeat(70_000));
    let answer = post(&app, ESCALATION, large).await;
    assert_eq!(answer.status, 413);
    assert!(answer.detail().contains("65536"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_in_is_given_up() {
    let fake = Fake::new().await;
    let body = axum::body::Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let answer = post(&fake.app(), ESCALATION, body).await;
    assert_eq!(answer.status, 408);
    answer.detail();
}

#[tokio::test]
async fn what_the_runtime_refuses_gets_its_status() {
    let fake = Fake::new().await;
    let app = fake.app();
    let body = r#"{"phone_number":"+1234567890","language":"tlh"}"#;
    let refuse = |error| *fake.refuse.lock().unwrap() = Some(error);

    refuse(PlaceError::NotReady("LiveKit credentials not configured".into()));
    let answer = post(&app, ESCALATION, body).await;
    assert_eq!((answer.status.as_u16(), answer.detail().as_str()), (503, "LiveKit credentials not configured"));

    refuse(PlaceError::Busy { retry_after_s: 7 });
    let answer = post(&app, ESCALATION, body).await;
    assert_eq!((answer.status.as_u16(), &answer.headers["retry-after"]), (429, &"7".parse().unwrap()));
    answer.detail();

    refuse(PlaceError::overloaded());
    let answer = post(&app, ESCALATION, body).await;
    assert!(answer.status == 429 && answer.headers.contains_key("retry-after"), "{}", answer.text);
    assert!(answer.detail().contains("speech"), "{}", answer.text);

    refuse(PlaceError::Language("tlh".into()));
    let answer = post(&app, ESCALATION, body).await;
    assert_eq!(answer.faults(), [("value_error".to_owned(), "body.language".to_owned())]);
    assert!(answer.text.contains("'tlh'") && answer.text.contains("Supported"), "{}", answer.text);

    refuse(PlaceError::Failed("The trunk refused.".into()));
    let answer = post(&app, ESCALATION, body).await;
    assert_eq!((answer.status.as_u16(), answer.detail().as_str()), (503, "The trunk refused."));
}

#[tokio::test]
async fn the_standard_call_answers_at_its_end_with_what_was_said() {
    let fake = Fake::new().await;
    let app = fake.app();
    let request =
        tokio::spawn(async move { post(&app, STANDARD, r#"{"phone_number":"+1234567890","name":"John Doe"}"#).await });
    let mut live = fake.store().subscribe();
    if fake.store().seq() == 0 {
        live.recv().await.unwrap();
    }
    assert!(!request.is_finished());
    fake.talk_and_end(&id(1), EndReason::Completed, "They were done.").await;
    let json = request.await.unwrap().json();
    assert_eq!(json["message"], "Outbound call to +1234567890 for John Doe completed");
    assert_eq!(
        json["transcript"],
        json!([
            { "speaker": "agent", "text": "Hello.", "at": "2026-11-22T10:00:00.123Z" },
            { "speaker": "customer", "text": "Hi there.", "at": "2026-11-22T10:00:00.123Z" },
        ])
    );
    assert_eq!(json["details"]["escalation_enabled"], false);
    assert_eq!(json["details"]["supervisor_phone"], json!(null));
    assert!(!fake.orders.lock().unwrap()[0].escalation);
}

#[tokio::test]
async fn a_standard_call_that_came_to_nothing_says_why() {
    let fake = Fake::new().await;
    let app = fake.app();
    let request = tokio::spawn(async move { post(&app, STANDARD, r#"{"phone_number":"+1234567890"}"#).await });
    let mut live = fake.store().subscribe();
    if fake.store().seq() == 0 {
        live.recv().await.unwrap();
    }
    fake.talk_and_end(&id(1), EndReason::Busy, "The line was busy.").await;
    assert_eq!(request.await.unwrap().json()["message"], "Outbound call to +1234567890 ended: The line was busy.");
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_its_call_and_its_key_alone() {
    let fake = Fake::new().await;
    let app = fake.app();
    let body = r#"{"phone_number":"+1234567890"}"#;
    let key = [("Idempotency-Key", "k-1")];
    let mut live = fake.store().subscribe();
    let impatient = {
        let app = app.clone();
        tokio::spawn(async move { post_with(&app, STANDARD, body, &key).await.status })
    };
    live.recv().await.unwrap();
    impatient.abort();
    assert!(impatient.await.unwrap_err().is_cancelled());
    let answer = post_with(&app, STANDARD, body, &key).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    answer.detail();
    fake.talk_and_end(&id(1), EndReason::Completed, "They were done.").await;
    let answer = post_with(&app, STANDARD, body, &key).await;
    assert_eq!((answer.status.as_u16(), &answer.headers["idempotent-replayed"]), (200, &"true".parse().unwrap()));
    assert_eq!(answer.json()["details"]["call_id"], id(1).to_string());
    assert_eq!(answer.json()["transcript"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_same_key_and_body_gets_the_first_answer_again() {
    let fake = Fake::new().await;
    let app = fake.app();
    let key = [("Idempotency-Key", "b2f1")];
    let first = post_with(&app, ESCALATION, r#"{"phone_number":"+1234567890","name":"Ada"}"#, &key).await;
    let again = post_with(&app, ESCALATION, r#"{ "name":"Ada", "phone_number":"+1234567890" }"#, &key).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert!(again.headers.contains_key("idempotent-replayed"));
    assert_eq!(fake.store().seq(), 1, "one call");
    for (path, body) in [
        (ESCALATION, r#"{"phone_number":"+1234567890","name":"Ben"}"#),
        (STANDARD, r#"{"phone_number":"+1234567890","name":"Ada"}"#),
    ] {
        let answer = post_with(&app, path, body, &key).await;
        assert_eq!(answer.faults(), [("value_error".to_owned(), "header.Idempotency-Key".to_owned())]);
    }
    let long = "k".repeat(256);
    for odd in ["", "two words", &long] {
        let answer =
            post_with(&app, ESCALATION, r#"{"phone_number":"+1234567890"}"#, &[("Idempotency-Key", odd)]).await;
        assert_eq!(answer.faults(), [("value_error".to_owned(), "header.Idempotency-Key".to_owned())], "{odd}");
    }
    assert_eq!(fake.store().seq(), 1);
}

#[tokio::test]
async fn a_failed_dial_is_an_answer_like_any_other_and_a_refusal_is_not() {
    let fake = Fake::new().await;
    let app = fake.app();
    let body = r#"{"phone_number":"+1234567890"}"#;
    *fake.refuse.lock().unwrap() = Some(PlaceError::NotReady("Speech is still loading.".into()));
    assert_eq!(post_with(&app, ESCALATION, body, &[("Idempotency-Key", "a")]).await.status, 503);
    assert_eq!(post_with(&app, ESCALATION, body, &[("Idempotency-Key", "a")]).await.status, 200);
    *fake.refuse.lock().unwrap() = Some(PlaceError::Failed("The trunk refused.".into()));
    assert_eq!(post_with(&app, ESCALATION, body, &[("Idempotency-Key", "b")]).await.status, 503);
    let again = post_with(&app, ESCALATION, body, &[("Idempotency-Key", "b")]).await;
    assert_eq!(
        (again.status.as_u16(), again.detail().as_str()),
        (503, "The trunk refused."),
        "nobody is dialled twice"
    );
}

#[tokio::test]
async fn a_key_whose_answer_was_lost_in_a_crash_is_answered_from_the_log() {
    let fake = Fake::new().await;
    let app = fake.app();
    let body = r#"{"phone_number":"+15550100001","name":"Ada"}"#;
    let key = [("Idempotency-Key", "k")];
    let first = post_with(&app, ESCALATION, body, &key).await;
    assert_eq!(first.status, 200);
    let hash = fake.orders.lock().unwrap()[0].idempotency.clone().unwrap().1;
    // A call of that very request whose answer never came.
    let other = Some(("lost".to_owned(), hash));
    let event = warmline_call::Event::CallPlaced {
        phone_number: "+15550100001".into(),
        name: Some("Ada".into()),
        language: "de".into(),
        emotion: "Serious".into(),
        has_dynamic_instruction: false,
        escalation_enabled: true,
    };
    fake.store().place(&id(77), crate::support::at(), event, other).await.unwrap();
    let lost = [("Idempotency-Key", "lost")];
    assert_eq!(post_with(&app, ESCALATION, body, &lost).await.status, 409, "it may still be running");
    fake.talk_and_end(&id(77), EndReason::ServerStopped, "Warmline was stopped.").await;
    let answer = post_with(&app, ESCALATION, body, &lost).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["details"]["call_id"]), (200, &json!(id(77).to_string())));
    assert_eq!(fake.store().view(&id(77)).await.unwrap().phase, Phase::Ended);
}

#[tokio::test]
async fn a_handler_that_panics_answers_500_and_the_next_request_is_served() {
    let fake = Fake::new().await;
    let app = fake.app();
    *fake.panic.lock().unwrap() = true;
    // One dies in its handler, the other in the task that places the call.
    for answer in [get(&app, "/readyz").await, post(&app, ESCALATION, r#"{"phone_number":"+1234567890"}"#).await] {
        assert_eq!((answer.status.as_u16(), answer.detail().as_str()), (500, "Internal Server Error"));
    }
    *fake.panic.lock().unwrap() = false;
    assert_eq!(get(&app, "/readyz").await.status, 200);
    assert_eq!(post(&app, ESCALATION, r#"{"phone_number":"+1234567890"}"#).await.status, 200);
}

#[tokio::test]
async fn a_name_is_kept_without_what_is_not_seen_of_it() {
    let fake = Fake::new().await;
    let app = fake.app();
    for (sent, kept) in [
        ("Ada\u{202e} Love\u{200b}lace\u{feff}", Some("Ada Lovelace")),
        ("Ada\u{2028}Lovelace\u{1b}", Some("Ada Lovelace")),
        ("\u{200b}\u{202e} ", None),
        ("Jörg", Some("Jörg")),
    ] {
        let answer = post(&app, ESCALATION, json!({"phone_number": "+1234567890", "name": sent}).to_string()).await;
        assert_eq!(answer.json()["details"]["name"], json!(kept), "{sent:?}");
    }
}

#[tokio::test]
async fn headers_that_trickle_in_are_given_up() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let fake = Fake::new().await;
    let limits = Limits { header_time: Duration::from_millis(100), ..Limits::default() };
    let address = serve(&fake, limits).await;
    let mut slow = tokio::net::TcpStream::connect(&address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow").await.unwrap();
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(20), slow.read_to_end(&mut answer)).await;
    closed.expect("a client that never finishes its headers keeps its connection").unwrap();
    assert!(!String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_name_that_is_none_of_ours_is_refused_and_the_fix_is_named() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits::default()).await;
    let ask = async |host: &str| {
        let request = reqwest::Client::new().get(format!("http://{address}/healthz")).header("host", host);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(ask("localhost:8000").await.0, 200);
    let (status, text) = ask("evil.example").await;
    assert_eq!(status, 403);
    assert!(text.contains("evil.example") && text.contains("WARMLINE_HOSTS"), "{text}");
}
