/// A piece longer than this is cut at a blank.
const LONGEST_PIECE: usize = 240;
/// The first piece may end at a comma once it is so long, so that speech begins early.
const FIRST_CLAUSE: usize = 24;

/// Cuts a stream of text into sentences; the first piece may be a clause.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    text: String,
    begun: bool,
}

impl Splitter {
    /// Adds some text; gives the pieces that are whole now.
    pub(crate) fn push(&mut self, text: &str) -> Vec<String> {
        self.text.push_str(text);
        let mut pieces = Vec::new();
        while let Some(end) = self.piece_end() {
            let rest = self.text.split_off(end);
            let piece = std::mem::replace(&mut self.text, rest);
            if piece.chars().any(char::is_alphanumeric) {
                self.begun = true;
                pieces.push(piece.trim().to_owned());
            }
        }
        pieces
    }

    /// What is left when the stream has ended.
    pub(crate) fn rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.text);
        rest.chars().any(char::is_alphanumeric).then(|| rest.trim().to_owned())
    }

    fn piece_end(&self) -> Option<usize> {
        let mut letters = self.text.char_indices().peekable();
        let mut blank = 0;
        while let Some((at, letter)) = letters.next() {
            let end = at + letter.len_utf8();
            let blank_follows = letters.peek().is_some_and(|(_, next)| next.is_whitespace());
            let sentence = matches!(letter, '.' | '!' | '?' | '…' | '。' | '！' | '？')
                && blank_follows
                && !abbreviates(&self.text[..end]);
            let clause =
                !self.begun && matches!(letter, ',' | ';' | ':' | '–' | '—') && blank_follows && end >= FIRST_CLAUSE;
            if sentence || clause || letter == '\n' {
                return Some(end);
            }
            if letter.is_whitespace() {
                blank = end;
            }
            if end > LONGEST_PIECE {
                return Some(if blank > 0 { blank } else { end });
            }
        }
        None
    }
}

fn abbreviates(text: &str) -> bool {
    const SHORT: &[&str] = &["mr.", "mrs.", "ms.", "dr.", "st.", "e.g.", "i.e.", "prof.", "no.", "a.m.", "p.m.", "vs."];
    let word = text.rsplit(char::is_whitespace).next().unwrap_or_default().to_lowercase();
    SHORT.contains(&word.as_str()) || word.trim_end_matches('.').chars().all(|c| c.is_ascii_digit()) && word.len() <= 3
}

/// A piece as it can be spoken: without markdown, emoji, links and control characters; `None` where nothing sensible is
/// left.
pub(crate) fn speakable(piece: &str) -> Option<String> {
    let unlinked = without_links(piece);
    let words = unlinked.split_whitespace().filter(|w| !w.contains("://") && !w.starts_with("www."));
    let kept: String = words.collect::<Vec<_>>().join(" ").chars().filter_map(spoken_letter).collect();
    let text = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text
        .trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '"' | '¿' | '¡' | '$' | '€' | '£'));
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let solid = text.chars().filter(|c| !c.is_whitespace()).count();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let garbage = (letters + digits) * 2 < solid || looks_like_code(piece);
    (letters + digits > 0 && !garbage).then(|| text.to_owned())
}

fn spoken_letter(letter: char) -> Option<char> {
    const MARKS: &str = ".,;:?!'\"’‘“”-–—()%&€$£/+@°…¿¡。！？，、";
    match letter {
        c if c.is_alphanumeric() && c != '\u{fffd}' => Some(c),
        c if MARKS.contains(c) => Some(c),
        '\u{200d}' | '\u{fe0f}' => None,
        '*' | '`' | '#' | '~' | '_' => None,
        _ => Some(' '),
    }
}

/// '[text](address)' → 'text'
fn without_links(text: &str) -> String {
    let Some((before, rest)) = text.split_once('[') else { return text.to_owned() };
    let Some((label, after)) = rest.split_once(']') else { return text.to_owned() };
    let after = after.strip_prefix('(').and_then(|a| a.split_once(')')).map_or(after, |(_, after)| after);
    format!("{before}{label}{}", without_links(after))
}

fn looks_like_code(piece: &str) -> bool {
    let piece = piece.trim();
    piece.starts_with(['{', '}', '<']) || piece.contains("\":") || piece.contains("```") || piece.contains("</")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(tokens: &[&str]) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut all: Vec<String> = tokens.iter().flat_map(|t| splitter.push(t)).collect();
        all.extend(splitter.rest());
        all
    }

    #[test]
    fn sentences_come_whole_and_the_first_may_be_a_clause() {
        let text = ["Your appoint", "ment is on Tuesday, at 3.30 p.m. with Dr. Lee. Is that", " all right? ", "Good"];
        assert_eq!(
            pieces(&text),
            ["Your appointment is on Tuesday,", "at 3.30 p.m. with Dr. Lee.", "Is that all right?", "Good"]
        );
        assert_eq!(pieces(&["Yes, I am. Fine"]), ["Yes, I am.", "Fine"]);
        assert_eq!(pieces(&["one\ntwo\n\n", "..."]), ["one", "two"]);
    }

    #[test]
    fn text_without_an_end_is_cut_at_a_blank() {
        let all = pieces(&["word ".repeat(100).as_str()]);
        assert!(all.len() >= 2 && all.iter().all(|p| p.len() <= LONGEST_PIECE && p.ends_with("word")), "{all:?}");
        assert!(pieces(&["x".repeat(1000).as_str()]).iter().all(|p| p.len() <= LONGEST_PIECE + 1));
    }

    #[test]
    fn what_can_not_be_spoken_is_dropped() {
        for (written, spoken) in [
            ("**Sure!** 😀 It's _done_.", Some("Sure! It's done.")),
            ("- First item", Some("First item")),
            ("# Title", Some("Title")),
            ("See [our page](https://a.b) now", Some("See our page now")),
            ("Go to https://a.b/c please", Some("Go to please")),
            ("That is $5 (five).", Some("That is $5 (five).")),
            ("¿Cómo está?", Some("¿Cómo está?")),
            ("{\"name\": \"escalate\"}", None),
            ("<tool_call>", None),
            ("😀😀", None),
            ("�#@!~%^&", None),
            ("...", None),
        ] {
            assert_eq!(speakable(written).as_deref(), spoken, "{written}");
        }
    }
}
