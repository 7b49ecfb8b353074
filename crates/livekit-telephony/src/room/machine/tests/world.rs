//! A call's room on a model of the server. The model knows three things apart: what was sent, what the server has carried
//! out, and what was answered. After every step the rules are checked against the worst that the server can have done.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use warmline_call::{CallId, LegFact, LegRef};
use warmline_livekit::{DisconnectReason, services::ServiceError};
use warmline_telephony::Dial;

use super::super::{Answer, Input, LegId, Output, Present, Request, RequestId, RoomMachine, Rules, Ticket};
use crate::identity::Place;

pub(super) const CUSTOMER: &str = "outbound-000000000007-customer";

pub(super) fn supervisor(attempt: u32) -> String {
    let first = format!("{}-supervisor", call());
    if attempt == 1 { first } else { format!("{first}-{attempt}") }
}

pub(super) fn call() -> CallId {
    CallId::from_bits(7)
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is carried out and answered.
    Done,
    /// It is carried out; the answer is lost.
    Unheard,
    /// It never arrives.
    Lost,
    /// Its answer is lost, and it is carried out at some later time.
    Late,
}

/// Something that somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Separate,
    DropMerge,
    HangUp(LegRef),
    Dial(u32),
    Gone(LegRef),
    Leave,
    Close,
}

/// What one leg may hear of another, by what was sent and answered.
#[derive(Clone, Debug, Default)]
struct Sent {
    /// Grants without an answer.
    open: BTreeSet<RequestId>,
    /// A grant was sent, or answered, after the last revocation that is confirmed was sent.
    since: u64,
    undone: u64,
    /// The last revocation, and whether it was sent in this step.
    revoking: u64,
}

impl Sent {
    fn could(&self) -> bool {
        !self.open.is_empty() || self.since > self.undone
    }
}

pub(super) struct World {
    pub(super) machine: RoomMachine,
    pub(super) now: Duration,
    pub(super) pending: BTreeMap<RequestId, (Request, u64)>,
    /// Requests that may still be carried out though their answers were lost.
    pub(super) late: Vec<Request>,
    /// Who hears whom on the server: listener, speaker.
    pub(super) heard: BTreeSet<(String, String)>,
    there: BTreeSet<String>,
    sent: BTreeMap<(String, String), Sent>,
    moment: u64,
    /// The merge that is ordered and not given up.
    pub(super) ordered: Option<(Ticket, u32)>,
    tickets: Ticket,
    /// The merge that is just asked for.
    asking: Option<Ticket>,
    pub(super) merges: BTreeMap<Ticket, Result<(), String>>,
    asked_at: BTreeMap<Ticket, (u32, Duration)>,
    pub(super) facts: Vec<(LegRef, LegFact)>,
    pub(super) refused: Vec<(LegRef, String)>,
    pub(super) dialled: Vec<LegRef>,
    dials: Vec<RequestId>,
    names: Vec<LegRef>,
    pub(super) left: bool,
    pub(super) over: bool,
    /// Requests answered at once, as the server usually does.
    pub(super) prompt: bool,
    pub(super) steps: usize,
}

impl World {
    pub(super) fn new() -> Self {
        let rules = Rules { call: call(), wants_own_room: false, patience: Duration::from_secs(25) };
        Self {
            machine: RoomMachine::new(rules),
            now: Duration::ZERO,
            pending: BTreeMap::new(),
            late: Vec::new(),
            heard: BTreeSet::new(),
            there: BTreeSet::new(),
            sent: BTreeMap::new(),
            moment: 0,
            ordered: None,
            tickets: 0,
            asking: None,
            merges: BTreeMap::new(),
            asked_at: BTreeMap::new(),
            facts: Vec::new(),
            refused: Vec::new(),
            dialled: Vec::new(),
            dials: Vec::new(),
            names: Vec::new(),
            left: false,
            over: false,
            prompt: true,
            steps: 0,
        }
    }

