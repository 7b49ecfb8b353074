//! What is asked of LiveKit Cloud alone, against LiveKit's own mock of its API, which checks the same grants.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test program")]

use std::{
    env,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
};
use livekit_protocol::MoveParticipantRequest;
use prost::Message;
use warmline_livekit::services::{Project, ServiceError, Services};

const SECRET: &str = "secret-of-at-least-thirty-two-characters";

struct Mock {
    child: Child,
    port: u16,
}

impl Mock {
    async fn start() -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let child = Command::new(binary())
            .args(["--ports", &port.to_string(), "--bind", "127.0.0.1"])
            .env("LK_TEST_SERVER_API_SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mock = Self { child, port };
        let started = Instant::now();
        while tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "LiveKit's mock does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        mock
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn binary() -> PathBuf {
    const HOW: &str = "LiveKit's mock is needed for this test. Get it (Go):\n  \
        GOBIN=~/.cache/warmline/livekit go install github.com/livekit/livekit-server/cmd/test-server@v1.13.5\n\
        or name one in WARMLINE_LIVEKIT_MOCK.";
    let named = env::var_os("WARMLINE_LIVEKIT_MOCK").map(PathBuf::from);
    let cached = PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cache/warmline/livekit/test-server");
    let found = named.unwrap_or(cached);
    assert!(found.is_file(), "{HOW}");
    found
}

/// Stands before the mock: keeps what is asked of it, and steers it, which its header is for.
#[derive(Clone)]
struct Front {
    mock: String,
    steer: Arc<Mutex<Option<&'static str>>>,
    asked: Arc<Mutex<Vec<(String, Bytes)>>>,
    http: reqwest::Client,
}

async fn pass(State(front): State<Front>, uri: Uri, headers: HeaderMap, body: Bytes) -> (StatusCode, HeaderMap, Bytes) {
    front.asked.lock().unwrap().push((uri.path().to_owned(), body.clone()));
    let mut request = front.http.post(format!("{}{}", front.mock, uri.path())).body(body);
    for name in [header::AUTHORIZATION, header::CONTENT_TYPE] {
        request = request.header(name.clone(), headers[&name].clone());
    }
    if let Some(steer) = *front.steer.lock().unwrap() {
        request = request.header("X-Lk-Mock", steer);
    }
    match request.send().await {
        Ok(answer) => {
            let mut headers = HeaderMap::new();
            headers.extend(answer.headers().get(header::CONTENT_TYPE).map(|kind| (header::CONTENT_TYPE, kind.clone())));
            (answer.status(), headers, answer.bytes().await.unwrap())
        }
        Err(_) => (StatusCode::BAD_GATEWAY, HeaderMap::new(), Bytes::new()),
    }
}

#[tokio::test]
async fn a_move_is_asked_for_as_the_server_wants_it_and_its_answers_are_understood() {
    let mock = Mock::start().await;
    let project =
        |secret: &str, url: &str| Project { url: url.to_owned(), key: "key".to_owned(), secret: secret.into() };
    // First: it installs the TLS provider that the HTTP client needs.
    let direct = format!("http://127.0.0.1:{}", mock.port);
    let wrong = Services::new(project("another-secret-of-thirty-two-characters", &direct));
    let front = Front { mock: direct, steer: Arc::default(), asked: Arc::default(), http: reqwest::Client::new() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(pass).with_state(front.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });

    let services = Services::new(project(SECRET, &url));
    let (from, who, to) =
        ("outbound-000000000007-supervisor", "outbound-000000000007-supervisor", "outbound-000000000007");
    let move_them = || services.move_participant(from, who, to);
    move_them().await.unwrap();
    let (path, body) = front.asked.lock().unwrap().pop().unwrap();
    assert_eq!(path, "/twirp/livekit.RoomService/MoveParticipant");
    let request = MoveParticipantRequest::decode(body).unwrap();
    assert_eq!((request.room.as_str(), request.identity.as_str(), request.destination_room.as_str()), (from, who, to));

    let steered = async |how| {
        *front.steer.lock().unwrap() = Some(how);
        move_them().await.unwrap_err()
    };
    let not_implemented = r#"{"failRegions":[0],"failStatus":501,"failTwirpCode":"unimplemented"}"#;
    assert!(matches!(steered(not_implemented).await, ServiceError::NotImplemented(_)));
    let not_found = r#"{"failRegions":[0],"failStatus":404,"failTwirpCode":"not_found"}"#;
    assert!(matches!(steered(not_found).await, ServiceError::NotFound(_)));
    let denied = r#"{"failRegions":[0],"failStatus":403,"failTwirpCode":"permission_denied"}"#;
    assert!(matches!(steered(denied).await, ServiceError::Unauthorized(_)));
    let down = r#"{"failRegions":[0],"failStatus":503,"failTwirpCode":"unavailable"}"#;
    assert!(matches!(steered(down).await, ServiceError::Refused { code, .. } if code == "unavailable"));
    assert!(matches!(steered(r#"{"delayMs":30000}"#).await, ServiceError::Timeout));

    // Its grants are checked: of another secret's nothing is taken.
    assert!(matches!(wrong.move_participant(from, who, to).await, Err(ServiceError::Unauthorized(_))));
    serving.abort();
}
