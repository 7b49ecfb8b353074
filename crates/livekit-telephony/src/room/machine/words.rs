//! What the machine is told, and what it wants done.

use std::time::Duration;

use warmline_call::{LegFact, LegRef};
use warmline_livekit::{
    DisconnectReason, RemoteParticipant,
    services::{Member, ServiceError},
};
use warmline_telephony::{Dial, DialError, Health, MergeError};

use crate::identity::Place;

/// Names a request of ours; its answer carries the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::room) struct RequestId(pub(super) u64);

/// Names a dial, and the leg that becomes of it.
pub(in crate::room) type LegId = u64;

/// Names a merge that somebody waits for.
pub(in crate::room) type Ticket = u64;

/// Who of us is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::room) enum Who {
    Agent,
    Watcher,
    /// The agent in a consult's own room.
    Consult,
}

impl Who {
    pub(in crate::room) fn place(self) -> Place {
        if self == Self::Consult { Place::Consult } else { Place::Call }
    }
}

/// Somebody who is in a room, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::room) struct Present {
    pub(in crate::room) identity: String,
    pub(in crate::room) sid: String,
    /// At a telephone.
    pub(in crate::room) by_phone: bool,
    /// `sip.callStatus`.
    pub(in crate::room) status: Option<String>,
    /// `sip.callID`.
    pub(in crate::room) sip_call: String,
    /// Their audio tracks, where those are told too.
    pub(in crate::room) tracks: Vec<String>,
}

impl From<&RemoteParticipant> for Present {
    fn from(participant: &RemoteParticipant) -> Self {
        let attribute = |key: &str| participant.attributes.get(key).cloned();
        Self {
            identity: participant.identity.clone(),
            sid: participant.sid.clone(),
            by_phone: participant.kind == warmline_livekit::Kind::Sip,
            status: attribute("sip.callStatus"),
            sip_call: attribute("sip.callID").unwrap_or_default(),
            tracks: Vec::new(),
        }
    }
}

impl From<&Member> for Present {
    fn from(member: &Member) -> Self {
        let audio = member.tracks.iter().filter(|track| track.audio);
        Self { tracks: audio.map(|track| track.sid.clone()).collect(), ..Self::from(&member.participant) }
    }
}

/// The server's names for a leg.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::room) struct Ids {
    pub(in crate::room) participant: String,
    pub(in crate::room) sip_call: String,
}

/// What the machine is told.
#[derive(Debug)]
pub(in crate::room) enum Input {
    /// The call wants a leg.
    Dial {
        id: LegId,
        dial: Dial,
        identity: String,
    },
    /// The call wants customer and supervisor to hear each other.
    Merge(Ticket),
    /// Nobody waits for that merge any more.
    Dropped(Ticket),
    /// The call has given up its merge.
    Separate,
    Leave,
    HangUp(LegRef),
    Close,
    /// Nobody holds the room any more.
    Released,
    Joined {
        place: Place,
        who: Present,
    },
    Left {
        place: Place,
        identity: String,
        reason: DisconnectReason,
    },
    Status {
        identity: String,
        status: String,
    },
    Published {
        place: Place,
        identity: String,
        track: String,
    },
    Unpublished {
        place: Place,
        identity: String,
        track: String,
    },
    /// The watcher hears that leg.
    Overheard(String),
    /// A connection of ours is lost and is made again.
    Reconnecting,
    Reconnected,
    /// One of us is out of the room for good.
    Lost(Who, DisconnectReason),
    /// Somebody says that something has changed in the room.
    Hint,
    Answer(RequestId, Answer),
    /// What was due is looked at.
    Tick,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::room) enum Answer {
    Done,
    /// Who is there.
    Members(Vec<Present>),
    /// Whether supervisors are consulted in a room of their own.
    OwnRoom(bool),
    Failed(ServiceError),
    /// One of us could not do it; a sentence.
    Unable(String),
}