    /// Customer and first supervisor are on the line, apart, and nothing is under way.
    pub(super) fn consulting() -> Self {
        let mut world = Self::new();
        for (id, name) in [LegRef::Customer, LegRef::Supervisor(1)].into_iter().enumerate() {
            let identity = Self::identity(name);
            let tracks = vec![format!("TR_{identity}")];
            let who = Present { identity: identity.clone(), by_phone: true, tracks, ..Present::default() };
            world.machine.adopt(id as LegId, name, (Place::Call, &who));
            world.there.insert(identity);
            world.names.push(name);
            world.dialled.push(name);
        }
        world.tell(Input::Tick);
        world.prompt = false;
        world
    }

    pub(super) fn identity(name: LegRef) -> String {
        match name {
            LegRef::Customer => CUSTOMER.to_owned(),
            LegRef::Supervisor(attempt) => supervisor(attempt),
        }
    }

    pub(super) fn dial(&mut self, leg: LegRef) {
        let identity = Self::identity(leg);
        let (ring, max_duration) = (Duration::from_secs(30), Duration::from_secs(3_600));
        let dial = Dial { leg, number: "+4915550001".into(), identity: identity.clone(), ring, max_duration };
        if self.ordered.is_some_and(|(_, attempt)| leg != LegRef::Customer && leg != LegRef::Supervisor(attempt))
            && !self.left
        {
            self.gives_up();
        }
        self.names.push(leg);
        let id = self.names.len() as LegId - 1;
        self.tell(Input::Dial { id, dial, identity });
    }

    /// The leg's participant is in the room, with its sound, and is answered: it subscribes to everybody, and others to it.
    pub(super) fn pick_up(&mut self, leg: LegRef) {
        let identity = Self::identity(leg);
        if !self.dialled.contains(&leg) || self.there.contains(&identity) || self.over {
            return;
        }
        let others: Vec<String> = self.there.iter().cloned().collect();
        self.there.insert(identity.clone());
        let who = Present { identity: identity.clone(), sid: "PA_1".into(), by_phone: true, ..Present::default() };
        self.tell(Input::Joined { place: Place::Call, who });
        for other in &others {
            self.heard.insert((other.clone(), identity.clone()));
        }
        let track = format!("TR_{identity}");
        self.tell(Input::Published { place: Place::Call, identity: identity.clone(), track });
        for other in others {
            self.heard.insert((identity.clone(), other));
        }
        self.tell(Input::Status { identity, status: "active".into() });
    }

