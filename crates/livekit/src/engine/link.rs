use std::{
    collections::{HashMap, VecDeque},
    future::pending,
    io,
    net::SocketAddr,
    sync::{Arc, Once},
    time::{Duration, Instant},
};

use livekit_protocol::{self as proto, signal_request::Message as Request};
use livekit_signaling::{
    CLIENT_PROTOCOL_DEFAULT, NEGOTIATED_DATA_CHANNELS_PROTOCOL, SignalClient, SignalError, SignalEvents, SignalOptions,
};
use tokio::{net::lookup_host, sync::oneshot, task::JoinHandle, time::sleep};

use crate::{
    AutoSubscribe, Options, RequestError,
    error::{ConnectError, chain},
    peer::{FramedTcp, Peer, Wire},
    secret::{Secret, redact},
};

/// For how long we wait for the last words to be sent.
const GOODBYE: Duration = Duration::from_secs(1);

/// Requests to the server that wait for a resume at most.
const OUTBOX: usize = 256;

/// One session with the server: signalling and the peer connection.
pub(crate) struct Link {
    signal: Arc<SignalClient>,
    pub(crate) signals: SignalEvents,
    pub(crate) peer: Peer,
    pub(crate) join: proto::JoinResponse,
    pub(crate) outbox: VecDeque<Request>,
    pub(crate) resume: Option<Resume>,
    pub(crate) tcp: Option<TcpConnecting>,
    pub(crate) requests: HashMap<u32, oneshot::Sender<Result<(), RequestError>>>,
    pub(crate) since: Instant,
    /// Whether ICE says that it has a path.
    pub(crate) ice_up: bool,
    /// Whether nothing comes along it.
    pub(crate) silent: bool,
    /// Since when there is no path that anything comes along.
    pub(crate) ice_lost: Option<Instant>,
    pub(crate) ice_restarts: u32,
    /// A resume is complete but for ICE.
    pub(crate) resumed: bool,
    /// The last sequence number of reliable data that came, by participant id.
    pub(crate) received: HashMap<String, u32>,
    pub(crate) sequence: u32,
}

pub(crate) type TcpConnecting = JoinHandle<io::Result<FramedTcp>>;

/// A resume that is under way.
pub(crate) struct Resume {
    pub(crate) task: JoinHandle<Resumed>,
    pub(crate) since: Instant,
    pub(crate) attempt: u32,
    pub(crate) ice_restart: bool,
}

impl Link {
    /// Joins the room. Media comes up afterwards, by the engine.
    pub(crate) async fn connect(options: &Options, token: &Secret) -> Result<Self, ConnectError> {
        install_tls_provider();
        let asked = signal_options(options);
        let joined = SignalClient::connect(&options.url, token.expose(), asked, None).await;
        let (signal, join, signals) = joined?;
        if !signal.is_single_pc_mode_active() {
            signal.close().await;
            return Err(ConnectError::TooOld);
        }
        let server = server_address(&options.url).await?;
        let wire = Wire::towards(server, options.impairment.clone())
            .await
            .map_err(|error| ConnectError::Internal(format!("no socket for media: {error}")))?;
        let protocol = join.server_info.as_ref().map_or(0, |info| info.protocol);
        let peer = Peer::new(wire, protocol >= NEGOTIATED_DATA_CHANNELS_PROTOCOL as i32)?;
        Ok(Self {
            signal: Arc::new(signal),
            signals,
            peer,
            join,
            outbox: VecDeque::new(),
            resume: None,
            tcp: None,
            requests: HashMap::new(),
            since: Instant::now(),
            ice_up: true,
            silent: false,
            ice_lost: None,
            ice_restarts: 0,
            resumed: false,
            received: HashMap::new(),
            sequence: 0,
        })
    }

    pub(crate) fn own_sid(&self) -> &str {
        self.join.participant.as_ref().map_or("", |own| &own.sid)
    }

    pub(crate) fn own_identity(&self) -> &str {
        self.join.participant.as_ref().map_or("", |own| &own.identity)
    }

    pub(crate) fn room(&self) -> &str {
        self.join.room.as_ref().map_or("", |room| &room.name)
    }

    pub(crate) fn is_resuming(&self) -> bool {
        self.resume.is_some()
    }

    pub(crate) fn next_request_id(&self) -> u32 {
        self.signal.next_request_id()
    }

    pub(crate) async fn is_signalling(&self) -> bool {
        self.signal.is_connected().await
    }

    /// Sends what waits; while the session is being resumed it goes on waiting.
    pub(crate) async fn flush(&mut self) {
        if self.is_resuming() {
            let over = self.outbox.len().saturating_sub(OUTBOX);
            self.outbox.drain(..over);
            return;
        }
        while let Some(request) = self.outbox.pop_front() {
            self.signal.send(request).await;
        }
    }

    /// Opens the signalling connection again, after a while. What comes of it is for [`Link::resume`] to tell.
    pub(crate) fn start_resume(&mut self, reason: proto::ReconnectReason, ice_restart: bool, after: Duration) {
        let (attempt, since, ice) = match self.resume.take() {
            Some(before) if !before.task.is_finished() => {
                // One is under way already.
                self.resume = Some(Resume { ice_restart: before.ice_restart || ice_restart, ..before });
                return;
            }
            Some(before) => (before.attempt + 1, before.since, before.ice_restart || ice_restart),
            None => (0, Instant::now(), ice_restart),
        };
        let signal = Arc::clone(&self.signal);
        let task = tokio::spawn(async move {
            sleep(after).await;
            // Closing first: the old stream's last word is in the queue before the new one's first (pitfall 3).
            signal.close().await;
            signal.restart(reason).await
        });
        self.resume = Some(Resume { task, since, attempt, ice_restart: ice });
    }

