//! `/ws/take-over/{id}`: somebody speaks with the customer in the agent's place, for as long as the socket is open.

use axum::{
    extract::{
        Path, State,
        ws::{Message, close_code},
    },
    response::Response,
};
use tokio::time::{MissedTickBehavior, interval};
use warmline_call::{CallId, OperatorAction};
use warmline_telephony::{FRAME_TIME, Line, LineEnd};

use super::{
    Upgrade,
    listen::{PING, from_bytes, to_bytes},
    peer::{Gone, Peer},
};
use crate::http::{ApiError, AppState, Operator, find};

pub(crate) async fn open(
    State(state): State<AppState>,
    Path(call): Path<String>,
    Operator(by): Operator,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let call = find(&state, &call).await?.call;
    let admitted = upgrade.admit(&state)?;
    let (line, end) = Line::new();
    state.calls.take_over(&call, line, by.clone()).await?;
    let mut seat = Seat { state, call, by, end, taken: true };
    Ok(admitted.open("take_over", async move |mut peer| {
        if run(&mut peer, &seat.end).await.is_ok() {
            seat.leave();
            peer.close(close_code::NORMAL, "the customer is with the agent again").await;
        }
    }))
}

/// Whoever has taken over. Dropped, the customer is given back.
struct Seat {
    state: AppState,
    call: CallId,
    by: String,
    end: LineEnd,
    /// They speak in the agent's place still.
    taken: bool,
}

impl Seat {
    /// Nothing is to be given back any more.
    fn leave(&mut self) {
        self.taken = false;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if !self.taken {
            return;
        }
        let (calls, call, by) = (self.state.calls.clone(), self.call.clone(), self.by.clone());
        tokio::spawn(async move {
            // Refused where somebody else has given back already, or the call is over.
            let _refused = calls.act(&call, OperatorAction::GiveBack, by).await;
        });
    }
}

/// Passes sound on, both ways, until the line ends.
async fn run(peer: &mut Peer, end: &LineEnd) -> Result<(), Gone> {
    let mut frames = interval(FRAME_TIME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = frames.tick() => peer.send(Message::Binary(to_bytes(&end.next_frame()))).await?,
            message = peer.receive() => {
                if let Message::Binary(bytes) = message?
                    && let Some(frame) = from_bytes(&bytes)
                {
                    end.hear(frame);
                }
            }
            () = end.forsaken() => return Ok(()),
            _ = ping.tick() => peer.ping().await?,
        }
    }
}
