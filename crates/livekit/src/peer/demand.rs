/// Answers in a row that leave all new sections unused, before the server is no longer given what it asks for at once.
const FRUITLESS: u32 = 2;

/// Which of the server's wishes for sections are granted.
///
/// A server whose subscriber was unsubscribed before the section for it was there keeps a sender that no section ever
/// fits, and asks for one after every answer, for ever. So what was fruitless twice is put off until the server wants to
/// negotiate for another reason.
#[derive(Debug, Default)]
pub(super) struct Demand {
    /// Answers in a row that left all new sections unused.
    fruitless: u32,
    /// The next wish is the echo of such an answer.
    echo: bool,
    /// Audio and video sections put off.
    owed: (u32, u32),
}

impl Demand {
    /// How many sections to offer for this wish; `None` for no offer at all.
    pub(super) fn grant(&mut self, audios: u32, videos: u32) -> Option<(u32, u32)> {
        let wanted = (audios.saturating_add(self.owed.0), videos.saturating_add(self.owed.1));
        if std::mem::take(&mut self.echo) && (audios, videos) != (0, 0) {
            self.owed = wanted;
            return None;
        }
        self.owed = (0, 0);
        Some(wanted)
    }

    /// An answer came, to an offer that `added` sections, of which some are `used`.
    pub(super) fn answered(&mut self, added: bool, used: bool) {
        self.fruitless = match (added, used) {
            (_, true) => 0,
            (true, false) => self.fruitless + 1,
            (false, false) => self.fruitless,
        };
        self.echo = added && !used && self.fruitless >= FRUITLESS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Pitfall 2.
    #[test]
    fn a_server_that_asks_for_ever_is_not_answered_for_ever() {
        let mut demand = Demand::default();
        let mut offers = 0;
        while let Some((audios, _)) = demand.grant(1, 0) {
            offers += 1;
            demand.answered(audios > 0, false);
            assert!(offers < 10, "never loops for ever");
        }
        assert_eq!(offers, FRUITLESS);
        assert_eq!(demand.grant(0, 0), Some((1, 0)), "another reason: what was put off is offered now");
        demand.answered(true, true);
        assert_eq!(demand.grant(1, 0), Some((1, 0)), "it was used: all is well again");
        demand.answered(true, true);
        assert_eq!(demand.grant(0, 0), Some((0, 0)), "nothing needed, yet an offer wanted");
    }

    #[test]
    fn a_wish_of_its_own_is_granted_with_what_was_put_off() {
        let mut demand = Demand { fruitless: FRUITLESS, echo: true, owed: (0, 0) };
        assert_eq!(demand.grant(1, 0), None);
        assert_eq!(demand.grant(1, 1), Some((2, 1)));
    }
}
