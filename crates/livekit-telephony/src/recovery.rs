use warmline_call::{CallId, LegRef, Phase};
use warmline_livekit::services::Member;

use crate::identity::{self, Place};

/// The attribute of a supervisor's leg that says that it and the customer hear each other: it outlives this program.
pub(crate) const MERGED: &str = "warmline.merged";

/// Somebody in a room that was found open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Who.
    pub identity: String,
    /// How far their call has come (`sip.callStatus`), if they are at a telephone.
    pub status: Option<String>,
    /// Whether they have been merged with the customer.
    pub merged: bool,
    /// Whether they are in the consult's own room.
    pub apart: bool,
}

impl Found {
    pub(crate) fn of(place: Place, member: &Member) -> Self {
        let attributes = &member.participant.attributes;
        Self {
            identity: member.participant.identity.clone(),
            status: attributes.get("sip.callStatus").cloned(),
            merged: attributes.contains_key(MERGED),
            apart: place == Place::Consult,
        }
    }

    /// The leg of that call that it is, if somebody has answered it.
    pub(crate) fn answered(&self, call: &CallId) -> Option<LegRef> {
        identity::leg_of(call, &self.identity).filter(|_| self.status.as_deref() == Some("active"))
    }
}

/// What becomes of a room that was found open when the program started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Customer and supervisor talk to each other: nobody disturbs them.
    GoOn,
    /// Somebody waits for an agent that has forgotten everything: they are told so, and hung up.
    TakeLeave,
    /// Nobody is on the line: [`crate::LiveKit::end_room`]. Why, in one sentence.
    End(&'static str),
}

/// Decides about a room from the phase that the call had when it was last written down (`None`: no such call was) and from
/// who is in the room now.
#[must_use]
pub fn recover(call: &CallId, phase: Option<Phase>, members: &[Found]) -> Recovery {
    let answered = |wanted: fn(&Found, LegRef) -> bool| {
        members.iter().any(|found| found.answered(call).is_some_and(|leg| wanted(found, leg)))
    };
    let customer = answered(|_, leg| leg == LegRef::Customer);
    let supervisor = answered(|_, leg| leg != LegRef::Customer);
    let together = answered(|found, leg| leg != LegRef::Customer && !found.apart);
    let merged = answered(|found, leg| leg != LegRef::Customer && !found.apart && found.merged);
    match phase {
        None => Recovery::End("No call of that room was written down."),
        Some(Phase::Ended) => Recovery::End("The call had ended."),
        Some(Phase::Merged) if customer && together => Recovery::GoOn,
        Some(Phase::Merging) if customer && merged => Recovery::GoOn,
        Some(_) if customer || supervisor => Recovery::TakeLeave,
        Some(_) => Recovery::End("Nobody was on the line any more when Warmline was restarted."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(call: &CallId, who: &str, status: &str) -> Found {
        Found { identity: format!("{call}-{who}"), status: Some(status.to_owned()), merged: false, apart: false }
    }

    #[test]
    fn only_who_hears_the_other_is_left_undisturbed() {
        let call = CallId::from_bits(7);
        let customer = || found(&call, "customer", "active");
        let supervisor = || found(&call, "supervisor", "active");
        let marked = || Found { merged: true, ..supervisor() };
        let second = found(&call, "supervisor-2", "active");
        let ringing = || found(&call, "supervisor", "ringing");
        let watcher = || Found { identity: format!("{call}-watcher"), status: None, merged: false, apart: false };
        let stranger = Found { identity: "somebody-supervisor".to_owned(), ..supervisor() };
        let (merged, merging) = (Some(Phase::Merged), Some(Phase::Merging));
        let end = Recovery::End;
        let table = [
            (merged, vec![customer(), supervisor()], Recovery::GoOn),
            (merged, vec![watcher(), second, customer()], Recovery::GoOn),
            (merged, vec![customer()], Recovery::TakeLeave),
            (merged, vec![customer(), ringing()], Recovery::TakeLeave),
            (merged, vec![customer(), stranger.clone()], Recovery::TakeLeave),
            (merged, vec![supervisor()], Recovery::TakeLeave),
            (merged, vec![watcher(), stranger], end("Nobody was on the line any more when Warmline was restarted.")),
            (merging, vec![customer(), marked()], Recovery::GoOn),
            (merging, vec![customer(), supervisor()], Recovery::TakeLeave),
            (merging, vec![marked()], Recovery::TakeLeave),
            (merging, vec![customer(), Found { apart: true, ..marked() }], Recovery::TakeLeave),
            (merged, vec![customer(), Found { apart: true, ..supervisor() }], Recovery::TakeLeave),
            (Some(Phase::Briefing), vec![customer(), marked()], Recovery::TakeLeave),
            (Some(Phase::CallingSupervisor), vec![customer(), ringing()], Recovery::TakeLeave),
            (Some(Phase::Conversing), vec![customer()], Recovery::TakeLeave),
            (
                Some(Phase::Ringing),
                vec![found(&call, "customer", "ringing")],
                end("Nobody was on the line any more when Warmline was restarted."),
            ),
            (Some(Phase::Dialing), vec![], end("Nobody was on the line any more when Warmline was restarted.")),
            (Some(Phase::Ended), vec![customer(), supervisor()], end("The call had ended.")),
            (None, vec![customer(), supervisor()], end("No call of that room was written down.")),
        ];
        for (phase, members, expected) in table {
            assert_eq!(recover(&call, phase, &members), expected, "{phase:?} {members:?}");
        }
    }
}
