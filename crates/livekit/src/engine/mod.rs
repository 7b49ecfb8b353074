//! The participant's task: one flat loop over the network, the server's messages, the application's commands and time.

mod commands;
mod data;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod link;
mod media;
mod patience;
mod recovery;
mod rejoin;
mod signals;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Sleep, sleep_until},
};

pub(crate) use commands::{Command, OwnChange};
pub(crate) use data::Outbound;
pub(crate) use link::{Link, install_tls_provider};
use link::{connected, resumed};
use media::{Publication, Reception};
use patience::Recovery;
pub(crate) use rejoin::token;

use crate::{
    DisconnectReason, Options, ParticipantEvent, SubscriptionPermissions,
    audio::Pacer,
    error::ConnectError,
    peer::{PeerError, PeerEvent},
    roster::Roster,
    rpc::Rpcs,
    secret::Secret,
    text::TextAssembler,
};

/// Events that wait for the application.
pub(crate) const EVENTS: usize = 4_096;

/// How often what has no timer of its own is looked after.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// How a session ends.
#[derive(Debug)]
pub(crate) enum End {
    /// The application has had enough.
    Closed,
    /// The server has sent us away for good.
    Left(DisconnectReason),
    /// The session is lost; the room may be joined anew.
    Lost(String),
}

impl From<PeerError> for End {
    fn from(error: PeerError) -> Self {
        Self::Lost(crate::error::chain(&error))
    }
}

/// Everything of a participant that outlives a session.
pub(crate) struct Engine {
    options: Options,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<ParticipantEvent>,
    /// Ends when the application drops the participant.
    alive: oneshot::Receiver<()>,
    ready: Option<oneshot::Sender<Result<(), ConnectError>>>,
    closing: Option<oneshot::Sender<()>>,
    unread: bool,
    tracks: Vec<Publication>,
    heard: HashMap<Arc<str>, Reception>,
    roster: Roster,
    speakers: BTreeMap<String, f32>,
    permissions: Option<SubscriptionPermissions>,
    own: OwnChange,
    texts: TextAssembler,
    rpcs: Rpcs,
    outbound: VecDeque<Outbound>,
    sending: Pacer,
    hearing: Pacer,
    housekeeping: Instant,
    /// The token that the server has last refreshed ours to.
    refreshed: Option<Secret>,
    recovery: Recovery,
    rejoined: bool,
    happened: Vec<PeerEvent>,
    sleep: std::pin::Pin<Box<Sleep>>,
}

impl Engine {
    pub(crate) fn new(
        options: Options,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<ParticipantEvent>,
        alive: oneshot::Receiver<()>,
        ready: oneshot::Sender<Result<(), ConnectError>>,
        answers: mpsc::WeakSender<Command>,
    ) -> Self {
        let now = Instant::now();
        let mut rpcs = Rpcs::default();
        rpcs.answer_to(answers);
        let recovery = Recovery::new(options.reconnect);
        Self {
            options,
            commands,
            events,
            alive,
            ready: Some(ready),
            closing: None,
            unread: false,
            tracks: Vec::new(),
            heard: HashMap::new(),
            roster: Roster::default(),
            speakers: BTreeMap::new(),
            permissions: None,
            own: OwnChange::default(),
            texts: TextAssembler::default(),
            rpcs,
            outbound: VecDeque::new(),
            sending: Pacer::new(now),
            hearing: Pacer::new(now),
            housekeeping: now + HOUSEKEEPING,
            refreshed: None,
            recovery,
            rejoined: false,
            happened: Vec::new(),
            sleep: Box::pin(sleep_until(now.into())),
        }
    }

    /// Takes part until it is over.
    pub(crate) async fn run(mut self, mut link: Link) {
        self.adopt(&mut link);
        let reason = loop {
            let end = self.live(&mut link).await;
            tracing::debug!(?end, room = link.room(), "a session ended");
            match end {
                End::Closed => {
                    link.leave().await;
                    break DisconnectReason::ClientInitiated;
                }
                End::Left(reason) => {
                    link.abandon().await;
                    if let Some(ready) = self.ready.take() {
                        let _ = ready.send(Err(ConnectError::Left(reason.clone())));
                    }
                    break reason;
                }
                End::Lost(why) => {
                    link.abandon().await;
                    self.session_lost(link.since);
                    if let Some(ready) = self.ready.take() {
                        let _ = ready.send(Err(ConnectError::Internal(why.clone())));
                        break DisconnectReason::Lost(why);
                    }
                    match self.rejoin(why).await {
                        Ok(again) => link = again,
                        Err(reason) => break reason,
                    }
                    self.adopt(&mut link);
                }
            }
        };
        let reason = if self.unread { DisconnectReason::EventsUnread } else { reason };
        self.tracks.clear();
        self.heard.clear();
        // The last event is worth waiting for, but not for ever.
        let last = self.events.send(ParticipantEvent::Disconnected(reason));
        let _ = tokio::time::timeout(Duration::from_secs(5), last).await;
        if let Some(closing) = self.closing.take() {
            let _ = closing.send(());
        }
    }

