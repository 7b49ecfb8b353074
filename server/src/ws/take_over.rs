//! `/ws/take-over/{id}`: somebody speaks with the customer in the agent's place, from the first frame of theirs on and for as
//! long as the socket is open.
//!
//! Their end of the line is all there is to it: whatever becomes of the handshake, the socket or this task, it is dropped,
//! and the call hears of it.

use axum::{
    extract::{
        Path, State,
        ws::{Message, close_code},
    },
    response::Response,
};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval};
use warmline_telephony::{FRAME_TIME, Line, LineEnd};

use super::{
    Upgrade,
    listen::{PING, from_bytes, to_bytes},
    peer::{Gone, Peer},
};
use crate::http::{ApiError, AppState, Operator, find};

/// A microphone sends all the time, also silence. One that was there and has sent nothing for so long is gone: 3 s.
const LOST: Duration = Duration::from_secs(3);

pub(crate) async fn open(
    State(state): State<AppState>,
    Path(call): Path<String>,
    Operator(by): Operator,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let call = find(&state, &call).await?.call;
    let admitted = upgrade.admit(&state)?;
    let (line, end) = Line::new();
    state.calls.take_over(&call, line, by).await?;
    Ok(admitted.open("take_over", async move |mut peer| {
        if run(&mut peer, &end).await.is_ok() {
            peer.close(close_code::NORMAL, "the customer is with the agent again").await;
        }
    }))
}

/// Passes sound on, both ways, until the line ends.
async fn run(peer: &mut Peer, end: &LineEnd) -> Result<(), Gone> {
    let mut frames = interval(FRAME_TIME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard_at: Option<Instant> = None;
    loop {
        tokio::select! {
            _ = frames.tick() => {
                if heard_at.is_some_and(|at| at.elapsed() > LOST) {
                    return Err(Gone);
                }
                peer.send(Message::Binary(to_bytes(&end.next_frame()))).await?;
            }
            message = peer.receive() => {
                if let Message::Binary(bytes) = message?
                    && let Some(frame) = from_bytes(&bytes)
                {
                    heard_at = Some(Instant::now());
                    end.hear(frame);
                }
            }
            () = end.forsaken() => return Ok(()),
            _ = ping.tick() => peer.ping().await?,
        }
    }
}
