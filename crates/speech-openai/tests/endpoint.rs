//! The client against a local server that plays an endpoint's good and bad days.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on fails")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use futures::{StreamExt as _, channel::mpsc, stream};
use tokio::{net::TcpListener, sync::oneshot};
use warmline_speech_openai::OpenAi;
use warmline_voice::{LanguageModel as _, ModelError, Prompt, Role, Token, Turn};

const KEY: &str = "sk-very-secret";

/// What the server answers, and what it was asked.
#[derive(Clone)]
struct Endpoint {
    answer: Arc<dyn Fn() -> Response + Send + Sync>,
    asked: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

async fn serve(answer: impl Fn() -> Response + Send + Sync + 'static) -> (OpenAi, Endpoint) {
    let endpoint = Endpoint { answer: Arc::new(answer), asked: Arc::default() };
    let chat = |State(e): State<Endpoint>, headers: HeaderMap, body: Bytes| async move {
        e.asked.lock().unwrap().push((headers, body));
        (e.answer)()
    };
    let models = |State(e): State<Endpoint>| async move { (e.answer)() };
    let app = Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/models", get(models))
        .with_state(endpoint.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (OpenAi::new(&base, Some(KEY.to_owned()), "test-model").unwrap(), endpoint)
}

fn prompt() -> Prompt {
    let turns = vec![Turn { role: Role::Person, text: "Hello?".to_owned() }];
    Prompt { system: "Be kind.".to_owned(), turns, tools: true }
}

fn chunks(chunks: Vec<String>) -> Response {
    let chunks = stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>));
    Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(chunks)).unwrap()
}

fn text(word: &str) -> String {
    format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{word}\"}}}}]}}\n\n")
}

fn call(index: u64, name: Option<&str>, arguments: &str) -> String {
    let function = serde_json::json!({"name": name, "arguments": arguments});
    let delta = serde_json::json!({"tool_calls": [{"index": index, "function": function}]});
    format!("data: {}\n\n", serde_json::json!({"choices": [{"delta": delta}]}))
}

const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

async fn all(model: &OpenAi) -> Vec<Result<Token, ModelError>> {
    model.reply(prompt()).collect().await
}

fn said(word: &str) -> Result<Token, ModelError> {
    Ok(Token::Text(word.to_owned()))
}

#[tokio::test]
async fn an_answer_is_streamed_token_by_token() {
    let (model, endpoint) = serve(|| chunks(vec![text("Hello"), text(" there."), STOP.to_owned()])).await;
    assert_eq!(all(&model).await, [said("Hello"), said(" there.")]);

    let asked = endpoint.asked.lock().unwrap();
    let (headers, body) = &asked[0];
    assert_eq!(headers["authorization"], format!("Bearer {KEY}"));
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    assert_eq!((&body["stream"], &body["model"]), (&true.into(), &"test-model".into()));
    assert_eq!(body["messages"][1]["content"], "Hello?");
}

#[tokio::test]
async fn chunks_may_cut_lines_and_letters_anywhere() {
    let whole = format!(": ping\n\n{}{}{STOP}", text("Grüße"), call(0, Some("end_call"), "{}"));
    let (model, _) = serve(move || {
        let bytes: Vec<Bytes> = whole.as_bytes().chunks(3).map(Bytes::copy_from_slice).collect();
        Body::from_stream(stream::iter(bytes.into_iter().map(Ok::<_, std::io::Error>))).into_response()
    })
    .await;
    assert_eq!(all(&model).await, [said("Grüße"), Ok(Token::EndCall)]);
}

#[tokio::test]
async fn a_tool_call_comes_in_pieces() {
    let pieces = vec![
        text("One moment."),
        call(0, Some("escalate"), ""),
        call(0, None, "{\"reason\": \"cannot"),
        call(0, None, " log in\"}"),
        STOP.to_owned(),
    ];
    let (model, _) = serve(move || chunks(pieces.clone())).await;
    assert_eq!(all(&model).await, [said("One moment."), Ok(Token::Escalate { reason: "cannot log in".to_owned() })]);
}

#[tokio::test]
async fn what_is_not_a_good_tool_call_fails() {
    for (name, arguments) in
        [("escalate", "{\"reason\": "), ("escalate", "{}"), ("escalate", "[1]"), ("end_call", "{"), ("dial", "{}")]
    {
        let (model, _) = serve(move || chunks(vec![call(0, Some(name), arguments), STOP.to_owned()])).await;
        let answer = all(&model).await;
        assert!(matches!(&answer[..], [Err(ModelError::Failed(_))]), "{name} {arguments}: {answer:?}");
    }
    let (model, _) = serve(|| chunks((0..5).map(|i| call(i, Some("end_call"), "{}")).collect())).await;
    assert!(matches!(&all(&model).await[..], [Err(ModelError::Failed(_))]));
    let (model, _) = serve(|| chunks(vec![call(0, Some("escalate"), &"x".repeat(5000))])).await;
    assert!(matches!(&all(&model).await[..], [Err(ModelError::Failed(_))]));
}