    async fn live(&mut self, link: &mut Link) -> End {
        loop {
            if let Err(end) = self.turn(link).await {
                return end;
            }
        }
    }

    /// One round: settles what has happened, then waits for one thing more.
    async fn turn(&mut self, link: &mut Link) -> Result<(), End> {
        self.settle(link).await?;
        let deadline = self.deadline(link);
        if self.sleep.deadline() != deadline.into() {
            self.sleep.as_mut().reset(deadline.into());
        }
        tokio::select! {
            biased;
            received = link.peer.receive() => received?.take_in(&mut self.happened)?,
            command = self.commands.recv() => match command {
                Some(command) => self.on_command(link, command)?,
                None => return Err(End::Closed),
            },
            signal = link.signals.recv() => self.on_signal_event(link, signal).await?,
            resumed = resumed(&mut link.resume) => self.on_resumed(link, resumed).await?,
            tcp = connected(&mut link.tcp) => Self::on_tcp(link, tcp)?,
            _ = &mut self.alive => return Err(End::Closed),
            () = &mut self.sleep => {}
        }
        self.on_time(link, Instant::now())
    }

    /// Lets str0m do its work, handles what came of it, and sends what is to be sent.
    async fn settle(&mut self, link: &mut Link) -> Result<(), End> {
        loop {
            link.peer.drain(&mut self.happened)?;
            let happened = std::mem::take(&mut self.happened);
            let quiet = happened.is_empty();
            self.on_peer_events(link, happened)?;
            self.pump_data(link)?;
            if !link.is_resuming()
                && let Some(offer) = link.peer.next_offer()
            {
                link.outbox.push_back(offer);
                continue;
            }
            if quiet {
                break;
            }
        }
        link.flush().await;
        if self.unread { Err(End::Closed) } else { Ok(()) }
    }

    fn deadline(&self, link: &Link) -> Instant {
        let mut deadline = link.peer.deadline().min(self.housekeeping);
        if !self.tracks.is_empty() {
            deadline = deadline.min(self.sending.next());
        }
        if !self.heard.is_empty() {
            deadline = deadline.min(self.hearing.next());
        }
        deadline
    }

    fn on_time(&mut self, link: &mut Link, now: Instant) -> Result<(), End> {
        // str0m makes packets when time passes: what is due goes before anything new is written (pitfall 4).
        if link.peer.deadline() <= now {
            link.peer.handle_timeout(now)?;
            link.peer.drain(&mut self.happened)?;
        }
        if self.heard.is_empty() {
            self.hearing.idle(now);
        } else {
            self.hear_frames(now);
        }
        if self.tracks.is_empty() {
            self.sending.idle(now);
        } else {
            self.send_frames(link, now)?;
        }
        if self.housekeeping <= now {
            self.housekeeping = now + HOUSEKEEPING;
            self.keep_house(link, now)?;
        }
        Ok(())
    }

    fn on_peer_events(&mut self, link: &mut Link, events: Vec<PeerEvent>) -> Result<(), End> {
        for event in events {
            match event {
                PeerEvent::Connected => self.on_connected(link),
                PeerEvent::Ice { up } => self.on_ice(link, up),
                PeerEvent::Data { reliable, bytes } => self.on_data(link, reliable, &bytes),
                PeerEvent::Writable => {}
                PeerEvent::Rtp { track, ssrc, timestamp, payload, red } => {
                    self.on_rtp(&track, ssrc, timestamp, &payload, red);
                }
            }
        }
        Ok(())
    }

    /// Tells the application. Whoever keeps thousands of events unread is not there any more.
    fn tell(&mut self, event: ParticipantEvent) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event) {
            tracing::warn!("{EVENTS} events wait unread: the participant leaves");
            self.unread = true;
        }
    }

    fn tell_all(&mut self, events: Vec<ParticipantEvent>) {
        for event in events {
            self.tell(event);
        }
    }
}
