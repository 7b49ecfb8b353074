//! The names that a call's participants have.

use std::str::FromStr;

use warmline_call::{CallId, LegRef};

/// A call's two rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// Where the customer is.
    #[default]
    Call,
    /// Where a supervisor is consulted, if that has a room of its own.
    Consult,
}

impl Place {
    pub(crate) const ALL: [Self; 2] = [Self::Call, Self::Consult];

    /// The room's name.
    pub(crate) fn room(self, call: &CallId) -> String {
        match self {
            Self::Call => call.to_string(),
            Self::Consult => call.supervisor(),
        }
    }

    /// Whose room that is, and which.
    pub(crate) fn of(room: &str) -> Option<(CallId, Self)> {
        let (name, place) = match room.strip_suffix("-supervisor") {
            Some(name) => (name, Self::Consult),
            None => (room, Self::Call),
        };
        CallId::from_str(name).ok().map(|call| (call, place))
    }
}

/// That of a participant with which it is tried out whether the server can move participants.
pub(crate) fn probe(call: &CallId) -> String {
    format!("{call}-probe")
}

/// The agent's.
pub(crate) fn agent(call: &CallId) -> String {
    format!("{call}-agent")
}

/// That of the hidden participant which stays after the agent has left.
pub(crate) fn watcher(call: &CallId) -> String {
    format!("{call}-watcher")
}

/// A leg's, from the one it was given: a later attempt's is told from a former one's that may linger in the room.
pub(crate) fn leg(given: &str, leg: LegRef) -> String {
    match leg {
        LegRef::Supervisor(attempt) if attempt > 1 => format!("{given}-{attempt}"),
        LegRef::Customer | LegRef::Supervisor(_) => given.to_owned(),
    }
}

/// The leg that a participant of a call's is; `None` for agents, watchers and strangers.
pub(crate) fn leg_of(call: &CallId, identity: &str) -> Option<LegRef> {
    let rest = identity.strip_prefix(call.as_str())?;
    if rest == "-customer" {
        return Some(LegRef::Customer);
    }
    match rest.strip_prefix("-supervisor")? {
        "" => Some(LegRef::Supervisor(1)),
        attempt => attempt.strip_prefix('-')?.parse().ok().filter(|n| *n > 1).map(LegRef::Supervisor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_belong_to_their_calls() {
        let call = CallId::from_bits(7);
        for place in Place::ALL {
            assert_eq!(Place::of(&place.room(&call)), Some((call.clone(), place)));
        }
        for other in ["", "lobby", "lobby-supervisor", "outbound-000000000007-agent"] {
            assert_eq!(Place::of(other), None, "{other}");
        }
    }

    #[test]
    fn identities_and_legs_go_back_and_forth() {
        let call = CallId::from_bits(7);
        for name in [LegRef::Customer, LegRef::Supervisor(1), LegRef::Supervisor(2), LegRef::Supervisor(13)] {
            let given = if name == LegRef::Customer { format!("{call}-customer") } else { call.supervisor() };
            assert_eq!(leg_of(&call, &leg(&given, name)), Some(name));
        }
        let others = ["", "-agent", "-watcher", "-supervisor-1", "-supervisor-x", "-supervisors", "-customer-2"];
        for other in others {
            assert_eq!(leg_of(&call, &format!("{call}{other}")), None, "{other}");
        }
        assert_eq!(leg_of(&call, &format!("{}-customer", CallId::from_bits(8))), None);
    }
}
