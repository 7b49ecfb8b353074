//! A normalised text in the pieces that the voice speaks one at a time.

/// Clauses longer than this are cut at a space.
const LONGEST_CLAUSE: usize = 100;
/// So is the first one, where no comma comes: its sound is waited for.
const LONGEST_FIRST: usize = 70;
/// Words longer than this are cut between letters: no dictionary has them, and the voice's time and memory grow with a clause.
const LONGEST_WORD: usize = 40;
/// The first clause ends at the first comma behind this many characters, so that its sound comes early.
const FIRST_CLAUSE: usize = 12;
/// Later clauses are kept whole up to this length: the voice sounds better over longer stretches.
const LATER_CLAUSE: usize = 70;
/// Greetings are the same in every call, what follows is not: on its own it's there before the name is made.
const GREETING: &str = "Hello";

/// The clauses of a normalised text, each with its punctuation; the first one is short.
pub(crate) fn clauses(text: &str) -> Vec<String> {
    let (greeting, text) = match text.split_once(' ') {
        Some((first, rest)) if first.trim_end_matches(',') == GREETING => (Some(format!("{GREETING},")), rest),
        _ => (None, text),
    };
    let mut clauses = Vec::new();
    let mut clause = String::new();
    let mut length = 0;
    for word in text.split_whitespace().flat_map(pieces_of_word) {
        let longest = if clauses.is_empty() { LONGEST_FIRST } else { LONGEST_CLAUSE };
        let letters = word.chars().count();
        if length > 0 && length + 1 + letters > longest {
            clauses.push(std::mem::take(&mut clause));
            length = 0;
        }
        if length > 0 {
            clause.push(' ');
            length += 1;
        }
        clause.push_str(word);
        length += letters;
        let wanted = if clauses.is_empty() { FIRST_CLAUSE } else { LATER_CLAUSE };
        if word.ends_with(['.', '!', '?']) || word.ends_with([',', ';', ':']) && length >= wanted {
            clauses.push(std::mem::take(&mut clause));
            length = 0;
        }
    }
    clauses.push(clause);
    clauses.retain(|clause| clause.contains(char::is_alphanumeric));
    greeting.into_iter().chain(clauses).collect()
}

fn pieces_of_word(word: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = word;
    while let Some((at, _)) = rest.char_indices().nth(LONGEST_WORD) {
        let (piece, after) = rest.split_at(at);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_clause_is_short_and_nothing_is_lost() {
        let text = "Hi, thanks for calling Bright Dental, this is Joe. How can I help you today, and with what?";
        let cut = clauses(text);
        assert_eq!(cut[0], "Hi, thanks for calling Bright Dental,");
        assert_eq!(cut.join(" "), text);
        assert!(clauses("… , .").is_empty() && clauses("").is_empty());
    }

    #[test]
    fn a_greeting_is_a_clause_of_its_own_whoever_is_greeted() {
        let first = |text| clauses(text).first().cloned();
        assert_eq!(first("Hello Jane Doe, this is Joe."), first("Hello, I have a customer who needs assistance."));
        assert_eq!(clauses("Hello."), ["Hello."]);
    }

    #[test]
    fn no_clause_is_too_long_for_the_voice() {
        let (letters, words) = ("x".repeat(2_000), "word ".repeat(400));
        for text in [letters.as_str(), words.trim(), &"é".repeat(1_999), &format!("Well, {letters}. Done.")] {
            let cut = clauses(text);
            assert!(cut[0].chars().count() <= LONGEST_FIRST && cut.iter().all(|c| c.chars().count() <= LONGEST_CLAUSE));
            let kept = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
            assert_eq!(kept(&cut.concat()), kept(text), "nothing is lost");
        }
    }
}
