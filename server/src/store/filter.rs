use jiff::Timestamp;
use warmline_call::{CallView, EndReason, Phase};

/// Which calls, and from where on.
#[derive(Clone, Debug)]
pub struct CallFilter {
    /// Only those in this phase.
    pub phase: Option<Phase>,
    /// Only those that ended so.
    pub reason: Option<EndReason>,
    /// Only those placed then or later.
    pub since: Option<Timestamp>,
    /// Only those placed before.
    pub until: Option<Timestamp>,
    /// Only those in which this is found, upper or lower case: id, number, name, what was said.
    pub q: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<Cursor>,
    /// How many at most.
    pub limit: usize,
}

impl Default for CallFilter {
    fn default() -> Self {
        Self { phase: None, reason: None, since: None, until: None, q: None, cursor: None, limit: 50 }
    }
}

/// Where a page of calls ended. Its text is nobody's business but ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub(super) u64);

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "c{:x}", self.0)
    }
}

impl std::str::FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix('c').filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit())).ok_or(())?;
        // The file counts with 63 bits.
        u64::from_str_radix(digits, 16).ok().filter(|n| i64::try_from(*n).is_ok()).map(Self).ok_or(())
    }
}

impl CallFilter {
    /// Whether a call fits, its text aside.
    pub(super) fn fits(&self, view: &CallView) -> bool {
        self.phase.is_none_or(|phase| view.phase == phase)
            && self.reason.is_none_or(|reason| view.end.as_ref().is_some_and(|end| end.reason == reason))
            && self.since.is_none_or(|since| view.placed_at >= since)
            && self.until.is_none_or(|until| view.placed_at < until)
    }

    /// The text to look for, as [`haystack`] spells it.
    pub(super) fn needle(&self) -> Option<String> {
        self.q.as_deref().map(str::trim).filter(|q| !q.is_empty()).map(str::to_lowercase)
    }
}

/// What can be searched in a call: id, number, name and all that was said, in lower case.
pub(super) fn haystack(view: &CallView) -> String {
    let mut text = format!("{}\n{}\n", view.call, view.phone_number.reveal());
    if let Some(name) = &view.name {
        text.push_str(name.reveal());
        text.push('\n');
    }
    for line in &view.transcript {
        text.push_str(line.text.reveal());
        text.push('\n');
    }
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_nothing_else_passes_for_one() {
        assert_eq!(Cursor(0xbeef).to_string().parse(), Ok(Cursor(0xbeef)));
        for wrong in ["", "c", "beef", "cxyz", "c+1", "cffffffffffffffff", "c11111111111111111"] {
            assert_eq!(wrong.parse::<Cursor>(), Err(()), "{wrong}");
        }
    }
}
