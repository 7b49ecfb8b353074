//! The one task that owns a room: it tells the machine what happens and has done what the machine wants. It waits for
//! whatever comes first and for no request in particular, and holds no lock while one is under way.

mod hearing;
mod telling;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures::{
    StreamExt,
    future::BoxFuture,
    stream::{BoxStream, FuturesUnordered, SelectAll},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use warmline_call::{Left, LeftCause, LegFact, LegRef};
use warmline_livekit::ParticipantEvent as Event;
use warmline_telephony::{Caption, Dial, DialError, Health, LineEnd, MergeError};

use super::{
    captions::Told,
    machine::{Ids, Input, LegId, Output, Request, RequestId, RoomMachine, Ticket, Who},
    orders::{DialOrder, Order, Orders},
    ours::{Events, Ours},
    requests::{self, Came, Done, Requests},
};
use crate::identity::Place;

/// How long requests that nobody waits for any more may still take.
const LAST: Duration = Duration::from_secs(1);

/// The call's end of a leg.
pub(super) struct LegEnd {
    pub(super) name: LegRef,
    pub(super) identity: String,
    pub(super) line: Arc<LineEnd>,
    pub(super) progress: mpsc::Sender<LegFact>,
    /// Who wants it dialled, and waits for it to begin.
    pub(super) asked: Option<(Dial, oneshot::Sender<Result<Ids, DialError>>)>,
}

/// How a room is reached, and what it tells.
pub(super) struct Ways {
    pub(super) orders: Arc<Orders>,
    pub(super) captions: mpsc::Receiver<Caption>,
    pub(super) told: mpsc::Sender<Told>,
    pub(super) health: watch::Sender<Health>,
}

/// A room's task.
pub(super) struct Owner {
    machine: RoomMachine,
    requests: Requests,
    ways: Ways,
    ours: Ours,
    legs: HashMap<LegId, LegEnd>,
    merges: HashMap<Ticket, oneshot::Sender<Result<(), MergeError>>>,
    events: SelectAll<BoxStream<'static, (Who, Event)>>,
    under_way: FuturesUnordered<BoxFuture<'static, Done>>,
    /// What follows from something and is to be told next.
    next: VecDeque<Input>,
    began: Instant,
    /// Ends the sound's tasks.
    over: CancellationToken,
}

impl Owner {
    pub(super) fn new(machine: RoomMachine, requests: Requests, ways: Ways, over: CancellationToken) -> Self {
        Self {
            machine,
            requests,
            ways,
            ours: Ours::default(),
            legs: HashMap::new(),
            merges: HashMap::new(),
            events: SelectAll::new(),
            under_way: FuturesUnordered::new(),
            next: VecDeque::new(),
            began: Instant::now(),
            over,
        }
    }

    /// Those of us who are there from the beginning, and what they learn.
    pub(super) fn with(&mut self, ours: Ours, who: Who, events: Events) {
        self.ours = ours;
        self.follow(who, events);
    }

    pub(super) fn with_leg(&mut self, id: LegId, leg: LegEnd) {
        self.requests.sound.lines.add(id, leg.identity.clone(), Arc::clone(&leg.line));
        self.legs.insert(id, leg);
    }

    /// Customer and that supervisor are merged, and a watcher is there.
    pub(super) fn adopt_merged(&mut self, supervisor: Option<LegRef>) {
        self.machine.adopt_merged(supervisor);
    }

    /// Whoever was taken over is apart from the others.
    pub(super) fn adopt_apart(&mut self) {
        self.machine.adopt_apart();
    }

    /// Hangs up who was found and has not answered.
    pub(super) fn removes(&mut self, others: Vec<(Place, String)>) {
        self.machine.adopt_none(others);
        self.tell(Input::Tick);
    }

    /// Until nothing is to be done for the room any more.
    pub(super) async fn run(mut self) {
        let orders = Arc::clone(&self.ways.orders);
        while !self.machine.is_over() {
            let due = self.machine.poll_timeout().map(|due| self.began + due);
            let timeout = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                taken = orders.take() => for order in taken {
                    self.ordered(order);
                },
                Some((who, event)) = self.events.next(), if !self.events.is_empty() => self.on_event(who, event),
                Some(done) = self.under_way.next(), if !self.under_way.is_empty() => self.on_done(done),
                Some(caption) = self.ways.captions.recv() => self.show(caption),
                () = timeout => self.tell(Input::Tick),
            }
        }
        orders.end();
        // What was asked last is not cut off.
        let _ = timeout(LAST, (&mut self.under_way).collect::<Vec<_>>()).await;
    }

    /// Tells the machine something, and does what it wants done.
    fn tell(&mut self, input: Input) {
        self.next.push_back(input);
        while let Some(input) = self.next.pop_front() {
            self.machine.handle(input, self.began.elapsed());
            while let Some(output) = self.machine.poll_output() {
                self.carry_out(output);
            }
        }
    }

