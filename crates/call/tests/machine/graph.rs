//! The phase graph as the crate's documentation draws it.

use warmline_call::Phase::{self, *};

/// Where each phase may go.
pub fn successors(phase: Phase) -> &'static [Phase] {
    match phase {
        Queued => &[Dialing, Ended],
        Dialing => &[Ringing, Conversing, Ended],
        Ringing => &[Conversing, Ended],
        Conversing => &[OnHold, Ended],
        OnHold => &[CallingSupervisor, Conversing, Ended],
        CallingSupervisor => &[Briefing, Conversing, Ended],
        Briefing => &[Merging, CallingSupervisor, Conversing, Ended],
        Merging => &[Merged, CallingSupervisor, Conversing, Ended],
        Merged => &[Ended],
        Ended => &[],
    }
}
