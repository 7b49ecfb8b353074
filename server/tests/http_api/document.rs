//! The OpenAPI document says what is really sent.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use warmline_call::{EndReason, Event, Phase};

use crate::support::{Fake, get, id, post};

/// The schema behind a `$ref`, if it is one.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(path) => document.pointer(path.trim_start_matches('#')).unwrap_or_else(|| panic!("{path} is missing")),
        None => schema,
    }
}

/// All properties of an object schema with those of its parts.
fn properties<'a>(document: &'a Value, schema: &'a Value) -> Vec<(&'a str, &'a Value)> {
    let schema = resolve(document, schema);
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, schema)| (name.as_str(), schema));
    let parts = schema["allOf"].as_array().into_iter().flatten();
    own.chain(parts.flat_map(|part| properties(document, part))).collect()
}

/// Whether a value is what its schema says, objects with exactly the properties that are documented.
fn fits(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let schema = resolve(document, schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let faults: Vec<_> = choices.iter().filter_map(|choice| fits(document, choice, value).err()).collect();
        return if faults.len() + 1 == choices.len() { Ok(()) } else { Err(faults.join(" / ")) };
    }
    if let Some(words) = schema["enum"].as_array() {
        return if words.contains(value) { Ok(()) } else { Err(format!("{value} is none of {words:?}")) };
    }
    // An object that is put together of others, one of which may be a choice.
    if let Some(parts) = schema["allOf"].as_array() {
        let choice = parts.iter().map(|part| resolve(document, part)).find(|part| part["oneOf"].is_array());
        if let Some(choice) = choice {
            let choices = choice["oneOf"].as_array().unwrap();
            let whole = |one: &Value| {
                let rest = parts.iter().filter(|part| resolve(document, part) != choice).cloned();
                json!({ "allOf": rest.chain([one.clone()]).collect::<Vec<_>>() })
            };
            let faults: Vec<_> = choices.iter().filter_map(|one| fits(document, &whole(one), value).err()).collect();
            return if faults.len() + 1 == choices.len() { Ok(()) } else { Err(faults.join(" / ")) };
        }
    }
    let kinds: Vec<_> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        Value::String(kind) => vec![kind.as_str()],
        _ => vec!["object"],
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_u64() || n.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let whole = kind == "integer" && kinds.contains(&"number");
    if !kinds.contains(&kind) && !whole {
        return Err(format!("{value} is no {kinds:?}"));
    }
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| fits(document, &schema["items"], item)),
        Value::Object(object) => {
            let known = properties(document, schema);
            let (said, sent): (BTreeSet<_>, BTreeSet<_>) =
                (known.iter().map(|(name, _)| *name).collect(), object.keys().map(String::as_str).collect());
            if said != sent {
                return Err(format!("documented {said:?}, sent {sent:?}"));
            }
            known.iter().try_for_each(|(name, schema)| {
                fits(document, schema, &object[*name]).map_err(|fault| format!("{name}: {fault}"))
            })
        }
        _ => Ok(()),
    }
}

fn answer_schema<'a>(document: &'a Value, path: &str, method: &str, status: &str) -> &'a Value {
    let answer = &document["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"];
    assert!(answer.is_object(), "{method} {path} {status} is not documented");
    answer
}

#[tokio::test]
async fn the_document_is_complete() {
    let fake = Fake::new().await;
    let document = get(&fake.app(), "/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let expected = [
        ("/calls", "get", "200 400 403 422 429 500 503"),
        ("/calls/export", "get", "200 400 403 422 429 500 503"),
        ("/calls/outbound", "post", "200 400 403 408 409 413 422 429 500 503"),
        ("/calls/outbound-with-escalation", "post", "200 400 403 408 409 413 422 429 500 503"),
        ("/calls/{id}", "get", "200 400 403 404 422 429 500 503"),
        ("/calls/{id}/bundle", "get", "200 400 403 404 422 429 500 503"),
        ("/calls/{id}/claim", "post", "200 400 403 404 409 500 503"),
        ("/calls/{id}/escalate", "post", "200 400 403 404 408 409 413 422 500 503"),
        ("/calls/{id}/events", "get", "200 400 403 404 422 429 500 503"),
        ("/calls/{id}/give-back", "post", "200 400 403 404 409 500 503"),
        ("/calls/{id}/hangup", "post", "200 400 403 404 409 500 503"),
        ("/calls/{id}/instruct", "post", "200 400 403 404 408 409 413 422 500 503"),
        ("/calls/{id}/release", "post", "200 400 403 404 409 500 503"),
        ("/calls/{id}/say", "post", "200 400 403 404 408 409 413 422 500 503"),
        ("/calls/{id}/transfer/accept", "post", "200 400 403 404 409 500 503"),
        ("/calls/{id}/transfer/decline", "post", "200 400 403 404 408 409 413 422 500 503"),
        ("/doctor", "get", "200 403 500 503"),
        ("/healthz", "get", "200 403 500 503"),
        ("/metrics", "get", "200 403 500 503"),
        ("/readyz", "get", "200 403 500 503"),
    ];
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.keys().map(String::as_str).collect::<Vec<_>>(), expected.map(|(path, ..)| path));
    for (path, method, statuses) in expected {
        let operation = &paths[path][method];
        let answers: Vec<_> = operation["responses"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(answers.join(" "), statuses, "{method} {path}");
        assert!(operation["summary"].is_string(), "{path}");
        let parameters: Vec<_> = operation["parameters"].as_array().into_iter().flatten().collect();
        assert_eq!(parameters.iter().any(|p| p["in"] == "path"), path.contains('{'), "{path}");
    }
    // Every reference leads somewhere.
    let text = document.to_string();
    for path in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(path).is_some(), "{path}");
    }
}

