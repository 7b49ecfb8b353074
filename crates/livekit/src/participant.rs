use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use livekit_protocol::{self as proto, data_packet::Value};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    LocalTrack, Options, ParticipantEvent, RequestError, RpcError, SubscriptionPermissions, TrackOptions,
    engine::{Command, EVENTS, Engine, Link, Outbound, OwnChange, token},
    error::ConnectError,
    rpc::Call,
    text,
    track::{Source, local_track},
};

/// Commands that wait for the participant's task.
const COMMANDS: usize = 64;

/// How long the server may take to answer a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long leaving may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What one says about somebody's speech.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcription<'a> {
    /// The id of the utterance: later transcriptions with the same replace earlier ones.
    pub segment: &'a str,
    /// The server's id of the track on which it was said.
    pub track: &'a str,
    /// What was said.
    pub text: &'a str,
    /// Whether nothing of it will change any more.
    pub is_final: bool,
}

/// A participant of a LiveKit room. It leaves the room when it is dropped.
#[derive(Debug)]
pub struct Participant {
    commands: mpsc::Sender<Command>,
    identity: String,
    room: String,
    next_track: AtomicU64,
    _alive: oneshot::Sender<()>,
}

impl Participant {
    /// Joins a room. Comes back when media flows: tracks that are published then are heard at once. What the room is like
    /// and what happens in it comes as events; who keeps thousands of them unread is taken out of the room, unless the
    /// receiver was dropped.
    ///
    /// # Errors
    /// [`ConnectError`]; nothing is retried.
    pub async fn connect(options: Options) -> Result<(Self, mpsc::Receiver<ParticipantEvent>), ConnectError> {
        let token = token(&options.token, None).await?;
        let joining = timeout(options.connect_timeout, Link::connect(&options, &token));
        let link = match joining.await {
            Ok(joined) => joined?,
            Err(_) => return Err(ConnectError::Unreachable("no answer".to_owned())),
        };
        let (identity, room) = (link.own_identity().to_owned(), link.room().to_owned());
        let (commands, received) = mpsc::channel(COMMANDS);
        let (events, told) = mpsc::channel(EVENTS);
        let (alive, lives) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let engine = Engine::new(options, received, events, lives, ready, commands.downgrade());
        tokio::spawn(engine.run(link));
        match is_ready.await {
            Ok(ready) => ready?,
            Err(_) => return Err(ConnectError::Internal("the session ended while it began".to_owned())),
        }
        Ok((Self { commands, identity, room, next_track: AtomicU64::new(0), _alive: alive }, told))
    }

    /// Our own identity.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The name of the room.
    #[must_use]
    pub fn room(&self) -> &str {
        &self.room
    }

    /// Publishes an audio track that is written to. Comes back when it can be heard.
    ///
    /// # Errors
    /// [`RequestError`] when the server does not publish it, or the rate is neither 16,000 nor 48,000.
    pub async fn publish(&self, options: TrackOptions) -> Result<LocalTrack, RequestError> {
        self.publish_any(options, None).await
    }

    /// Publishes an audio track whose frames are fetched when they are due, 20 ms each: no queue, no second clock.
    /// The source is called by the participant's task and must not block.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish).
    pub async fn publish_source(
        &self,
        options: TrackOptions,
        source: impl FnMut(&mut [i16]) -> bool + Send + 'static,
    ) -> Result<LocalTrack, RequestError> {
        self.publish_any(options, Some(Box::new(source))).await
    }

    /// Says who may hear which of our tracks, from now on and also after the room was joined anew.
    ///
    /// # Errors
    /// [`RequestError::Left`].
    pub async fn set_permissions(&self, permissions: SubscriptionPermissions) -> Result<(), RequestError> {
        self.command(Command::Permissions(permissions)).await
    }

    /// Subscribes to these tracks, or no longer does.
    ///
    /// # Errors
    /// [`RequestError::Left`].
    pub async fn subscribe(&self, sids: Vec<String>, subscribe: bool) -> Result<(), RequestError> {
        self.command(Command::Subscribe { sids, subscribe }).await
    }

    /// Sets attributes of ours; others stay, an empty value removes one. Needs the grant `can_update_own_metadata`.
    ///
    /// # Errors
    /// [`RequestError::Refused`] without the grant.
    pub async fn set_attributes(&self, attributes: BTreeMap<String, String>) -> Result<(), RequestError> {
        self.change(OwnChange { attributes, ..OwnChange::default() }).await
    }

    /// Sets our metadata. Needs the grant `can_update_own_metadata`.
    ///
    /// # Errors
    /// [`RequestError::Refused`] without the grant.
    pub async fn set_metadata(&self, metadata: impl Into<String>) -> Result<(), RequestError> {
        self.change(OwnChange { metadata: Some(metadata.into()), ..OwnChange::default() }).await
    }

    /// Sets our name. Needs the grant `can_update_own_metadata`.
    ///
    /// # Errors
    /// [`RequestError::Refused`] without the grant.
    pub async fn set_name(&self, name: impl Into<String>) -> Result<(), RequestError> {
        self.change(OwnChange { name: Some(name.into()), ..OwnChange::default() }).await
    }

