use crate::intent;

/// Wishes that are plainly about being connected, so that they count before the question was asked.
const CONNECT: [&str; 14] = [
    "connect me",
    "connect us",
    "connect them",
    "connect him",
    "connect her",
    "connect the",
    "put them through",
    "put him through",
    "put her through",
    "put me through",
    "put them on",
    "patch them through",
    "take the call",
    "take this call",
];

/// Words that turn such a wish around, or put it off.
const NOT: [&str; 12] =
    ["not", "don't", "dont", "can't", "cant", "cannot", "won't", "wont", "never", "wait", "later", "before"];

/// What a supervisor's words mean for the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Connect.
    Yes,
    /// Don't.
    No,
    /// They want to hear it again.
    Again,
    /// They want to know who it is.
    Who,
    /// They want to know more.
    What,
    /// None of these.
    Unclear,
}

/// Reads what a supervisor said. `asked`: the question was put to them.
pub(super) fn read(text: &str, asked: bool) -> Answer {
    let answer = intent::yes_or_no(text);
    let connects = wants_connection(text) && answer != Some(false);
    if asked && answer == Some(false) || answer == Some(false) && text.split_whitespace().count() >= 3 {
        return Answer::No;
    }
    if connects {
        return Answer::Yes;
    }
    if intent::asks_repeat(text) {
        return Answer::Again;
    }
    if asks_about_person(text) {
        return Answer::Who;
    }
    if text.trim_end().ends_with('?') || intent::is_question(text) {
        return Answer::What;
    }
    if asked && answer == Some(true) { Answer::Yes } else { Answer::Unclear }
}

fn wants_connection(text: &str) -> bool {
    let text = text.to_lowercase().replace('’', "'");
    let asks = text.trim_end().ends_with('?') && !text.starts_with("yes") && !text.starts_with("can you");
    let words = || text.split(|c: char| !c.is_alphanumeric() && c != '\'');
    CONNECT.iter().any(|wish| text.contains(wish)) && !asks && !words().any(|w| NOT.contains(&w))
}

fn asks_about_person(text: &str) -> bool {
    let text = text.to_lowercase();
    ["who is", "who's", "who am", "which customer", "what's the name", "what is the name", "their name"]
        .iter()
        .any(|q| text.contains(q))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_wish_counts_before_the_question() {
        for text in ["Yes, connect me.", "Put them through, please.", "Sure, I'll take the call."] {
            assert_eq!(read(text, false), Answer::Yes, "{text}");
        }
        for text in ["Hello?", "Yes.", "Yeah, hi.", "Okay.", "Don't connect me yet.", "Wait, before you connect me."] {
            assert_ne!(read(text, false), Answer::Yes, "{text}");
        }
    }

    #[test]
    fn a_question_is_no_answer() {
        assert_eq!(read("Who is it?", true), Answer::Who);
        assert_eq!(read("What is the problem?", true), Answer::What);
        assert_eq!(read("Should I take this call?", true), Answer::What);
        assert_eq!(read("Yes?", true), Answer::What);
    }

    #[test]
    fn after_the_question_yes_and_no_count() {
        assert_eq!(read("Yes.", true), Answer::Yes);
        assert_eq!(read("Yes, I am ready.", true), Answer::Yes);
        assert_eq!(read("No, I'm in a meeting.", true), Answer::No);
        assert_eq!(read("No, I can't take the call now.", true), Answer::No);
    }
}
