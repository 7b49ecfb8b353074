use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket, tcp},
    sync::mpsc,
    time::timeout,
};

use super::Impairment;

/// The largest datagram.
pub(crate) const LARGEST: usize = 2_000;

/// How long the server may take to accept a TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Frames that wait to be written to the TCP connection: past that they are lost, as datagrams would be.
const TCP_QUEUE: usize = 64;

/// One peer connection's own socket (pitfall 15).
#[derive(Debug)]
pub(crate) struct Wire {
    udp: UdpSocket,
    local: SocketAddr,
    tcp: Option<FramedTcp>,
    impairment: Impairment,
}

/// A TCP connection with RFC 4571 frames: each is preceded by its length in two bytes.
#[derive(Debug)]
pub(crate) struct FramedTcp {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    incoming: mpsc::Receiver<Vec<u8>>,
    outgoing: mpsc::Sender<Vec<u8>>,
}

/// How a datagram came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Udp { from: SocketAddr, length: usize },
    Tcp { length: usize },
}

impl Wire {
    /// A socket of its own on the address from which that host is reached.
    pub(crate) async fn towards(host: SocketAddr, impairment: Impairment) -> io::Result<Self> {
        let udp = UdpSocket::bind(SocketAddr::new(address_towards(host).await?, 0)).await?;
        let local = udp.local_addr()?;
        Ok(Self { udp, local, tcp: None, impairment })
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    pub(crate) fn tcp(&self) -> Option<&FramedTcp> {
        self.tcp.as_ref()
    }

    pub(crate) fn use_tcp(&mut self, tcp: FramedTcp) {
        self.tcp = Some(tcp);
    }

    /// Waits until something comes.
    pub(crate) async fn receive(&mut self, buffer: &mut [u8; LARGEST]) -> io::Result<Via> {
        loop {
            let Some(tcp) = &mut self.tcp else {
                let (length, from) = self.udp.recv_from(buffer).await?;
                if self.lets_in(&buffer[..length]) {
                    return Ok(Via::Udp { from, length });
                }
                continue;
            };
            tokio::select! {
                received = self.udp.recv_from(buffer) => {
                    let (length, from) = received?;
                    if self.lets_in(&buffer[..length]) {
                        return Ok(Via::Udp { from, length });
                    }
                }
                frame = tcp.incoming.recv() => match frame {
                    Some(frame) => {
                        let length = frame.len().min(LARGEST);
                        buffer[..length].copy_from_slice(&frame[..length]);
                        return Ok(Via::Tcp { length });
                    }
                    None => self.tcp = None,
                },
            }
        }
    }

    /// Another datagram that is there already.
    pub(crate) fn try_receive(&mut self, buffer: &mut [u8; LARGEST]) -> Option<Via> {
        let (length, from) = self.udp.try_recv_from(buffer).ok()?;
        self.lets_in(&buffer[..length]).then_some(Via::Udp { from, length })
    }

    /// Sends, or loses it: media is not worth waiting for.
    pub(crate) fn send_udp(&self, datagram: &[u8], to: SocketAddr) {
        if !self.impairment.is_udp_cut()
            && let Err(error) = self.udp.try_send_to(datagram, to)
        {
            tracing::trace!(%error, %to, "a datagram was lost");
        }
    }

    pub(crate) fn send_tcp(&self, frame: &[u8]) {
        if let Some(tcp) = &self.tcp
            && tcp.outgoing.try_send(frame.to_vec()).is_err()
        {
            tracing::trace!("a frame was lost: the TCP connection is slow or gone");
        }
    }

    fn lets_in(&self, datagram: &[u8]) -> bool {
        !self.impairment.is_udp_cut() && !self.impairment.loses(datagram)
    }
}

impl FramedTcp {
    /// Connects to a server's passive TCP candidate.
    pub(crate) async fn connect(remote: SocketAddr) -> io::Result<Self> {
        let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(remote)).await??;
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let (reader, writer) = stream.into_split();
        let (from_reader, incoming) = mpsc::channel(TCP_QUEUE);
        let (outgoing, to_writer) = mpsc::channel(TCP_QUEUE);
        // Both end with the connection or with the wire, which drops the other ends of the channels.
        tokio::spawn(read_frames(reader, from_reader));
        tokio::spawn(write_frames(writer, to_writer));
        Ok(Self { local, remote, incoming, outgoing })
    }
}

async fn read_frames(mut reader: tcp::OwnedReadHalf, frames: mpsc::Sender<Vec<u8>>) {
    loop {
        let read = async {
            let length = reader.read_u16().await?;
            let mut frame = vec![0; usize::from(length)];
            reader.read_exact(&mut frame).await?;
            io::Result::Ok(frame)
        };
        tokio::select! {
            frame = read => {
                let Ok(frame) = frame else { return };
                if frames.send(frame).await.is_err() {
                    return;
                }
            }
            () = frames.closed() => return,
        }
    }
}

async fn write_frames(mut writer: tcp::OwnedWriteHalf, mut frames: mpsc::Receiver<Vec<u8>>) {
    while let Some(frame) = frames.recv().await {
        let Ok(length) = u16::try_from(frame.len()) else { continue };
        let mut framed = Vec::with_capacity(2 + frame.len());
        framed.extend_from_slice(&length.to_be_bytes());
        framed.extend_from_slice(&frame);
        if writer.write_all(&framed).await.is_err() {
            return;
        }
    }
}

/// Our address as that host would see it, were there nothing in between. Sends nothing.
async fn address_towards(host: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = if host.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let probe = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    probe.connect(host).await?;
    Ok(probe.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_address_is_the_one_that_reaches_the_host() {
        let address = address_towards(([127, 0, 0, 1], 7880).into()).await.unwrap();
        assert_eq!(address, IpAddr::from([127, 0, 0, 1]));
    }

    #[tokio::test]
    async fn frames_cross_a_tcp_connection_whole() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = FramedTcp::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let mut wire = Wire::towards(tcp.remote, Impairment::new()).await.unwrap();
        wire.use_tcp(tcp);
        wire.send_tcp(b"hello");
        let mut framed = [0; 7];
        server.read_exact(&mut framed).await.unwrap();
        assert_eq!(&framed, b"\0\x05hello");
        // Two frames in pieces.
        server.write_all(b"\0\x03o").await.unwrap();
        server.write_all(b"ne\0\x03two").await.unwrap();
        let mut buffer = [0; LARGEST];
        assert_eq!(wire.receive(&mut buffer).await.unwrap(), Via::Tcp { length: 3 });
        assert_eq!(&buffer[..3], b"one");
        assert_eq!(wire.receive(&mut buffer).await.unwrap(), Via::Tcp { length: 3 });
        assert_eq!(&buffer[..3], b"two");
    }
}
