//! One dialled number: a phone of the exchange on the one side, a SIP participant of a room on the other.

use std::{
    collections::{BTreeMap, HashMap},
    str::FromStr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::FutureExt;
use livekit_protocol as proto;
use rand::{Rng, distr::Alphanumeric};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};
use warmline_call::{CallId, LegFact, LegRef};
use warmline_livekit::{Participant, ParticipantEvent, RemoteTrack};
use warmline_telephony::{Dial, Dialled, Frame, Heard, Line, Source, Telephony, mix};

use super::{
    Inner, lock,
    moves::Moves,
    outcome::Refused,
    relay::Relay,
    twirp::TwirpError,
    who::{Joined, Who},
};
use crate::tap::Tap;

/// How long a busy callee's participant lingers in the room.
const LINGER: Duration = Duration::from_secs(2);

/// How long a number takes to be refused that [`super::Carrier::refuse`] names.
const REFUSED_AFTER: Duration = Duration::from_millis(100);

/// The participant of a leg.
struct SimulatedLeg {
    who: Who,
    participant: Participant,
    relay: Relay,
    /// What the phone says, until it is fetched to be sent.
    microphone: Arc<Mutex<Tap>>,
    /// Audio tracks of others, by their ids, and whether they are subscribed to.
    published: Vec<String>,
    heard: Arc<Mutex<Speakers>>,
    outcome: Option<oneshot::Sender<Result<(), Refused>>>,
    answered: bool,
}

/// Who is heard, by the ids of their tracks.
type Speakers = HashMap<String, Queue>;

/// A track that is heard, and frames of it.
struct Queue {
    audio: RemoteTrack,
    tap: Tap,
}

/// Joins who is dialled to the room and lets the phone ring. `outcome` is told whether it was answered.
pub(super) async fn begin(
    inner: &Arc<Inner>,
    request: proto::CreateSipParticipantRequest,
    outcome: oneshot::Sender<Result<(), Refused>>,
) -> Result<proto::SipParticipantInfo, TwirpError> {
    let failed = |error: &dyn std::fmt::Display| TwirpError::new(500, "internal", error.to_string());
    let call_id = random_id("SCL_");
    let who = Who::dialled(inner, &request, &call_id);
    let Joined { participant, events, relay, microphone } =
        Joined::as_who(inner, &who, &request.room_name).await.map_err(|e| failed(&e))?;
    let moves = inner.moves.register(&request.room_name, &who.identity);
    let member = inner.services.participant(&request.room_name, participant.identity()).await;
    let info = proto::SipParticipantInfo {
        participant_id: member.map(|m| m.participant.sid).unwrap_or_default(),
        participant_identity: participant.identity().to_owned(),
        room_name: request.room_name.clone(),
        sip_call_id: call_id,
    };
    let leg = SimulatedLeg {
        who,
        participant,
        relay,
        microphone,
        published: Vec::new(),
        heard: Arc::default(),
        outcome: Some(outcome),
        answered: false,
    };
    let inner = Arc::clone(inner);
    tokio::spawn(async move {
        let hung_up = inner.legs.clone();
        tokio::select! {
            () = run(&inner, leg, (events, moves), request) => {}
            () = hung_up.cancelled() => {}
        }
    });
    Ok(info)
}

async fn run(
    inner: &Inner,
    leg: SimulatedLeg,
    (mut events, mut moves): (mpsc::Receiver<ParticipantEvent>, Moves),
    request: proto::CreateSipParticipantRequest,
) {
    if let Some(status) = inner.refusal(&request.sip_call_to) {
        sleep(REFUSED_AFTER).await;
        return leg.refuse(Refused::with_status(status)).await;
    }
    let dial = dial(&request);
    let Ok(room) = inner.exchange.open(&call_of(&request.room_name)).await else {
        return leg.refuse(Refused::with_status(503)).await;
    };
    match room.dial(dial).await {
        Ok(dialled) => leg.follow(inner, dialled, &mut events, &mut moves).await,
        Err(error) => leg.refuse(Refused::with_status(error.sip_status.unwrap_or(503))).await,
    }
    room.close().await;
}

impl SimulatedLeg {
    /// From the ringing to the end of the call.
    async fn follow(
        mut self,
        inner: &Inner,
        dialled: Dialled,
        events: &mut mpsc::Receiver<ParticipantEvent>,
        moves: &mut Moves,
    ) {
        let Dialled { mut progress, line, .. } = dialled;
        let Line { mut ear, mouth } = line;
        let mut listening = true;
        loop {
            tokio::select! {
                fact = progress.recv() => match fact {
                    Some(LegFact::Ringing) => self.status("ringing", &[]).await,
                    Some(LegFact::Answered) => {
                        self.answer().await;
                        mouth.play_source(played(&self.heard));
                        // What was said meanwhile would be late for the whole call.
                        while let Some(Some(heard)) = ear.hear().now_or_never() {
                            if let Heard::Key(key) = heard {
                                let _ = self.participant.send_dtmf(key, Vec::new()).await;
                            }
                        }
                    }
                    Some(LegFact::Left(_)) if self.answered => return self.participant.close().await,
                    Some(LegFact::Left(left)) => return self.refuse(Refused::from_left(&left)).await,
                    None => return self.participant.close().await,
                },
                heard = ear.hear(), if listening => match heard {
                    Some(Heard::Frame(frame)) => lock(&self.microphone).push(frame),
                    Some(Heard::Key(key)) => drop(self.participant.send_dtmf(key, Vec::new()).await),
                    None => listening = false,
                },
                event = events.recv() => match event {
                    Some(ParticipantEvent::Disconnected(_)) | None => return,
                    Some(event) => self.on_event(event).await,
                },
                order = moves.next() => {
                    let moved = self.move_to(inner, &order.to, events).await;
                    if moved.is_ok() {
                        moves.moved_to(&order.to);
                    }
                    let _ = order.done.send(moved);
                }
            }
        }
    }

