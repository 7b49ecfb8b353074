//! Takes connections in: what axum's own server does, with limits on how many there are and how long each may say nothing,
//! and read nothing. HTTP/1.1 alone: what comes over HTTP/2 has no `Host`, by which requests are told apart.

use std::{
    convert::Infallible,
    io::{self, Write},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use super::{
    Limits,
    connections::{Connection, Connections, Guarded},
};

/// A wait after the system could not hand over a connection, most likely for want of file descriptors.
const OUT_OF_BREATH: Duration = Duration::from_millis(200);

/// What a connection gets that there is no room for.
const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n\
    Content-Type: application/json\r\nContent-Length: 47\r\n\r\n{\"detail\":\"Too many connections are answered.\"}";

/// Serves until `stop`; answers that are under way then are still given.
pub async fn serve(listener: TcpListener, app: Router, limits: &Limits, stop: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_time);
    let connections = Connections::new(limits.connections);
    let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
    tokio::pin!(stop);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let Some(connection) = connections.admit() else {
            turn_away(stream);
            continue;
        };
        let stream = TokioIo::new(bounded(stream, limits));
        tasks.spawn(converse(http.clone(), stream, app.clone(), connection, stopping.clone()));
    }
    drop(listener);
    stopping.cancel();
    tasks.close();
    tasks.wait().await;
}

type Stream = TokioIo<Pin<Box<TimeoutStream<TcpStream>>>>;

/// Answers one connection's requests until it is closed by its client, to make room, or to stop.
async fn converse(
    http: http1::Builder,
    stream: Stream,
    app: Router,
    connection: Arc<Connection>,
    stopping: CancellationToken,
) {
    let of_service = connection.clone();
    let service = service_fn(move |request| answer(app.clone(), of_service.clone(), request));
    let served = http.serve_connection(stream, service).with_upgrades();
    tokio::pin!(served);
    let closed = connection.closed.clone();
    tokio::select! {
        served = &mut served => return note(served),
        () = closed.cancelled() => {
            tracing::debug!("a connection makes room for another");
            if !connection.is_answering() {
                return;
            }
        }
        () = stopping.cancelled() => {}
    }
    served.as_mut().graceful_shutdown();
    note(served.await);
}

fn note(served: hyper::Result<()>) {
    if let Err(error) = served {
        tracing::debug!("a connection broke: {error}");
    }
}

async fn answer(
    app: Router,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Guarded>, Infallible> {
    let answering = connection.answer();
    let answer = app.oneshot(request.map(Body::new)).await?;
    Ok(answer.map(|body| Guarded::new(body, answering)))
}

/// The stream, given up when its client takes nothing in for too long. A frame of audio or an event is small and wanted
/// now: no waiting for more to send with it.
fn bounded(stream: TcpStream, limits: &Limits) -> Pin<Box<TimeoutStream<TcpStream>>> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("a connection keeps its delay: {error}");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write_time));
    Box::pin(stream)
}

/// Says why, if the network takes it at once.
fn turn_away(stream: TcpStream) {
    tracing::debug!("a connection was turned away: all that there may be are being answered");
    if let Ok(mut stream) = stream.into_std() {
        drop(stream.write(NO_ROOM));
    }
}

async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    // The client has gone before it was served: nothing of ours.
    if ![ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind()) {
        tracing::error!("no connection can be taken in: {error}");
        tokio::time::sleep(OUT_OF_BREATH).await;
    }
}
