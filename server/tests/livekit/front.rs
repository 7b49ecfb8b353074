//! What stands between the program and the server and fails when it is told to.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
};
use livekit_protocol::UpdateSubscriptionsRequest;
use prost::Message;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

/// The server's API, in which a merge's second half fails.
pub struct HalfMerges {
    pub url: String,
    /// Subscriptions that were asked for, and those that were taken back.
    pub granted: Arc<AtomicUsize>,
    pub taken_back: Arc<AtomicUsize>,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Clone)]
struct Api {
    behind: String,
    http: reqwest::Client,
    granted: Arc<AtomicUsize>,
    taken_back: Arc<AtomicUsize>,
}

impl HalfMerges {
    pub async fn before(behind: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (granted, taken_back) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let api =
            Api { behind, http: reqwest::Client::new(), granted: granted.clone(), taken_back: taken_back.clone() };
        let app = Router::new().fallback(pass).with_state(api);
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, granted, taken_back, _serving: AbortOnDropHandle::new(serving) }
    }
}

async fn pass(State(api): State<Api>, uri: Uri, headers: HeaderMap, body: Bytes) -> (StatusCode, HeaderMap, Bytes) {
    let kind = |value: &'static str| HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
    if uri.path().ends_with("/UpdateSubscriptions") {
        let request = UpdateSubscriptionsRequest::decode(body.clone()).unwrap();
        if request.subscribe && api.granted.fetch_add(1, Relaxed) == 1 {
            let error = Bytes::from_static(br#"{"code":"internal","msg":"the second half fails"}"#);
            return (StatusCode::INTERNAL_SERVER_ERROR, kind("application/json"), error);
        }
        if !request.subscribe && api.granted.load(Relaxed) > 0 {
            api.taken_back.fetch_add(1, Relaxed);
        }
    }
    let mut request = api.http.post(format!("{}{}", api.behind, uri.path())).body(body);
    for name in [header::AUTHORIZATION, header::CONTENT_TYPE] {
        request = request.header(name.clone(), headers[&name].clone());
    }
    let Ok(answer) = request.send().await else { return (StatusCode::BAD_GATEWAY, HeaderMap::new(), Bytes::new()) };
    let mut headers = HeaderMap::new();
    headers.extend(answer.headers().get(header::CONTENT_TYPE).map(|kind| (header::CONTENT_TYPE, kind.clone())));
    (answer.status(), headers, answer.bytes().await.unwrap_or_default())
}

/// The way of the signalling, on which nothing gets through once it is frozen, and nobody learns that.
pub struct Signalling {
    pub url: String,
    frozen: watch::Sender<bool>,
    _carrying: AbortOnDropHandle<()>,
}

impl Signalling {
    pub async fn to(server: &str) -> Self {
        let server = server.trim_start_matches("ws://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let (frozen, is_frozen) = watch::channel(false);
        let carrying = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&server).await else { continue };
                let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
                tokio::spawn(carry(near_read, far_write, is_frozen.clone()));
                tokio::spawn(carry(far_read, near_write, is_frozen.clone()));
            }
        });
        Self { url, frozen, _carrying: AbortOnDropHandle::new(carrying) }
    }

    pub fn freeze(&self) {
        self.frozen.send_replace(true);
    }
}

async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, frozen: watch::Receiver<bool>) {
    let mut bytes = [0; 16_384];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if frozen.clone().wait_for(|frozen| !frozen).await.is_err() || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