    /// The resume is complete: requests flow again.
    pub(crate) async fn finish_resume(&mut self, state: proto::SyncState) {
        self.signal.send(Request::SyncState(state)).await;
        if let Some(offer) = self.peer.negotiation().unanswered() {
            self.signal.send(Request::Offer(offer)).await;
        }
        self.signal.set_reconnected().await;
    }

    /// Says goodbye and closes.
    pub(crate) async fn leave(&mut self) {
        let goodbye = proto::LeaveRequest {
            reason: proto::DisconnectReason::ClientInitiated as i32,
            action: proto::leave_request::Action::Disconnect as i32,
            ..proto::LeaveRequest::default()
        };
        self.peer.close();
        self.stop_resume();
        let said = async {
            self.signal.send(Request::Leave(goodbye)).await;
            self.signal.close().await;
        };
        let _ = tokio::time::timeout(GOODBYE, said).await;
    }

    /// Closes without a word.
    pub(crate) async fn abandon(&mut self) {
        self.peer.close();
        self.stop_resume();
        let _ = tokio::time::timeout(GOODBYE, self.signal.close()).await;
    }

    fn stop_resume(&mut self) {
        if let Some(resume) = self.resume.take() {
            resume.task.abort();
        }
        if let Some(tcp) = self.tcp.take() {
            tcp.abort();
        }
    }
}

/// What came of a resume.
pub(super) type Resumed = Result<proto::ReconnectResponse, SignalError>;

/// Waits for the resume that is under way, if one is.
pub(super) async fn resumed(resume: &mut Option<Resume>) -> Resumed {
    match resume {
        Some(resume) => match (&mut resume.task).await {
            Ok(resumed) => resumed,
            Err(_) => Err(SignalError::Closed),
        },
        None => pending().await,
    }
}

/// Waits for the TCP connection that is being made, if one is.
pub(super) async fn connected(tcp: &mut Option<TcpConnecting>) -> io::Result<FramedTcp> {
    match tcp {
        Some(connecting) => match connecting.await {
            Ok(connected) => connected,
            Err(_) => Err(io::ErrorKind::Interrupted.into()),
        },
        None => pending().await,
    }
}

fn signal_options(options: &Options) -> SignalOptions {
    let mut asked = SignalOptions::default();
    asked.auto_subscribe = options.subscribe == AutoSubscribe::Audio;
    asked.single_peer_connection = true;
    asked.sdk_options.sdk = "rust".to_owned();
    asked.sdk_options.sdk_version = Some(env!("CARGO_PKG_VERSION").to_owned());
    // We strip no packet trailers, inflate no streams and make no calls over them: what we do not do must not be promised
    // (pitfall 14).
    asked.client_capabilities = Vec::new();
    asked.client_protocol = CLIENT_PROTOCOL_DEFAULT;
    asked
}

/// Where media will go, as far as can be known before the server names its candidates.
async fn server_address(url: &str) -> Result<SocketAddr, ConnectError> {
    let (host, port) = host_and_port(url).ok_or_else(|| ConnectError::Address(redact(url)))?;
    let mut addresses: Vec<SocketAddr> = match lookup_host((host, port)).await {
        Ok(addresses) => addresses.collect(),
        Err(error) => return Err(ConnectError::Unreachable(chain(&error))),
    };
    // Servers announce IPv4 candidates first of all.
    addresses.sort_by_key(|address| !address.is_ipv4());
    addresses.first().copied().ok_or_else(|| ConnectError::Address(redact(url)))
}

fn host_and_port(url: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let usual = if matches!(scheme, "wss" | "https") { 443 } else { 80 };
    if let Some(v6) = authority.strip_prefix('[') {
        let (host, port) = v6.split_once(']')?;
        return Some((host, port.strip_prefix(':').map_or(Some(usual), |port| port.parse().ok())?));
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host, port.parse().ok()?)),
        None => Some((authority, usual)).filter(|(host, _)| !host.is_empty()),
    }
}

/// rustls finds two providers in one program and wants to be told which (pitfall 13). The application's choice goes first.
pub(crate) fn install_tls_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_hosts_and_ports() {
        assert_eq!(host_and_port("ws://127.0.0.1:7880"), Some(("127.0.0.1", 7880)));
        assert_eq!(host_and_port("wss://x.livekit.cloud/path"), Some(("x.livekit.cloud", 443)));
        assert_eq!(host_and_port("http://[::1]:80/"), Some(("::1", 80)));
        assert_eq!(host_and_port("https://[::1]"), Some(("::1", 443)));
        for bad in ["", "localhost", "ws://", "ws://host:port"] {
            assert_eq!(host_and_port(bad), None, "{bad}");
        }
    }

    // Pitfall 13.
    #[test]
    fn a_tls_provider_is_there_afterwards() {
        install_tls_provider();
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    }

    // Pitfall 14.
    #[test]
    fn nothing_is_promised_that_is_not_kept() {
        let asked = signal_options(&Options::new("ws://x", "t"));
        assert!(asked.client_capabilities.is_empty());
        assert_eq!(asked.client_protocol, CLIENT_PROTOCOL_DEFAULT);
        assert!(asked.single_peer_connection && asked.auto_subscribe);
    }
}