#[tokio::test]
async fn what_is_sent_is_what_is_documented() {
    let fake = Fake::new().await;
    let app = fake.app();
    let document = get(&app, "/openapi.json").await.json();
    let check = |path: &str, method: &str, status: &str, value: &Value| {
        let schema = answer_schema(&document, path, method, status);
        fits(&document, schema, value).unwrap_or_else(|fault| panic!("{method} {path}: {fault}"));
    };
    let start = "/calls/outbound-with-escalation";
    check(start, "post", "200", &post(&app, start, r#"{"phone_number":"+1234567890"}"#).await.json());
    check(start, "post", "400", &post(&app, start, r#"{"phone_number":"911"}"#).await.json());
    let every_kind = [
        r#"{"type":"leg_changed","leg":"supervisor","state":"left","attempt":1,"phone":"+15550100002","sip_status":486,"reason":"busy"}"#,
        r#"{"type":"phase_changed","from":"queued","to":"dialing"}"#,
        r#"{"type":"hold_music","playing":true}"#,
        r#"{"type":"media_changed","state":"degraded","cause":"hearing"}"#,
        r#"{"type":"escalation_requested","by":"customer","reason":"Wants a person."}"#,
        r#"{"type":"briefing","attempt":1,"summary":"Who and what.","points":["One"]}"#,
        r#"{"type":"transfer_decided","attempt":1,"outcome":"busy","by":"network","reason":null}"#,
        r#"{"type":"turn_metrics","endpointing_ms":1,"stt_ms":2,"llm_first_token_ms":3,"tts_first_audio_ms":4,"response_ms":5}"#,
        r#"{"type":"operator_acted","action":"say","by":"api","reason":null}"#,
    ];
    let events = every_kind.map(|text| serde_json::from_str::<Event>(text).unwrap());
    fake.append(&id(1), events.to_vec()).await;
    fake.talk_and_end(&id(1), EndReason::Completed, "They were done.").await;
    fake.place(2).await;
    fake.append(&id(2), vec![Event::PhaseChanged { from: Phase::Queued, to: Phase::Dialing }]).await;
    for call in [id(1), id(2)] {
        check("/calls/{id}", "get", "200", &get(&app, &format!("/calls/{call}")).await.json());
        check("/calls/{id}/events", "get", "200", &get(&app, &format!("/calls/{call}/events")).await.json());
    }
    check("/calls", "get", "200", &get(&app, "/calls?limit=1").await.json());
    check("/calls", "get", "200", &get(&app, "/calls").await.json());
    check("/calls/{id}", "get", "404", &get(&app, &format!("/calls/{}", id(99))).await.json());
    check("/calls/{id}/hangup", "post", "200", &post(&app, &format!("/calls/{}/hangup", id(2)), "").await.json());
    check("/healthz", "get", "200", &get(&app, "/healthz").await.json());
    check("/readyz", "get", "200", &get(&app, "/readyz").await.json());
}

#[tokio::test]
async fn the_page_is_served_from_here() {
    let fake = Fake::new().await;
    let app = fake.app();
    let page = get(&app, "/docs/").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("swagger-ui"), "{}", page.text);
    assert!(!page.text.contains("://"), "nothing is fetched from elsewhere: {}", page.text);
    assert_eq!(get(&app, "/docs").await.status, 303);
}