/// A request to the server, or to one of us in the room.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::room) enum Request {
    /// Lets somebody hear these tracks, or no longer.
    Hear {
        who: String,
        tracks: Vec<String>,
        may: bool,
    },
    Look(Place),
    /// Marks a supervisor's leg as merged, or takes the mark off.
    Mark {
        who: String,
        merged: bool,
    },
    Remove {
        place: Place,
        identity: String,
    },
    Delete(Place),
    Move(String),
    AskForOwnRoom,
    OpenConsult,
    CloseConsult,
    Permit(Permit),
    Dial {
        leg: LegId,
        place: Place,
    },
    /// Takes the agent's tracks away.
    Unpublish,
    /// Lets a watcher join.
    Watch,
}

/// Who hears the agent's tracks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::room) struct Permit {
    pub(in crate::room) customer: Option<String>,
    pub(in crate::room) supervisor: Option<String>,
    /// In the consult's own room.
    pub(in crate::room) consulted: Option<String>,
}

/// What the machine wants done.
#[derive(Debug)]
pub(in crate::room) enum Output {
    Send(RequestId, Request),
    /// The participant of a dial is there.
    Began(LegId, Ids),
    /// A dial did not begin; nobody's phone rings on.
    NotBegun(LegId, DialError),
    /// Something became of a leg. `Left` is the last.
    Fact(LegId, LegFact),
    /// Somebody picked up there: the agent is on that line.
    OnLine {
        leg: LegId,
        name: LegRef,
        place: Place,
    },
    /// That line's sound is in the customer's room from now on.
    Moved(LegRef),
    Merge(Ticket, Result<(), MergeError>),
    /// The agent's voice is out.
    Silence,
    /// The watcher has taken over: the agent leaves the room.
    LetAgentGo,
    Health(Health),
    /// This server can't move participants.
    NeverMove,
    /// All of us leave the rooms.
    Detach,
    /// A dial under way may open the room again: it is looked for.
    Sweep,
    /// Nothing is to be done any more.
    Over,
}

/// How long something may take, and how often it is tried.
pub(super) mod limits {
    use super::Duration;

    /// How often limits are checked and the isolation is asserted.
    pub(in crate::room) const TICK: Duration = Duration::from_secs(1);
    /// How often it is looked who is there.
    pub(in crate::room) const LOOK: Duration = Duration::from_secs(5);
    /// Looks in a row that do not find a leg: then it is gone. (After a restart of the server's, legs join anew.)
    pub(in crate::room) const MISSES: u32 = 3;
    /// How long the participant of a dial may take to be in the room.
    pub(in crate::room) const BEGIN: Duration = Duration::from_secs(10);
    /// How long the dial's answer may take to say why a participant has left that did not answer.
    pub(in crate::room) const REASON: Duration = Duration::from_secs(2);
    /// How long the news that the participant had joined may take when the dial has failed already.
    pub(in crate::room) const NEWS: Duration = Duration::from_millis(400);
    /// How long after its own limit a leg is hung up by us.
    pub(in crate::room) const NET: Duration = Duration::from_secs(5);
    /// How long a leg that is hung up may take to be gone; then it is taken for gone, and hanging up goes on.
    pub(in crate::room) const HANG_UP: Duration = Duration::from_secs(3);
    /// How long undoing a merge may take before who waits is told that it failed; undoing goes on.
    pub(in crate::room) const UNDO: Duration = Duration::from_secs(2);
    /// How long a supervisor may be on the line without a confirmed isolation.
    pub(in crate::room) const PROOF: Duration = Duration::from_secs(3);
    /// How long taking a room down may take before its legs are taken for gone; it goes on.
    pub(in crate::room) const CLOSING: Duration = Duration::from_secs(3);
    /// How often hanging up, and taking a room down, is tried.
    pub(in crate::room) const TRIES: u32 = 6;
    /// How long the watcher may take to hear every leg.
    pub(in crate::room) const WATCHER: Duration = Duration::from_secs(5);
    /// How long somebody who is moved may take to be there, with sound; and how often it is looked.
    pub(in crate::room) const ARRIVAL: Duration = Duration::from_secs(2);
    pub(in crate::room) const ARRIVING: Duration = Duration::from_millis(30);
    /// Longer than any call: an adopted leg's limit is the server's.
    pub(in crate::room) const LONGEST: Duration = Duration::from_secs(24 * 3600);
}
