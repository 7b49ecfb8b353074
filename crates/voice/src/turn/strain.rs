use std::time::Duration;

use crate::{Fact, Strain};

/// A turn may wait so long for a recognition or for the first sound of a sentence; more is noticed.
pub(super) const LATE: Duration = Duration::from_secs(1);
/// So many in time, one after the other, and speech keeps up again.
const IN_TIME: u32 = 3;

/// Whether speech keeps up with what is said on a line.
#[derive(Debug, Default)]
pub(super) struct Strains {
    strained: bool,
    in_time: u32,
}

impl Strains {
    /// Something that a turn waited for was there, late or in time. Gives what is to be reported.
    pub(super) fn note(&mut self, cause: Strain, late: bool) -> Option<Fact> {
        if late {
            self.in_time = 0;
            return (!std::mem::replace(&mut self.strained, true)).then_some(Fact::Strained { cause });
        }
        self.in_time += 1;
        let eased = self.strained && self.in_time >= IN_TIME;
        self.strained &= !eased;
        eased.then_some(Fact::Eased)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strain_is_told_once_and_its_end_when_it_is_sure() {
        let mut strains = Strains::default();
        let mut told = Vec::new();
        for (cause, late) in [
            (Strain::Hearing, false),
            (Strain::Hearing, true),
            (Strain::Speaking, true),
            (Strain::Hearing, false),
            (Strain::Speaking, false),
            (Strain::Speaking, true),
            (Strain::Speaking, false),
            (Strain::Hearing, false),
            (Strain::Hearing, false),
            (Strain::Hearing, false),
            (Strain::Speaking, true),
        ] {
            told.push(strains.note(cause, late));
        }
        let strained = |cause| Some(Fact::Strained { cause });
        let mut expected = vec![None; 11];
        (expected[1], expected[8], expected[10]) =
            (strained(Strain::Hearing), Some(Fact::Eased), strained(Strain::Speaking));
        assert_eq!(told, expected);
    }
}
