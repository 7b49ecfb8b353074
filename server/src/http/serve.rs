//! Takes connections in: what axum's own server does, with a limit on the time that a client may take for its headers.

use std::{io, time::Duration};

use axum::{Router, extract::Request};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use super::Limits;

/// A wait after the system could not hand over a connection, most likely for want of file descriptors.
const OUT_OF_BREATH: Duration = Duration::from_millis(200);

/// Serves until `stop`; answers that are under way then are still given.
pub async fn serve(listener: TcpListener, app: Router, limits: &Limits, stop: impl Future<Output = ()>) {
    let mut connection = Builder::new(TokioExecutor::new()).http1_only();
    connection.http1().timer(TokioTimer::new()).header_read_timeout(limits.header_time);
    let graceful = GracefulShutdown::new();
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
        prepare(&stream);
        let service =
            app.clone().map_request(|request: Request<hyper::body::Incoming>| request.map(axum::body::Body::new));
        let service = TowerToHyperService::new(service);
        let served = connection.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let served = graceful.watch(served.into_owned());
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::debug!("a connection broke: {error}");
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// A frame of audio or an event is small and wanted now: no waiting for more to send with it.
fn prepare(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("a connection keeps its delay: {error}");
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
