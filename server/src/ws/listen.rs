//! `/ws/listen/{id}`: what is said on a call, for somebody whom nobody hears.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{
        Path, State,
        ws::{Message, close_code},
    },
    response::Response,
};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{MissedTickBehavior, interval},
};
use warmline_telephony::{FRAME_SAMPLES, Frame};

use super::{
    Upgrade,
    peer::{Gone, Peer},
};
use crate::{
    calls::{ActError, Listening},
    http::{ApiError, AppState, Operator, find},
};

/// How often a client has to show that it is there.
pub(super) const PING: Duration = Duration::from_secs(15);

pub(crate) async fn open(
    State(state): State<AppState>,
    Path(call): Path<String>,
    Operator(by): Operator,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let view = find(&state, &call).await?;
    let admitted = upgrade.admit(&state)?;
    // From here on they are shown, until this is dropped, wherever the handshake or the socket may end.
    let mut listening = state.calls.listen(&view.call, by).await.map_err(|error| match error {
        ActError::Unknown => {
            ApiError::conflict(format!("There is nothing to hear: the call is in phase {}.", view.phase))
        }
        error => error.into(),
    })?;
    Ok(admitted.open("listen", async move |mut peer| {
        let Listening { heard, .. } = &mut listening;
        if run(&mut peer, heard).await.is_ok() {
            peer.close(close_code::NORMAL, "the call is over").await;
        }
    }))
}

/// Passes on what is heard until the call is over. A listener who can't keep up misses something.
async fn run(peer: &mut Peer, heard: &mut Receiver<Arc<Frame>>) -> Result<(), Gone> {
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            frame = heard.recv() => match frame {
                Ok(frame) => peer.send(Message::Binary(to_bytes(&frame))).await?,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok(()),
            },
            _ = ping.tick() => peer.ping().await?,
            message = peer.receive() => drop(message?),
        }
    }
}

/// A frame on the wire: 640 bytes, signed 16 bit, little endian.
pub(super) fn to_bytes(frame: &Frame) -> Bytes {
    frame.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// A frame from the wire; anything but 640 bytes is none.
pub(super) fn from_bytes(bytes: &[u8]) -> Option<Frame> {
    if bytes.len() != 2 * FRAME_SAMPLES {
        return None;
    }
    let mut frame = [0; FRAME_SAMPLES];
    for (sample, pair) in frame.iter_mut().zip(bytes.chunks_exact(2)) {
        *sample = i16::from_le_bytes([pair[0], pair[1]]);
    }
    Some(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_from_the_wire() {
        let frame: Frame = std::array::from_fn(|n| (n as i16 - 160).wrapping_mul(200));
        let bytes = to_bytes(&frame);
        assert_eq!(bytes.len(), 640);
        assert_eq!(from_bytes(&bytes), Some(frame));
        assert_eq!(from_bytes(&bytes[1..]), None);
    }
}
