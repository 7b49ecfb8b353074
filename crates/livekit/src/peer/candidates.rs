//! Where the server can be reached: its ICE candidates, over UDP and TCP.

use std::{net::SocketAddr, time::Instant};

use str0m::{
    Candidate, RtcError,
    net::{Protocol, TcpType},
};

use super::{FramedTcp, Peer, PeerError};

/// Candidates of the server's that are kept at most, of each kind: nobody has more ways in.
pub(super) const MOST_CANDIDATES: usize = 64;

impl Peer {
    /// A candidate of the server's: JSON with a candidate line (pitfall 6).
    pub(crate) fn candidate(&mut self, json: &str) -> Result<(), PeerError> {
        let Some(candidate) = parse_candidate(json) else { return Ok(()) };
        if candidate.proto() != Protocol::Udp {
            if !self.tcp_candidates.contains(&candidate.addr()) && self.tcp_candidates.len() < MOST_CANDIDATES {
                self.tcp_candidates.push(candidate.addr());
            }
            return Ok(());
        }
        // An answer to come may begin a new generation of ICE, and forget the candidates that came before it.
        if self.negotiation.is_answered() {
            self.rtc.add_remote_candidate(candidate);
            return self.check_at_once();
        }
        if self.early_candidates.len() < MOST_CANDIDATES {
            self.early_candidates.push(candidate);
        }
        Ok(())
    }

    /// Asks the server at a new address now. By itself str0m waits 50 ms, in case that more addresses come.
    pub(super) fn check_at_once(&mut self) -> Result<(), PeerError> {
        self.handle_timeout(Instant::now())
    }

    /// Where the server takes ICE over TCP.
    pub(crate) fn tcp_candidates(&self) -> &[SocketAddr] {
        &self.tcp_candidates
    }

    /// Goes on over this TCP connection.
    pub(crate) fn use_tcp(&mut self, tcp: FramedTcp) -> Result<(), PeerError> {
        let ours =
            Candidate::builder().tcp().host(tcp.local).tcptype(TcpType::Active).build().map_err(RtcError::from)?;
        let theirs =
            Candidate::builder().tcp().host(tcp.remote).tcptype(TcpType::Passive).build().map_err(RtcError::from)?;
        self.wire.use_tcp(tcp);
        self.rtc.add_local_candidate(ours);
        self.rtc.add_remote_candidate(theirs);
        self.check_at_once()
    }
}

fn parse_candidate(json: &str) -> Option<Candidate> {
    let init: serde_json::Value = serde_json::from_str(json).ok()?;
    let line = init.get("candidate")?.as_str().filter(|line| !line.is_empty())?;
    match Candidate::from_sdp_string(line) {
        Ok(candidate) => Some(candidate),
        Err(error) => {
            tracing::debug!(%error, line, "a candidate of the server's was passed over");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Pitfall 6.
    #[test]
    fn candidates_come_as_json() {
        let json =
            r#"{"candidate":"candidate:1 1 udp 2130706431 127.0.0.1 50100 typ host","sdpMid":"0","sdpMLineIndex":0}"#;
        assert_eq!(parse_candidate(json).unwrap().addr(), ([127, 0, 0, 1], 50_100).into());
        for bad in ["", "{}", r#"{"candidate":""}"#, r#"{"candidate":"junk"}"#, r#"{"candidate":7}"#] {
            assert!(parse_candidate(bad).is_none(), "{bad}");
        }
    }
}
