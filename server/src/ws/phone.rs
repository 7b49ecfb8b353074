//! `/ws/phone`: a phone of the embedded exchange.

use axum::{
    extract::{State, ws::Message},
    response::Response,
};
use tokio::time::{MissedTickBehavior, interval};
use warmline_api::{PhoneNumber, PhoneOrder};

use super::{
    Upgrade,
    listen::{PING, from_bytes, to_bytes},
    peer::{Gone, Peer},
};
use crate::http::{ApiError, AppState, Params, Phone, PhoneError, PhoneEvent};

pub(crate) async fn open(
    State(state): State<AppState>,
    params: Params,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let number = number(params)?;
    let admitted = upgrade.admit(&state)?;
    let phone = state.calls.open_phone(&number).map_err(|error| match error {
        PhoneError::NoExchange => {
            ApiError::not_found("There is no telephone exchange here: calls are placed over LiveKit.")
        }
        PhoneError::Taken => ApiError::conflict("There is an open phone for this number already."),
    })?;
    Ok(admitted.open("phone", async move |mut peer| {
        let Err(Gone) = run(&mut peer, phone).await;
    }))
}

/// The number in the query. A plus that was not escaped arrives as a space.
fn number(mut params: Params) -> Result<PhoneNumber, ApiError> {
    let text = params.text("number").map(|text| match text.strip_prefix(' ') {
        Some(rest) => format!("+{rest}"),
        None => text.to_owned(),
    });
    let number = match text.as_deref().map(str::parse::<PhoneNumber>) {
        Some(Ok(number)) => return Ok(number),
        Some(Err(wrong)) => ("value_error", wrong.to_string()),
        None => ("missing", "Field required".to_owned()),
    };
    params.refuse("number", number.0, &number.1);
    params.done().and(Err(ApiError::internal()))
}

async fn run(peer: &mut Peer, mut phone: Box<dyn Phone>) -> Result<std::convert::Infallible, Gone> {
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = phone.event() => peer.send(to_message(event)).await?,
            message = peer.receive() => on_message(&*phone, message?),
            _ = ping.tick() => peer.ping().await?,
        }
    }
}

fn to_message(event: PhoneEvent) -> Message {
    match event {
        PhoneEvent::Audio(frame) => Message::Binary(to_bytes(&frame)),
        PhoneEvent::Message(message) => Message::Text(serde_json::to_string(&message).unwrap_or_default().into()),
    }
}

/// What makes no sense is passed over: a phone has nobody to complain to.
fn on_message(phone: &dyn Phone, message: Message) {
    match message {
        Message::Binary(bytes) => match from_bytes(&bytes) {
            Some(frame) => phone.speak(frame),
            None => tracing::debug!(bytes = bytes.len(), "a phone sent a frame of the wrong length"),
        },
        Message::Text(text) => match serde_json::from_str::<PhoneOrder>(&text) {
            Ok(PhoneOrder::Dtmf { digit }) if !"0123456789*#".contains(digit) => {
                tracing::debug!("a phone sent a key that does not exist");
            }
            Ok(order) => phone.act(order),
            Err(_) => tracing::debug!("a phone sent a message that is not understood"),
        },
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) => {}
    }
}