    pub(super) fn merge(&mut self, attempt: u32) -> Ticket {
        self.tickets += 1;
        let ticket = self.tickets;
        self.asked_at.insert(ticket, (attempt, self.now));
        // One that has failed is not known to have failed before it is undone; the next counts already.
        // So does one that looks again whether what was answered is still so. Once the agent has left, it is so for good.
        let again =
            !self.left && self.ordered.is_some_and(|(of, ordered)| ordered == attempt && self.merges.contains_key(&of));
        if self.ordered.is_none() || again || self.machine.union == super::super::Union::Apart {
            self.ordered = Some((ticket, attempt));
        }
        self.asking = Some(ticket);
        self.tell(Input::Merge(ticket));
        self.asking = None;
        ticket
    }

    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Separate => {
                self.gives_up();
                self.tell(Input::Separate);
            }
            Act::DropMerge => {
                let Some((ticket, _)) = self.ordered else { return };
                self.gives_up();
                self.tell(Input::Dropped(ticket));
            }
            Act::HangUp(leg) => {
                if self
                    .ordered
                    .is_some_and(|(_, attempt)| leg == LegRef::Customer || leg == LegRef::Supervisor(attempt))
                {
                    self.gives_up();
                }
                self.tell(Input::HangUp(leg));
            }
            Act::Dial(attempt) => self.dial(LegRef::Supervisor(attempt)),
            Act::Gone(leg) => {
                let identity = Self::identity(leg);
                if !self.there.contains(&identity) {
                    return;
                }
                self.goes(&identity);
                self.tell(Input::Left { place: Place::Call, identity, reason: DisconnectReason::ClientInitiated });
            }
            Act::Leave => {
                // As a call does it: when it knows that they are merged.
                let merged = self.ordered.is_some_and(|(ticket, _)| self.merges.get(&ticket) == Some(&Ok(())));
                if merged {
                    self.left = true;
                    self.tell(Input::Leave);
                }
            }
            Act::Close => {
                self.gives_up();
                self.tell(Input::Close);
            }
        }
    }

    fn gives_up(&mut self) {
        if self.left {
            return;
        }
        self.ordered = None;
    }

    /// Somebody is out of the room on the server: nobody hears them and they hear nobody.
    fn goes(&mut self, identity: &str) {
        self.there.remove(identity);
        self.heard.retain(|(of, hears)| of != identity && hears != identity);
        self.sent.retain(|(of, hears), _| of != identity && hears != identity);
        let ordered = self.ordered.is_some_and(|(_, attempt)| supervisor(attempt) == identity || identity == CUSTOMER);
        if ordered && !self.left {
            self.ordered = None;
        }
    }

    /// A pending request meets its fate.
    pub(super) fn meets(&mut self, id: RequestId, fate: Fate) {
        let Some((request, _)) = self.pending.get(&id).cloned() else { return };
        match fate {
            Fate::Done | Fate::Unheard => self.carry_out(&request),
            Fate::Late => self.late.push(request.clone()),
            Fate::Lost => {}
        }
        let answer = match (&request, fate) {
            (Request::Look(_), Fate::Done) => {
                let here = |who: &String| Present { identity: who.clone(), by_phone: true, ..Present::default() };
                Answer::Members(self.there.iter().map(here).collect())
            }
            (_, Fate::Done) => Answer::Done,
            _ => Answer::Failed(ServiceError::Timeout),
        };
        self.answer(id, answer);
    }

    pub(super) fn answer(&mut self, id: RequestId, answer: Answer) {
        let Some((request, sent_at)) = self.pending.remove(&id) else { return };
        self.moment += 1;
        if let Request::Hear { who, tracks, may } = &request {
            for speaker in tracks {
                let speaker = speaker.trim_start_matches("TR_").to_owned();
                let Some(sent) = self.sent.get_mut(&(who.clone(), speaker)) else { continue };
                if *may {
                    sent.open.remove(&id);
                    sent.since = self.moment;
                } else if answer == Answer::Done {
                    sent.undone = sent.undone.max(sent_at);
                }
            }
        }
        self.tell(Input::Answer(id, answer));
    }

    /// The server does it.
    fn carry_out(&mut self, request: &Request) {
        match request {
            Request::Hear { who, tracks, may } => {
                for speaker in tracks.iter().map(|track| track.trim_start_matches("TR_").to_owned()) {
                    let both = self.there.contains(who) && self.there.contains(&speaker);
                    if *may && both {
                        self.heard.insert((who.clone(), speaker));
                    } else {
                        self.heard.remove(&(who.clone(), speaker));
                    }
                }
            }
            Request::Remove { identity, .. } => self.goes(identity),
            Request::Delete(_) => {
                for identity in self.there.clone() {
                    self.goes(&identity);
                }
            }
            _ => {}
        }
    }

    /// Something is carried out whose answer was lost long ago.
    pub(super) fn late_effect(&mut self, at: usize) {
        if at < self.late.len() {
            let request = self.late.remove(at);
            self.carry_out(&request);
        }
    }

    /// Time goes by; what is due is looked at in its time. Requests are answered at once.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.machine.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.tell(Input::Tick);
            self.settle();
        }
        self.now = until;
    }

    /// To the next moment at which something is due.
    pub(super) fn tick(&mut self) {
        if let Some(due) = self.machine.poll_timeout() {
            self.now = self.now.max(due);
            self.tell(Input::Tick);
        }
    }

    /// Time goes by and the server does not answer.
    pub(super) fn waits(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.machine.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.tell(Input::Tick);
        }
        self.now = until;
    }

    /// The legs subscribe to each other by themselves, as after a reconnect.
    pub(super) fn resubscribes(&mut self) {
        for of in self.there.clone() {
            for hears in self.there.clone() {
                if of != hears {
                    self.heard.insert((of.clone(), hears));
                }
            }
        }
        self.tell(Input::Reconnected);
    }

    /// The leg's participant is in the room; nobody has picked up.
    pub(super) fn joins(&mut self, leg: LegRef) {
        let identity = Self::identity(leg);
        self.there.insert(identity.clone());
        let who = Present { identity, sid: "PA_1".into(), by_phone: true, ..Present::default() };
        self.tell(Input::Joined { place: Place::Call, who });
    }

    /// The last dial has its answer.
    pub(super) fn dial_answered(&mut self, answer: Answer) {
        let id = self.dials.pop().expect("somebody was dialled");
        self.tell(Input::Answer(id, answer));
    }

    /// Those requests apart, everything that is pending is done.
    pub(super) fn settle_but(&mut self, stalled: &[RequestId]) {
        while let Some(id) = self.pending.keys().find(|id| !stalled.contains(id)).copied() {
            self.meets(id, Fate::Done);
        }
    }

    /// Every revocation that is pending has that fate.
    pub(super) fn revokes(&mut self, fate: Fate) {
        let pending = self.pending.iter();
        let ids = pending.filter(|(_, (request, _))| matches!(request, Request::Hear { may: false, .. }));
        for id in ids.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.meets(id, fate);
        }
    }

    /// What is pending of grants, or of revocations, is done.
    pub(super) fn settle_hearing(&mut self, which: bool) {
        let pending = self.pending.iter();
        let ids = pending.filter(|(_, (request, _))| matches!(request, Request::Hear { may, .. } if *may == which));
        for id in ids.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.meets(id, Fate::Done);
        }
    }

    /// Everything that is pending is done.
    pub(super) fn settle(&mut self) {
        while let Some(id) = self.pending.keys().next().copied() {
            self.meets(id, Fate::Done);
        }
    }

    pub(super) fn tell(&mut self, input: Input) {
        self.steps += 1;
        self.machine.handle(input, self.now);
        let mut next = Vec::new();
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Send(id, request) => {
                    self.sends(id, &request);
                    if self.answers_at_once(&request) {
                        next.push(id);
                    }
                }
                Output::Fact(leg, fact) => self.facts.push((self.names[leg as usize], fact)),
                Output::NotBegun(leg, error) => self.refused.push((self.names[leg as usize], error.detail)),
                Output::Merge(ticket, result) => self.merge_answered(ticket, result.map_err(|e| e.to_string())),
                Output::Over => self.over = true,
                _ => {}
            }
        }
        self.check();
        for id in next {
            self.meets(id, Fate::Done);
        }
    }

    fn answers_at_once(&self, request: &Request) -> bool {
        let telling = matches!(
            request,
            Request::Permit(_) | Request::Mark { .. } | Request::Unpublish | Request::Watch | Request::AskForOwnRoom
        );
        let waits = matches!(request, Request::Dial { .. });
        !waits && (telling || self.prompt)
    }

    fn sends(&mut self, id: RequestId, request: &Request) {
        self.moment += 1;
        self.pending.insert(id, (request.clone(), self.moment));
        match request {
            Request::Hear { who, tracks, may } => {
                for speaker in tracks.iter().map(|track| track.trim_start_matches("TR_").to_owned()) {
                    if !self.there.contains(who) || !self.there.contains(&speaker) {
                        continue;
                    }
                    let sent = self.sent.entry((who.clone(), speaker)).or_default();
                    if *may {
                        sent.open.insert(id);
                        sent.since = self.moment;
                    } else {
                        sent.revoking = self.moment;
                    }
                }
            }
            Request::Dial { leg, .. } => {
                let name = self.names[*leg as usize];
                self.pending.remove(&id);
                self.dials.push(id);
                self.dialled.push(name);
                // Nobody else is let in while somebody of before may hear the customer, or be heard.
                let open = self.could_hear().into_iter().find(|(attempt, _)| !self.is_ordered(*attempt));
                assert!(
                    name == LegRef::Customer || open.is_none(),
                    "supervisor {name:?} is dialled while {open:?} may still be heard"
                );
            }
            _ => {}
        }
    }

    fn merge_answered(&mut self, ticket: Ticket, result: Result<(), String>) {
        let (attempt, asked_at) = self.asked_at[&ticket];
        if result.is_ok() {
            let is_ordered = self.ordered.is_some_and(|(_, ordered)| ordered == attempt);
            assert!(is_ordered, "attempt {attempt} is said to be merged, and was given up");
            self.ordered = Some((ticket, attempt));
            for (of, hears) in self.ears(attempt) {
                assert!(self.heard.contains(&(of.clone(), hears.clone())), "merged, and {of} does not hear {hears}");
            }
        } else {
            if self.ordered.is_some_and(|(ordered, _)| ordered == ticket) {
                self.ordered = None;
            }
            let doubt = self.could_hear().iter().any(|(open, _)| *open == attempt) && !self.machine.state.is_closing();
            let patient = self.now >= asked_at + Duration::from_secs(2);
            // One that was never begun says nothing of those before it.
            let begun = self.asking != Some(ticket);
            assert!(!doubt || patient || !begun, "attempt {attempt} is said to be undone, and is not");
        }
        assert!(self.merges.insert(ticket, result).is_none(), "one answer a merge");
    }

    fn ears(&self, attempt: u32) -> [(String, String); 2] {
        let other = supervisor(attempt);
        [(CUSTOMER.to_owned(), other.clone()), (other, CUSTOMER.to_owned())]
    }

    fn is_ordered(&self, attempt: u32) -> bool {
        self.ordered.is_some_and(|(_, ordered)| ordered == attempt)
    }

    /// The attempts whose supervisor may hear the customer or be heard, at worst: by grants that nothing has undone for
    /// certain. With whether a revocation was sent after all of them.
    pub(super) fn could_hear(&self) -> Vec<(u32, bool)> {
        let attempts = self.names.iter().filter_map(|name| match name {
            LegRef::Supervisor(attempt) => Some(*attempt),
            LegRef::Customer => None,
        });
        let mut could = Vec::new();
        for attempt in attempts {
            for ear in self.ears(attempt) {
                if let Some(sent) = self.sent.get(&ear).filter(|sent| sent.could()) {
                    could.push((attempt, sent.revoking > sent.since));
                }
            }
        }
        could
    }

    /// The rules, after every step.
    fn check(&self) {
        if self.machine.state.is_closing() {
            return;
        }
        for (attempt, is_being_undone) in self.could_hear() {
            if self.is_ordered(attempt) {
                continue;
            }
            // What was given up, or comes into force after that, is being undone in this very step.
            assert!(is_being_undone, "attempt {attempt} was given up and is not undone at once");
            // And whatever becomes of that: it is tried again within a second.
            let again = self.machine.poll_timeout().expect("something is due");
            assert!(again <= self.now + Duration::from_secs(1), "attempt {attempt} stays open");
        }
    }

    /// From now on the server answers, and everybody has time: then everything is as it was wanted.
    pub(super) fn ends_well(&mut self) {
        self.prompt = true;
        self.settle();
        for at in (0..self.late.len()).rev() {
            self.late_effect(at);
        }
        self.pass(Duration::from_secs(3));
        assert!(self.pending.is_empty());
        let supervisor_gone = |attempt| !self.there.contains(&supervisor(attempt));
        match self.ordered {
            Some((ticket, attempt)) if self.merges.get(&ticket) == Some(&Ok(())) => {
                let both = self.ears(attempt).into_iter().all(|ear| self.heard.contains(&ear));
                let gone = supervisor_gone(attempt) || !self.there.contains(CUSTOMER);
                assert!(both || gone, "merged, and heard is {:?}", self.heard);
            }
            Some((ticket, _)) => panic!("no answer to merge {ticket}: {:?}", self.merges),
            None => assert!(self.heard.is_empty(), "nobody is to hear anybody, and {:?}", self.heard),
        }
        assert!(self.could_hear().iter().all(|(attempt, _)| self.is_ordered(*attempt)));
        for ticket in self.asked_at.keys() {
            assert!(self.merges.contains_key(ticket), "merge {ticket} has no answer");
        }
    }
}