    fn ordered(&mut self, order: Order) {
        let input = match order {
            Order::Dial(order) => {
                let DialOrder { id, dial, identity, line, progress, reply } = *order;
                let (name, line) = (dial.leg, Arc::new(line));
                let asked = Some((dial.clone(), reply));
                self.with_leg(id, LegEnd { name, identity: identity.clone(), line, progress, asked });
                Input::Dial { id, dial, identity }
            }
            Order::Merge { ticket, reply } => {
                self.merges.insert(ticket, reply);
                Input::Merge(ticket)
            }
            Order::Dropped(ticket) => Input::Dropped(ticket),
            Order::Separate => Input::Separate,
            Order::Leave => Input::Leave,
            Order::HangUp(leg) => Input::HangUp(leg),
            Order::Close => Input::Close,
            Order::Released => Input::Released,
            Order::Hint => Input::Hint,
        };
        self.tell(input);
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Send(id, request) => self.send(id, request),
            Output::Began(leg, ids) => self.began(leg, ids),
            Output::NotBegun(leg, error) => {
                if let Some((_, reply)) = self.forget(leg).and_then(|leg| leg.asked) {
                    let _ = reply.send(Err(error));
                }
            }
            Output::Fact(leg, fact) => self.report(leg, fact),
            Output::OnLine { leg, name, place } => {
                if let Some(end) = self.legs.get(&leg) {
                    self.requests.sound.mouthpiece(name).connect(Arc::clone(&end.line), place);
                }
                self.requests.sound.lines.answered(leg);
            }
            Output::Moved(name) => self.requests.sound.mouthpiece(name).move_to(Place::Call),
            Output::Merge(ticket, result) => {
                if let Some(reply) = self.merges.remove(&ticket) {
                    let _ = reply.send(result);
                }
            }
            Output::Silence => self.requests.sound.silence(),
            Output::LetAgentGo => drop(self.ours.agent.take()),
            Output::Health(health) => {
                self.ways.health.send_replace(health);
            }
            Output::NeverMove => self.requests.backend.never_move(),
            Output::Detach => self.detach(),
            Output::Sweep => {
                tokio::spawn(Arc::clone(&self.requests.backend).sweep(self.requests.call.clone()));
            }
            Output::Over => self.over.cancel(),
        }
    }

    fn send(&mut self, id: RequestId, request: Request) {
        let request = match request {
            Request::Permit(permit) => requests::permit(id, &self.ours, permit),
            Request::Unpublish => requests::unpublish(id, self.ours.tracks.take()),
            Request::OpenConsult => self.requests.open_consult(id),
            Request::CloseConsult => {
                self.ours.consult = None;
                self.requests.close_consult(id)
            }
            Request::Watch => self.requests.watch(id),
            Request::Dial { leg, place } => match self.legs.get(&leg).map(|end| (&end.asked, &end.identity)) {
                Some((Some((dial, _)), identity)) => self.requests.dial(id, dial, identity, place),
                _ => return,
            },
            request => self.requests.ask(id, request),
        };
        self.under_way.push(request);
    }

    fn on_done(&mut self, done: Done) {
        match done.came {
            Some(Came::Consult(consult, events)) => {
                self.ours.consult = Some(consult);
                self.follow(Who::Consult, events);
            }
            Some(Came::Watcher(watcher, events)) => {
                self.ours.watcher = Some(watcher);
                self.follow(Who::Watcher, events);
            }
            None => {}
        }
        self.tell(Input::Answer(done.id, done.answer));
    }

    fn began(&mut self, leg: LegId, ids: Ids) {
        let Some(end) = self.legs.get_mut(&leg) else { return };
        let name = end.name;
        let Some((_, reply)) = end.asked.take() else { return };
        if reply.send(Ok(ids)).is_err() {
            // Nobody wants it any more.
            self.next.push_back(Input::HangUp(name));
        }
    }

    /// There are at most three facts a leg, and the channel has room for them.
    fn report(&mut self, leg: LegId, fact: LegFact) {
        let is_last = matches!(fact, LegFact::Left(_));
        let end = if is_last { self.forget(leg) } else { None };
        let progress = end.as_ref().or_else(|| self.legs.get(&leg)).map(|end| &end.progress);
        if progress.is_some_and(|progress| progress.try_send(fact).is_err()) {
            tracing::debug!(call = %self.requests.call, "nobody follows this dial");
        }
    }

    fn forget(&mut self, leg: LegId) -> Option<LegEnd> {
        let end = self.legs.remove(&leg)?;
        self.requests.sound.lines.remove(leg);
        self.requests.sound.mouthpiece(end.name).disconnect(&end.line);
        Some(end)
    }

    fn detach(&mut self) {
        self.requests.sound.close();
        self.events.clear();
        self.ours = Ours::default();
        self.over.cancel();
    }
}

impl Drop for Owner {
    /// However the task ends: nobody waits for an answer, or for a leg's end, any more, and no sound goes on.
    fn drop(&mut self) {
        for leg in self.legs.values() {
            let lost = Left { cause: LeftCause::MediaLost, sip_status: None };
            let _ = leg.progress.try_send(LegFact::Left(lost));
        }
        self.ways.orders.end();
        self.requests.sound.close();
        self.over.cancel();
    }
}
