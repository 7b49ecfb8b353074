//! The sentences whose wording is fixed.

use warmline_call::{Because, DecidedBy, FixedLine, TransferOutcome};

/// The wording of a fixed line.
#[must_use]
pub const fn fixed(line: FixedLine) -> &'static str {
    match line {
        FixedLine::Hold => "Please hold while I connect you to a human agent.",
        FixedLine::Connecting => "Connecting you to the customer now.",
        FixedLine::Merged => "You are on the line with my supervisor. I'll be hanging up now.",
        FixedLine::CustomerLeft => "I'm sorry, the customer has just hung up. Thank you for your time. Goodbye.",
        FixedLine::Cancelled => "The customer no longer needs to be connected. Thank you for your time. Goodbye.",
        FixedLine::TimeOver => "I'm sorry, the time for this call is over. Thank you for talking with me. Goodbye.",
        FixedLine::Stopping => "I'm sorry, our service is stopping now, so I have to end this call. Goodbye.",
        FixedLine::Trouble => "I'm sorry, something is wrong on our side.",
        FixedLine::VoicemailMessage => {
            "Hello, this is an automated call. I'm sorry I missed you. We will try again later. Goodbye."
        }
    }
}

/// What the customer is told after a transfer that failed, in plain words.
#[must_use]
pub const fn no_human_because(outcome: TransferOutcome) -> &'static str {
    match outcome {
        TransferOutcome::Connected => "You have been connected.",
        TransferOutcome::Declined => "I'm sorry, my supervisor can't take your call right now.",
        TransferOutcome::NoAnswer => "I'm sorry, my supervisor didn't answer.",
        TransferOutcome::Busy => "I'm sorry, my supervisor's line is busy.",
        TransferOutcome::Unreachable => "I'm sorry, I couldn't reach my supervisor.",
        TransferOutcome::Voicemail => "I'm sorry, I only reached my supervisor's voicemail.",
        TransferOutcome::HungUp => "I'm sorry, my supervisor was cut off before I could connect you.",
        TransferOutcome::DecisionTimeout => "I'm sorry, my supervisor couldn't take your call in time.",
        TransferOutcome::CustomerLeft | TransferOutcome::Cancelled => "All right, I won't connect you. I'm still here.",
        TransferOutcome::MergeFailed => "I'm sorry, connecting you to my supervisor didn't work.",
    }
}

/// What the customer is told when the agent is theirs again.
pub(crate) fn because(because: &Because) -> String {
    match because {
        Because::NotConnected { outcome, by, reason } => {
            let told = no_human_because(*outcome);
            // What somebody types is meant to be passed on; what they say to the agent in private is not.
            let typed = reason.as_ref().filter(|_| *outcome == TransferOutcome::Declined && *by == DecidedBy::Console);
            match typed.map(|reason| shortened(reason.reveal(), LONGEST_REASON)) {
                Some(reason) if !reason.is_empty() => {
                    format!("{told} The reason is: {}.", reason.trim_end_matches('.'))
                }
                _ => told.to_owned(),
            }
        }
        Because::NoHuman => no_human().to_owned(),
        Because::GivenBack => back_again().to_owned(),
    }
}

/// What the agent is to know of it beyond that, for itself.
pub(crate) fn note_because(because: &Because) -> Option<String> {
    let Because::NotConnected { outcome, reason: Some(reason), .. } = because else { return None };
    let reason = shortened(reason.reveal(), LONGEST_REASON);
    (!reason.is_empty())
        .then(|| format!("The customer was not connected ({outcome}). What was said about it: {reason}"))
}

/// Characters of a reason that are passed on.
const LONGEST_REASON: usize = 200;

/// A text cut to at most so many characters, at a word.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= most {
        return text;
    }
    let cut: String = text.chars().take(most).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(before, _)| before);
    format!("{}…", whole.trim_end_matches([',', '.', ';']))
}

/// Said while the model thinks for too long.
#[must_use]
pub const fn filler() -> &'static str {
    "One moment, please."
}

/// Said after a long silence.
#[must_use]
pub const fn still_there() -> &'static str {
    "Are you still there?"
}

/// Said after a turn that could not be recognised.
#[must_use]
pub const fn not_understood() -> &'static str {
    "I'm sorry, I didn't catch that. Could you say it again?"
}

/// Said when a colleague who spoke in the agent's place has given the call back.
#[must_use]
pub const fn back_again() -> &'static str {
    "You are talking with the assistant again."
}

/// Said where a human is asked for and none can be reached.
#[must_use]
pub const fn no_human() -> &'static str {
    "I'm sorry, no human can be reached on this line."
}

/// The offer of a human.
#[must_use]
pub const fn offer_human() -> &'static str {
    "Would you like me to connect you with a human supervisor?"
}

/// How the private talk with a supervisor begins.
#[must_use]
pub const fn consult_intro() -> &'static str {
    "Hello, I have a customer who needs assistance."
}

/// The question that asks for the supervisor's decision.
#[must_use]
pub const fn consult_question() -> &'static str {
    "Are you ready to take this call?"
}

/// The two questions that follow where the answer was unclear.
#[must_use]
pub const fn consult_again() -> [&'static str; 2] {
    [
        "Shall I connect you? Please say yes or no, or press 1 or 2.",
        "I'm sorry, I didn't catch that. To take the call, say yes or press 1. To decline, say no or press 2.",
    ]
}

/// Every fixed sentence, for rendering ahead.
#[must_use]
pub fn all_fixed() -> Vec<&'static str> {
    let mut all: Vec<&str> = FixedLine::ALL.iter().copied().map(fixed).collect();
    all.extend([filler(), still_there(), not_understood(), offer_human(), no_human(), back_again()]);
    all.extend([consult_intro(), consult_question()]);
    all.extend(consult_again());
    all.extend(TransferOutcome::ALL.iter().map(|o| no_human_because(*o)));
    let mut known = std::collections::BTreeSet::new();
    all.retain(|line| known.insert(*line));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guides_wording_is_kept() {
        assert_eq!(fixed(FixedLine::Hold), "Please hold while I connect you to a human agent.");
        assert_eq!(fixed(FixedLine::Connecting), "Connecting you to the customer now.");
        assert_eq!(fixed(FixedLine::Merged), "You are on the line with my supervisor. I'll be hanging up now.");
        assert_eq!(offer_human(), "Would you like me to connect you with a human supervisor?");
        assert_eq!(consult_intro(), "Hello, I have a customer who needs assistance.");
        assert_eq!(consult_question(), "Are you ready to take this call?");
    }

    #[test]
    fn every_fixed_sentence_is_rendered_ahead_once() {
        let all = all_fixed();
        let once: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(once.len(), all.len());
        assert!(all.contains(&fixed(FixedLine::Trouble)) && all.contains(&no_human_because(TransferOutcome::NoAnswer)));
    }

    #[test]
    fn a_text_is_cut_at_a_word() {
        assert_eq!(shortened("one two  three", 40), "one two three");
        assert_eq!(shortened("one two, three", 10), "one two…");
        assert_eq!(shortened("ééééé", 3), "ééé…");
    }
}
