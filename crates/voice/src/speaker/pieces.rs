/// Longest text that is made speech of in one go: about 20 seconds. Characters.
const LONGEST: usize = 280;
/// A cut nearer to the beginning than a third of that would leave crumbs.
const SHORTEST: usize = LONGEST / 3;

/// A text in pieces that are each short enough to be spoken: cut where a sentence ends, else at a clause, else between words,
/// and within a word only where there is nothing else. Nothing is left out but the space at the cuts.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while let Some((limit, _)) = rest.char_indices().nth(LONGEST) {
        let (piece, after) = rest.split_at(cut(&rest[..limit]));
        pieces.push(piece.trim_end());
        rest = after.trim_start();
    }
    pieces.push(rest);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Where to cut a text that is as long as a piece may be.
fn cut(text: &str) -> usize {
    let least = text.char_indices().nth(SHORTEST).map_or(0, |(at, _)| at);
    let last = |is: fn(char) -> bool| {
        let ends = text.char_indices().rev().filter(|(at, c)| *at >= least && is(*c));
        let mut ends = ends.map(|(at, c)| at + c.len_utf8());
        ends.find(|end| text[*end..].starts_with(char::is_whitespace))
    };
    let sentence = last(|c| matches!(c, '.' | '!' | '?' | '…'));
    let clause = || last(|c| matches!(c, ',' | ';' | ':' | ')' | '–' | '—'));
    let word = || text.rfind(char::is_whitespace).filter(|at| *at >= least);
    sentence.or_else(clause).or_else(word).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_where_it_is_heard_least_and_nothing_is_lost() {
        let sentence = "The mail never arrives, and the page says that something went wrong. ";
        let clause = "and then it went on, ";
        for (text, end) in [(sentence, '.'), (clause, ','), ("blah ", 'h')] {
            let text = text.repeat(60);
            let cut = pieces(&text);
            assert!(cut.len() > 1 && cut.iter().all(|piece| piece.chars().count() <= LONGEST), "{cut:?}");
            assert!(cut[..cut.len() - 1].iter().all(|piece| piece.ends_with(end)), "{cut:?}");
            assert_eq!(cut.join(" "), text.trim());
        }
    }

    #[test]
    fn a_single_word_is_cut_between_letters_of_any_script() {
        for letter in ["x", "é", "字", "\u{1f600}"] {
            let word = letter.repeat(2_000);
            let cut = pieces(&word);
            assert!(cut.len() == 2_000_usize.div_ceil(LONGEST) && cut.concat() == word);
        }
    }

    #[test]
    fn what_is_short_stays_whole() {
        assert_eq!(pieces(" Hello. How are you? "), ["Hello. How are you?"]);
        assert!(pieces("  ").is_empty());
    }
}
