use warmline_call::{CallId, LegRef, Phase};
use warmline_livekit::services::Member;

use crate::identity;

/// Somebody in a room that was found open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Who.
    pub identity: String,
    /// How far their call has come (`sip.callStatus`), if they are at a telephone.
    pub status: Option<String>,
}

impl Found {
    pub(crate) fn of(member: Member) -> Self {
        let status = member.participant.attributes.get("sip.callStatus").cloned();
        Self { identity: member.participant.identity, status }
    }
}

/// What becomes of a room that was found open when the program started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Customer and supervisor talk to each other: [`crate::LiveKit::adopt`] it.
    Adopt,
    /// Nobody talks to who is in it: [`crate::LiveKit::end_room`]. Why, in one sentence.
    End(&'static str),
}

/// Decides about a room from the phase that the call had when it was last written down (`None`: no such call was) and from
/// who is in the room now.
#[must_use]
pub fn recover(call: &CallId, phase: Option<Phase>, members: &[Found]) -> Recovery {
    let active = |wanted: fn(LegRef) -> bool| {
        members.iter().any(|member| {
            let leg = identity::leg_of(call, &member.identity);
            leg.is_some_and(wanted) && member.status.as_deref() == Some("active")
        })
    };
    let (customer, supervisor) = (active(|leg| leg == LegRef::Customer), active(|leg| leg != LegRef::Customer));
    match phase {
        None => Recovery::End("No call of that room was written down."),
        Some(Phase::Ended) => Recovery::End("The call had ended."),
        Some(Phase::Merged) if customer && supervisor => Recovery::Adopt,
        Some(Phase::Merged) if customer => Recovery::End("The supervisor hung up while Warmline was restarted."),
        Some(Phase::Merged) if supervisor => Recovery::End("The customer hung up while Warmline was restarted."),
        Some(Phase::Merged) => Recovery::End("Both hung up while Warmline was restarted."),
        Some(_) => Recovery::End("Warmline was restarted while its agent was on the call."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(call: &CallId, who: &str, status: &str) -> Found {
        Found { identity: format!("{call}-{who}"), status: Some(status.to_owned()) }
    }

    #[test]
    fn only_a_merged_call_with_both_on_the_line_goes_on() {
        let call = CallId::from_bits(7);
        let customer = || found(&call, "customer", "active");
        let supervisor = || found(&call, "supervisor", "active");
        let second = found(&call, "supervisor-2", "active");
        let ringing = found(&call, "supervisor", "ringing");
        let watcher = Found { identity: format!("{call}-watcher"), status: None };
        let stranger = Found { identity: "somebody-supervisor".to_owned(), status: Some("active".to_owned()) };
        let merged = Some(Phase::Merged);
        let table = [
            (merged, vec![customer(), supervisor()], None),
            (merged, vec![watcher.clone(), second, customer()], None),
            (merged, vec![customer()], Some("supervisor hung up")),
            (merged, vec![customer(), ringing], Some("supervisor hung up")),
            (merged, vec![customer(), stranger], Some("supervisor hung up")),
            (merged, vec![supervisor()], Some("customer hung up")),
            (merged, vec![watcher], Some("Both hung up")),
            (None, vec![customer(), supervisor()], Some("written down")),
            (Some(Phase::Ended), vec![customer(), supervisor()], Some("had ended")),
            (Some(Phase::Merging), vec![customer(), supervisor()], Some("restarted")),
            (Some(Phase::Conversing), vec![customer()], Some("restarted")),
            (Some(Phase::Dialing), vec![], Some("restarted")),
        ];
        for (phase, members, why) in table {
            match (recover(&call, phase, &members), why) {
                (Recovery::Adopt, None) => {}
                (Recovery::End(said), Some(why)) => assert!(said.contains(why), "{phase:?} {members:?}: {said}"),
                (decided, _) => panic!("{phase:?} {members:?}: {decided:?}"),
            }
        }
    }
}