    async fn on_event(&mut self, event: ParticipantEvent) {
        match event {
            ParticipantEvent::TrackPublished { track, .. } if track.audio => {
                self.published.push(track.sid.clone());
                if self.answered {
                    let _ = self.participant.subscribe(vec![track.sid], true).await;
                }
            }
            ParticipantEvent::TrackUnpublished { sid, .. } => {
                self.published.retain(|known| *known != sid);
                lock(&self.heard).remove(&sid);
            }
            ParticipantEvent::TrackSubscribed { audio, .. } => {
                let queue = Queue { tap: Tap::default(), audio };
                lock(&self.heard).insert(queue.audio.sid().to_owned(), queue);
            }
            ParticipantEvent::TrackUnsubscribed { sid, .. } => drop(lock(&self.heard).remove(&sid)),
            // As the real service does after a reconnect.
            ParticipantEvent::Rejoined | ParticipantEvent::Resumed if self.answered => {
                let _ = self.participant.subscribe(self.published.clone(), true).await;
            }
            _ => {}
        }
    }

    /// Joins another room as the same, and leaves this one then.
    async fn move_to(
        &mut self,
        inner: &Inner,
        to: &str,
        events: &mut mpsc::Receiver<ParticipantEvent>,
    ) -> Result<(), String> {
        let joined = Joined::as_who(inner, &self.who, to).await?;
        let left = std::mem::replace(&mut self.participant, joined.participant);
        self.relay = joined.relay;
        self.microphone = joined.microphone;
        self.published.clear();
        lock(&self.heard).clear();
        *events = joined.events;
        tokio::spawn(left.close());
        Ok(())
    }

    async fn answer(&mut self) {
        self.answered = true;
        let (id, tag) = (random_id(""), random_id(""));
        // The real service waits for no answer to the one before it does the other.
        let others = [("sip.callIDFull", id.as_str()), ("sip.callTag", tag.as_str())];
        let pairs = others.iter().copied().chain([("sip.callStatus", "active")]);
        let attributes: BTreeMap<String, String> =
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        self.who.attributes.extend(attributes.clone());
        let status = self.participant.set_attributes(attributes);
        let (told, _) = tokio::join!(status, self.participant.subscribe(self.published.clone(), true));
        if let Err(error) = told {
            tracing::warn!(%error, "a simulated leg's answer could not be told");
        }
        if let Some(outcome) = self.outcome.take() {
            let _ = outcome.send(Ok(()));
        }
    }

    async fn refuse(mut self, refused: Refused) {
        self.relay.leave_as(refused.reason);
        let busy = refused.sip_status == Some(486);
        if let Some(outcome) = self.outcome.take() {
            let _ = outcome.send(Err(refused));
        }
        if busy {
            sleep(LINGER).await;
        }
        self.participant.close().await;
    }

    async fn status(&mut self, status: &str, others: &[(&str, &str)]) {
        let pairs = others.iter().copied().chain([("sip.callStatus", status)]);
        let attributes: BTreeMap<String, String> =
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        self.who.attributes.extend(attributes.clone());
        if let Err(error) = self.participant.set_attributes(attributes).await {
            tracing::warn!(%error, "a simulated leg's status could not be set");
        }
    }
}

impl Queue {
    fn next(&mut self) -> Option<Frame> {
        while let Some(frame) = self.audio.try_next_frame() {
            self.tap.push(frame);
        }
        self.tap.next()
    }
}

/// Everybody who is heard, mixed: what the phone fetches.
fn played(heard: &Arc<Mutex<Speakers>>) -> Box<Source> {
    let heard = Arc::clone(heard);
    Box::new(move || {
        let frames: Vec<Frame> = lock(&heard).values_mut().filter_map(Queue::next).collect();
        (!frames.is_empty()).then(|| mix(&frames.iter().collect::<Vec<_>>()))
    })
}

fn dial(request: &proto::CreateSipParticipantRequest) -> Dial {
    let seconds = |time: &Option<_>, default| time.as_ref().map_or(default, wire_seconds);
    Dial {
        leg: leg_of(&request.participant_identity),
        number: request.sip_call_to.as_str().into(),
        identity: request.participant_identity.clone(),
        ring: seconds(&request.ringing_timeout, Duration::from_secs(180)),
        max_duration: seconds(&request.max_call_duration, Duration::from_secs(86_400)),
    }
}

fn wire_seconds(time: &pbjson_types::Duration) -> Duration {
    Duration::new(time.seconds.try_into().unwrap_or_default(), time.nanos.try_into().unwrap_or_default())
}

/// Which leg an identity of Warmline's is: recordings and default personas go by it. Anybody else is a customer.
fn leg_of(identity: &str) -> LegRef {
    match identity.split_once("-supervisor") {
        Some((_, "")) => LegRef::Supervisor(1),
        Some((_, rest)) => LegRef::Supervisor(rest.trim_start_matches('-').parse().unwrap_or(1)),
        None => LegRef::Customer,
    }
}

/// The call that a room is of. Rooms with other names are calls of the exchange nevertheless.
fn call_of(room: &str) -> CallId {
    let name = room.strip_suffix("-supervisor").unwrap_or(room);
    CallId::from_str(name).unwrap_or_else(|_| CallId::from_bits(rand::random()))
}

fn random_id(prefix: &str) -> String {
    let random = rand::rng().sample_iter(Alphanumeric).take(12).map(char::from);
    prefix.chars().chain(random).collect()
}
