//! Lists, calls, events, actions, health.

use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::json;
use warmline_call::{EndReason, Event, OperatorAction, Phase, Rejected};

use crate::support::{Fake, get, id, post, post_with, send};

#[tokio::test]
async fn calls_are_listed_newest_first_with_a_cursor() {
    let fake = Fake::new().await;
    let app = fake.app();
    assert_eq!(get(&app, "/calls").await.json(), json!({ "calls": [], "next_cursor": null }));
    for n in 1..=5 {
        fake.place(n).await;
    }
    fake.talk_and_end(&id(2), EndReason::Completed, "They were done.").await;
    let first = get(&app, "/calls?limit=3").await.json();
    let ids = |page: &serde_json::Value| -> Vec<_> {
        page["calls"].as_array().unwrap().iter().map(|call| call["call"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&first), [id(5).to_string(), id(4).to_string(), id(3).to_string()]);
    let second = get(&app, &format!("/calls?limit=3&cursor={}", first["next_cursor"].as_str().unwrap())).await.json();
    assert_eq!(ids(&second), [id(2).to_string(), id(1).to_string()]);
    assert_eq!(second["next_cursor"], json!(null));
    assert_eq!(ids(&get(&app, "/calls?phase=ended").await.json()), [id(2).to_string()]);
    assert_eq!(ids(&get(&app, "/calls?q=hi%20THERE").await.json()), [id(2).to_string()]);
    assert_eq!(ids(&get(&app, "/calls?since=2026-11-23").await.json()), Vec::<String>::new());
    assert_eq!(
        ids(&get(&app, "/calls?until=2026-11-22T10:00:01%2B00:00&since=2026-11-22T10:00:00Z").await.json()).len(),
        5
    );
    assert_eq!(first["calls"][0], serde_json::to_value(fake.store().view(&id(5)).await.unwrap()).unwrap());
}

#[tokio::test]
async fn a_query_that_does_not_validate_names_the_parameter() {
    let fake = Fake::new().await;
    let app = fake.app();
    let cases = [
        ("limit=0", vec![("greater_than_equal", "query.limit")]),
        ("limit=201", vec![("less_than_equal", "query.limit")]),
        ("limit=many", vec![("int_parsing", "query.limit")]),
        ("phase=sleeping", vec![("enum", "query.phase")]),
        ("since=yesterday&until=", vec![("datetime_parsing", "query.since"), ("datetime_parsing", "query.until")]),
        ("cursor=17", vec![("value_error", "query.cursor")]),
        (&format!("q={}", "x".repeat(201)), vec![("string_too_long", "query.q")]),
    ];
    for (query, expected) in cases {
        let answer = get(&app, &format!("/calls?{query}")).await;
        let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(answer.faults(), expected, "{query}");
    }
    assert_eq!(get(&app, "/calls?colour=blue").await.status, 200, "unknown parameters are ignored");
}

#[tokio::test]
async fn a_call_is_shown_with_timings_and_details() {
    let fake = Fake::new().await;
    let app = fake.app();
    let details =
        post(&app, "/calls/outbound-with-escalation", r#"{"phone_number":"+1234567890"}"#).await.json()["details"]
            .clone();
    let turn = Event::TurnMetrics {
        endpointing_ms: 1,
        stt_ms: 2,
        llm_first_token_ms: 3,
        tts_first_audio_ms: 4,
        response_ms: 9,
    };
    fake.append(&id(1), vec![turn]).await;
    let shown = get(&app, &format!("/calls/{}", id(1))).await;
    assert_eq!(shown.headers[header::CONTENT_TYPE], "application/json");
    let mut expected = serde_json::to_value(fake.store().view(&id(1)).await.unwrap()).unwrap();
    expected["details"] = details;
    expected["timings"] = json!([{
        "at": "2026-11-22T10:00:00.123Z", "endpointing_ms": 1, "stt_ms": 2,
        "llm_first_token_ms": 3, "tts_first_audio_ms": 4, "response_ms": 9,
    }]);
    assert_eq!(shown.json(), expected);
}

#[tokio::test]
async fn a_calls_events_come_in_order_from_where_one_asks() {
    let fake = Fake::new().await;
    let app = fake.app();
    fake.place(1).await;
    fake.place(2).await;
    fake.talk_and_end(&id(1), EndReason::Completed, "They were done.").await;
    let all = get(&app, &format!("/calls/{}/events", id(1))).await.json();
    let seqs = |page: &serde_json::Value| -> Vec<u64> {
        page["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(seqs(&all), [1, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(all["events"][0]["type"], "call_placed");
    assert_eq!(seqs(&get(&app, &format!("/calls/{}/events?after=5&limit=2", id(1))).await.json()), [6, 7]);
    assert_eq!(seqs(&get(&app, &format!("/calls/{}/events?after=9", id(1))).await.json()), Vec::<u64>::new());
    let answer = get(&app, &format!("/calls/{}/events?after=-1", id(1))).await;
    assert_eq!(answer.faults(), [("greater_than_equal".to_owned(), "query.after".to_owned())]);
}

#[tokio::test]
async fn unknown_calls_are_404_everywhere() {
    let fake = Fake::new().await;
    let app = fake.app();
    for call in [id(9).to_string(), "nonsense".to_owned(), "outbound-XYZ".to_owned()] {
        for path in ["", "/events"] {
            let answer = get(&app, &format!("/calls/{call}{path}")).await;
            assert_eq!(answer.status, 404);
            assert!(answer.detail().contains(&call), "{}", answer.text);
        }
        for path in ["hangup", "escalate", "transfer/accept", "transfer/decline", "say", "instruct"] {
            let answer = post(&app, &format!("/calls/{call}/{path}"), r#"{"text":"Hello"}"#).await;
            assert_eq!(answer.status, 404, "{path}");
            answer.detail();
        }
    }
}

#[tokio::test]
async fn actions_reach_the_call_with_what_was_said_and_by_whom() {
    let fake = Fake::new().await;
    let app = fake.app();
    let call = fake.place(1).await;
    let path = |verb: &str| format!("/calls/{call}/{verb}");
    let view = serde_json::to_value(fake.store().view(&call).await.unwrap()).unwrap();
    let cases = [
        ("escalate", r#"{"reason":"Angry"}"#, OperatorAction::Escalate { reason: "Angry".into() }),
        ("escalate", "", OperatorAction::Escalate { reason: "An operator asked for it.".into() }),
        ("transfer/accept", "", OperatorAction::Accept),
        ("transfer/decline", r#"{"reason":"At lunch"}"#, OperatorAction::Decline { reason: Some("At lunch".into()) }),
        ("transfer/decline", "{}", OperatorAction::Decline { reason: None }),
        ("say", r#"{"text":"One moment."}"#, OperatorAction::Say { text: "One moment.".into() }),
        ("instruct", r#"{"text":"Be brief."}"#, OperatorAction::Instruct { text: "Be brief.".into() }),
        ("claim", "", OperatorAction::Claim),
        ("release", "", OperatorAction::Release),
        ("give-back", "", OperatorAction::GiveBack),
        ("hangup", "", OperatorAction::Hangup),
    ];
    for (verb, body, expected) in cases {
        let answer = post(&app, &path(verb), body).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, view.clone()), "{verb}");
        assert_eq!(fake.acts.lock().unwrap().pop(), Some((call.clone(), expected, "api".to_owned())));
    }
    post_with(&app, &path("hangup"), "", &[("X-Operator", "console")]).await;
    assert_eq!(fake.acts.lock().unwrap().pop().unwrap().2, "console");
    for (query, by) in [
        ("?as=J%C3%B6rg+Ann", "Jörg Ann"),
        ("?as=%20", "console"),
        ("?as=a%00b", "console"),
        ("?as=A%E2%80%AEnn", "Ann"),
        ("?as=%E2%80%8BAnn%EF%BB%BF", "Ann"),
        ("?as=Ann%E2%80%A8Ben", "console"),
        ("?as=%E2%80%8B%E3%85%A4", "console"),
        ("?as=Ann%0ABen", "console"),
        ("?as=Ann%20%C2%A0%20Ben", "Ann Ben"),
    ] {
        post_with(&app, &format!("{}{query}", path("claim")), "", &[("X-Operator", "console")]).await;
        assert_eq!(fake.acts.lock().unwrap().pop().unwrap().2, by);
    }

    let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(2_001));
    for (verb, body, fault) in [
        ("say", "", ("missing", "body")),
        ("say", "{}", ("missing", "body.text")),
        ("instruct", r#"{"text":""}"#, ("string_too_short", "body.text")),
        ("say", &long, ("string_too_long", "body.text")),
        ("escalate", r#"{"reason":7}"#, ("string_type", "body.reason")),
        ("transfer/decline", "[]", ("model_attributes_type", "body")),
    ] {
        let answer = post(&app, &path(verb), body.to_owned()).await;
        assert_eq!(answer.faults(), [(fault.0.to_owned(), fault.1.to_owned())], "{verb}");
    }
    assert!(fake.acts.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_can_not_be_spoken_is_not_taken_to_be_said() {
    let fake = Fake::new().await;
    let (app, call) = (fake.app(), fake.place(1).await);
    for text in ["…", "😀 !?", "§ *** §"] {
        let answer = post(&app, &format!("/calls/{call}/say"), json!({ "text": text }).to_string()).await;
        assert_eq!(answer.status, 422, "{text}");
        assert_eq!(answer.faults(), [("value_error".to_owned(), "body.text".to_owned())]);
    }
    assert!(fake.acts.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_action_that_is_not_possible_is_409_and_names_the_phase() {
    let fake = Fake::new().await;
    let app = fake.app();
    let call = fake.place(1).await;
    let detail = "Nothing to accept: the call is in phase ringing.".to_owned();
    *fake.reject.lock().unwrap() = Some(Rejected { phase: Phase::Ringing, detail: detail.clone() });
    let answer = post(&app, &format!("/calls/{call}/transfer/accept"), "").await;
    assert_eq!((answer.status.as_u16(), answer.detail()), (409, detail));
    fake.talk_and_end(&call, EndReason::Completed, "They were done.").await;
    let answer = post(&app, &format!("/calls/{call}/hangup"), "").await;
    assert_eq!(answer.status, 409);
    assert!(answer.detail().contains("ended"), "{}", answer.text);
}

#[tokio::test]
async fn pages_of_other_sites_can_not_act() {
    let fake = Fake::new().await;
    let app = fake.app();
    let call = fake.place(1).await;
    let hangup = |origin: &'static str| {
        let request = Request::post(format!("/calls/{call}/hangup")).header(header::HOST, "localhost:8000");
        request.header(header::ORIGIN, origin).body(Body::empty()).unwrap()
    };
    for foreign in ["http://evil.example", "null", "http://localhost:9"] {
        let answer = send(&app, hangup(foreign)).await;
        assert_eq!(answer.status, 403);
        answer.detail();
    }
    assert_eq!(send(&app, hangup("http://localhost:8000")).await.status, 200);
    assert_eq!(fake.acts.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_wrong_method_is_405_and_says_which_are_right() {
    let fake = Fake::new().await;
    let app = fake.app();
    for (method, uri, allowed) in
        [("GET", "/calls/outbound-with-escalation", "POST"), ("DELETE", "/calls", "GET"), ("PUT", "/healthz", "GET")]
    {
        let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
        let answer = send(&app, request).await;
        assert_eq!((answer.status.as_u16(), answer.detail().as_str()), (405, "Method Not Allowed"), "{method} {uri}");
        assert!(answer.headers[header::ALLOW].to_str().unwrap().contains(allowed), "{uri}");
    }
}

#[tokio::test]
async fn health_readiness_and_counts() {
    let fake = Fake::new().await;
    let app = fake.app();
    assert_eq!(get(&app, "/healthz").await.json()["status"], "ok");
    assert_eq!(
        get(&app, "/readyz").await.json(),
        json!({ "status": "ready", "more_calls": null, "speech_wait_ms": null })
    );
    *fake.room.lock().unwrap() = Some(3);
    let room = json!({ "status": "ready", "more_calls": 3, "speech_wait_ms": 0 });
    assert_eq!(get(&app, "/readyz").await.json(), room);
    *fake.room.lock().unwrap() = Some(0);
    let answer = get(&app, "/readyz").await;
    assert!(answer.status == 503 && answer.detail().contains("speech"), "{}", answer.text);
    assert!(get(&app, "/metrics").await.text.contains("warmline_speech_room_calls 0"));
    *fake.room.lock().unwrap() = None;
    *fake.missing.lock().unwrap() = vec!["LiveKit credentials not configured.".into(), "Speech is loading.".into()];
    let answer = get(&app, "/readyz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.detail(), "LiveKit credentials not configured. Speech is loading.");

    let call = fake.place(1).await;
    fake.place(2).await;
    fake.talk_and_end(&call, EndReason::NoAnswer, "Nobody answered.").await;
    get(&app, &format!("/calls/{call}")).await;
    let text = get(&app, "/metrics").await.text;
    for line in [
        "warmline_calls_placed_total 2",
        r#"warmline_calls_ended_total{reason="no_answer"} 1"#,
        r#"warmline_calls{phase="queued"} 1"#,
        r#"warmline_http_request_seconds_count{method="GET",route="/calls/{id}",status="200"} 1"#,
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("5550100001") && !text.contains(call.as_str()));
}

#[tokio::test]
async fn every_answer_carries_a_request_id() {
    let fake = Fake::new().await;
    let app = fake.app();
    let own = Request::get("/healthz").header("x-request-id", "my-id.1").body(Body::empty()).unwrap();
    assert_eq!(send(&app, own).await.headers["x-request-id"], "my-id.1");
    let odd = Request::get("/nowhere").header("x-request-id", "<script>").body(Body::empty()).unwrap();
    let answer = send(&app, odd).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.headers["x-request-id"].len(), 16);
}