    /// Sends a message: to everybody, or only to those named in `to`. Reliable ones arrive in order and wait out a lost
    /// connection. Comes back when it is queued.
    ///
    /// # Errors
    /// [`RequestError::Full`] when too much waits already.
    pub async fn send_data(
        &self,
        payload: impl Into<Vec<u8>>,
        topic: Option<&str>,
        reliable: bool,
        to: Vec<String>,
    ) -> Result<(), RequestError> {
        let topic = topic.map(str::to_owned);
        let user = proto::UserPacket { payload: payload.into(), topic, ..proto::UserPacket::default() };
        self.send(vec![Outbound { reliable, to, value: Value::User(user) }]).await
    }

    /// Presses a telephone key: `0`–`9`, `*`, `#`, `A`–`D`.
    ///
    /// # Errors
    /// [`RequestError::Refused`] for any other character.
    pub async fn send_dtmf(&self, digit: char, to: Vec<String>) -> Result<(), RequestError> {
        let code = "0123456789*#ABCD".find(digit);
        let code = code.ok_or_else(|| RequestError::Refused(format!("{digit:?} is no telephone key")))? as u32;
        let key = proto::SipDtmf { code, digit: digit.to_string() };
        self.send(vec![Outbound::reliable(to, Value::SipDtmf(key))]).await
    }

    /// Sends a text as a stream: to everybody, or only to those named in `to`.
    ///
    /// # Errors
    /// [`RequestError::Full`] when too much waits already.
    pub async fn send_text(
        &self,
        topic: &str,
        text: &str,
        attributes: &BTreeMap<String, String>,
        to: Vec<String>,
    ) -> Result<(), RequestError> {
        let id = format!("{:032x}", rand::random::<u128>());
        let packets = text::packets(&id, topic, text, attributes);
        let packets = packets.into_iter().map(|value| Outbound::reliable(to.clone(), value)).collect();
        self.send(packets).await
    }

    /// Sends what was said on a track to everybody, as a stream of the topic `lk.transcription`.
    ///
    /// # Errors
    /// [`RequestError::NoTrack`] without the track's id: receivers fail on it (pitfall 10).
    pub async fn send_transcription(&self, said: Transcription<'_>) -> Result<(), RequestError> {
        if said.track.is_empty() {
            return Err(RequestError::NoTrack);
        }
        let attributes = [
            ("lk.segment_id", said.segment),
            ("lk.transcribed_track_id", said.track),
            ("lk.transcription_final", if said.is_final { "true" } else { "false" }),
        ];
        let attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        self.send_text("lk.transcription", said.text, &attributes, Vec::new()).await
    }

    /// Calls a procedure of somebody's and waits for the answer.
    ///
    /// # Errors
    /// [`RpcError`]: the callee's own, or one of its constants.
    pub async fn call(&self, to: &str, method: &str, payload: &str, within: Duration) -> Result<String, RpcError> {
        let call = Call { to: to.to_owned(), method: method.to_owned(), payload: payload.to_owned() };
        let (reply, answer) = oneshot::channel();
        let gone = || RpcError::new(RpcError::SEND_FAILED, "the participant has left the room");
        self.commands.send(Command::Call { call, timeout: within, reply }).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Leaves the room and waits until it has been told.
    pub async fn close(self) {
        let (reply, closed) = oneshot::channel();
        if self.commands.send(Command::Close(reply)).await.is_ok() {
            let _ = timeout(CLOSE_TIMEOUT, closed).await;
        }
    }

    async fn publish_any(
        &self,
        options: TrackOptions,
        source: Option<Box<Source>>,
    ) -> Result<LocalTrack, RequestError> {
        if !matches!(options.sample_rate, 16_000 | 48_000) {
            return Err(RequestError::Refused(format!("no such sample rate: {}", options.sample_rate)));
        }
        let id = self.next_track.fetch_add(1, Relaxed);
        let (track, end) = local_track(id, options, source, self.commands.clone());
        self.ask(|reply| Command::Publish { end, reply }).await?;
        Ok(track)
    }

    async fn change(&self, change: OwnChange) -> Result<(), RequestError> {
        self.ask(|reply| Command::Own { change, reply }).await
    }

    async fn send(&self, packets: Vec<Outbound>) -> Result<(), RequestError> {
        self.ask(|reply| Command::Send { packets, reply }).await
    }

    async fn command(&self, command: Command) -> Result<(), RequestError> {
        self.commands.send(command).await.map_err(|_| RequestError::Left)
    }

    async fn ask(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<(), RequestError>>) -> Command,
    ) -> Result<(), RequestError> {
        let (reply, answer) = oneshot::channel();
        self.command(command(reply)).await?;
        match timeout(REQUEST_TIMEOUT, answer).await {
            Ok(answer) => answer.unwrap_or(Err(RequestError::Left)),
            Err(_) => Err(RequestError::Timeout),
        }
    }
}