#[tokio::test]
async fn statuses_are_told_apart_and_nothing_gives_the_key_away() {
    let failed = |code| ModelError::Failed(format!("the language model's server failed (HTTP {code})"));
    for (status, error) in [
        (401, ModelError::Unauthorized),
        (403, ModelError::Unauthorized),
        (429, ModelError::RateLimited),
        (500, failed(500)),
        (503, failed(503)),
        (404, ModelError::Failed("the language model's server refused the request (HTTP 404)".to_owned())),
        (302, ModelError::Failed("the language model's server refused the request (HTTP 302)".to_owned())),
    ] {
        let (model, _) =
            serve(move || (StatusCode::from_u16(status).unwrap(), format!("no {KEY}")).into_response()).await;
        assert_eq!(all(&model).await, [Err(error.clone())]);
        let told = format!("{error} {error:?} {model:?} {:?}", model.check().await);
        assert!(!told.contains("sk-"), "{told}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_no_answer_fails_after_what_came() {
    let (model, _) = serve(|| chunks(vec![text("Hello")])).await;
    assert!(matches!(&all(&model).await[..], [Ok(_), Err(ModelError::Failed(_))]));
    let (model, _) = serve(|| {
        let broken = stream::iter([Ok(text("Hello")), Err(std::io::Error::other("gone"))]);
        Body::from_stream(broken).into_response()
    })
    .await;
    assert!(matches!(all(&model).await.last(), Some(Err(ModelError::Failed(_)))));
    for body in ["data: not json\n\n", "data: {\"error\": {\"message\": \"overloaded\"}}\n\n", "<html></html>"] {
        let (model, _) = serve(move || body.into_response()).await;
        assert!(matches!(&all(&model).await[..], [Err(ModelError::Failed(_))]), "{body}");
    }
}

#[tokio::test]
async fn an_endless_line_and_an_endless_answer_come_to_an_end() {
    let (model, _) = serve(|| {
        let line = stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(8192)));
        Body::from_stream(line).into_response()
    })
    .await;
    assert!(matches!(&all(&model).await[..], [Err(ModelError::Failed(_))]));
    let (model, _) = serve(|| {
        let words = stream::repeat_with(|| Ok::<_, std::io::Error>(text("word ").repeat(100)));
        Body::from_stream(words).into_response()
    })
    .await;
    assert!(matches!(all(&model).await.last(), Some(Err(ModelError::Failed(_)))));
}

/// An answer that goes on as long as somebody reads it, and tells when nobody does any more.
fn dripping() -> (impl Fn() -> Response + Send + Sync, mpsc::UnboundedReceiver<mpsc::UnboundedSender<String>>) {
    let (handles, taken) = mpsc::unbounded();
    let answer = move || {
        let (drip, drops) = mpsc::unbounded::<String>();
        handles.unbounded_send(drip).unwrap();
        Body::from_stream(drops.map(Ok::<_, std::io::Error>)).into_response()
    };
    (answer, taken)
}

#[tokio::test]
async fn a_slow_drip_is_passed_on_drop_by_drop() {
    let (answer, mut taken) = dripping();
    let (model, _) = serve(answer).await;
    let mut tokens = model.reply(prompt());
    let (first, drip) = tokio::join!(tokens.next(), async {
        let drip = taken.next().await.unwrap();
        drip.unbounded_send(text("One")).unwrap();
        drip
    });
    assert_eq!(first, Some(said("One")));
    drip.unbounded_send(text("two")).unwrap();
    assert_eq!(tokens.next().await, Some(said("two")));
    drip.unbounded_send(STOP.to_owned()).unwrap();
    assert_eq!(tokens.next().await, None);
}

#[tokio::test]
async fn dropping_the_stream_cancels_the_request() {
    let (answer, mut taken) = dripping();
    let (model, _) = serve(answer).await;
    let mut tokens = model.reply(prompt());
    let (_, drip) = tokio::join!(tokens.next(), async {
        let drip = taken.next().await.unwrap();
        drip.unbounded_send(text("One")).unwrap();
        drip
    });
    drop(tokens);
    let (told, gone) = oneshot::channel();
    tokio::spawn(async move {
        // Ends once the server has noticed that nobody reads; each word makes it look.
        let mut beat = tokio::time::interval(Duration::from_millis(1));
        while drip.unbounded_send(text("word")).is_ok() {
            beat.tick().await;
        }
        let _ = told.send(());
    });
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the server still sends").unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_fails_at_once() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let model = OpenAi::new(&format!("http://user:{KEY}@127.0.0.1:{port}/v1"), None, "m").unwrap();
    assert!(!format!("{model:?}").contains(KEY));
    let answer = all(&model).await;
    let reached = "the language model's server can't be reached (OPENAI_BASE_URL)";
    assert_eq!(answer, [Err(ModelError::Failed(reached.to_owned()))]);
    assert_eq!(model.check().await.sentence, format!("No answer from the language model: {reached}."));
}

#[tokio::test]
async fn the_check_says_what_is_wrong() {
    let (model, _) = serve(|| r#"{"data":[{"id":"other"},{"id":"test-model"}]}"#.into_response()).await;
    let check = model.check().await;
    assert_eq!((check.ok, check.sentence.as_str()), (true, "The language model test-model answers."));
    let (model, _) = serve(|| r#"{"data":[{"id":"other"}]}"#.into_response()).await;
    let check = model.check().await;
    assert!(!check.ok && check.sentence.contains("does not list the model test-model (OPENAI_MODEL); it lists other."));
    let (model, _) = serve(|| StatusCode::UNAUTHORIZED.into_response()).await;
    assert_eq!(
        model.check().await.sentence,
        "No answer from the language model: the language model refused the key (OPENAI_API_KEY)."
    );
}
