//! Why a plain post of the form was refused.

use warmline_api::INVALID_PHONE_NUMBER;

use crate::texts::t;

/// Why a plain post of the form was refused, as the address of the page after it says: a code with a fixed text, so that
/// a link from elsewhere can't put words into Warmline's mouth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The number can't be dialled.
    Phone,
    /// The name is too long.
    Name,
    /// The instruction is too long.
    Instruction,
    /// Nobody speaks that language here.
    Language,
    /// As many calls as possible are open.
    Busy,
    /// Something that calls need is missing.
    NotReady,
    /// The call was placed, and nobody was dialled.
    Failed,
    /// The post was no form, or not a whole one.
    Unreadable,
}

impl Refusal {
    const ALL: [Self; 8] = [
        Self::Phone,
        Self::Name,
        Self::Instruction,
        Self::Language,
        Self::Busy,
        Self::NotReady,
        Self::Failed,
        Self::Unreadable,
    ];

    /// The refusal of that code; none for any other text.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }

    /// What the address says: one word.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Name => "name",
            Self::Instruction => "instruction",
            Self::Language => "language",
            Self::Busy => "busy",
            Self::NotReady => "not_ready",
            Self::Failed => "failed",
            Self::Unreadable => "unreadable",
        }
    }

    /// What the form says.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Phone => INVALID_PHONE_NUMBER,
            Self::Name => t().form_name_too_long,
            Self::Instruction => t().form_instruction_too_long,
            Self::Language => t().form_wrong_language,
            Self::Busy => t().form_too_many,
            Self::NotReady => t().form_not_ready,
            Self::Failed => t().form_failed,
            Self::Unreadable => t().form_unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_comes_back_and_any_other_text_says_nothing() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::of(refusal.code()), Some(refusal));
        }
        for other in ["", "Phone", "Your session has ended. Call +1 900 …", "phone "] {
            assert_eq!(Refusal::of(other), None, "{other}");
        }
    }
}
