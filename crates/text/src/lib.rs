//! Text from outside where people read it, or hear it: on one line, and nothing in it but what is seen.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory},
};

/// Whether a character breaks the line or moves the cursor.
fn breaks(c: char) -> bool {
    use GeneralCategory::{Control, LineSeparator, ParagraphSeparator};
    matches!(CodePointMapData::<GeneralCategory>::new().get(c), Control | LineSeparator | ParagraphSeparator)
}

/// Whether a character is not seen itself, but may change how others are: direction, joining, width zero.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::Format
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// A name: what is not seen is left out, so that two names that look the same are the same. `None` where something in it
/// would break the line.
#[must_use]
pub fn name(text: &str) -> Option<String> {
    let seen: String = text.chars().filter(|c| breaks(*c) || !is_unseen(*c)).collect();
    let name = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    (!seen.trim().chars().any(breaks)).then_some(name)
}

/// A text as it may be shown on one line: whatever would break it is a space.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| breaks(*c) || !is_unseen(*c)).map(|c| if breaks(c) { ' ' } else { c }).collect()
}

/// A text as it may stand in a line of the log: what would not be seen is written as its escape.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut to, c| {
        match c {
            _ if breaks(c) => to.extend(c.escape_default()),
            _ if is_unseen(c) => to.extend(c.escape_unicode()),
            _ => to.push(c),
        }
        to
    })
}

/// JSON as a terminal may be given it: what JSON leaves as it is and a terminal obeys is escaped in its strings.
#[must_use]
pub fn escaped_json(json: &str) -> String {
    let mut units = [0; 2];
    json.chars().fold(String::with_capacity(json.len()), |mut to, c| {
        // Line breaks stand between the values: in strings JSON has escaped them.
        if c != '\n' && (breaks(c) || is_unseen(c)) {
            let units = c.encode_utf16(&mut units);
            units.iter().for_each(|unit| to.push_str(&format!("\\u{unit:04x}")));
        } else {
            to.push(c);
        }
        to
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Direction, width zero, soft hyphen, joiners, fillers, variation selectors, tags.
    const UNSEEN: &str =
        "\u{202e}\u{2066}\u{2069}\u{200b}\u{200d}\u{feff}\u{ad}\u{34f}\u{115f}\u{3164}\u{fe0f}\u{e0041}\u{61c}";
    const BREAKS: &str = "\u{2028}\u{2029}\n\r\t\u{b}\u{1b}\u{7f}\u{85}\u{9b}\0";

    #[test]
    fn a_name_is_what_is_seen_of_it() {
        for c in UNSEEN.chars() {
            assert_eq!(name(&format!("An{c}n")).as_deref(), Some("Ann"), "{c:?}");
            assert_eq!(name(&format!("{c}")).as_deref(), Some(""), "{c:?}");
        }
        for c in BREAKS.chars() {
            assert_eq!(name(&format!("An{c}n")), None, "{c:?}");
        }
        for fine in ["Jörg Ann", "李小龍", "محمد", "O'Hara", "Ann 🙂", "नेहा", "e\u{301}"] {
            assert_eq!(name(fine).as_deref(), Some(fine));
        }
        assert_eq!(name("  Jörg \u{a0}\u{3000} Ann ").as_deref(), Some("Jörg Ann"));
    }

    #[test]
    fn nothing_that_is_shown_moves_the_cursor_or_turns_the_line() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c\u{2028}d"), "a [2Jbc d");
        assert_eq!(escaped("a\u{1b}[2Jb\u{202e}c\nd é"), r"a\u{1b}[2Jb\u{202e}c\nd é");
        let text: String = UNSEEN.chars().chain(BREAKS.chars()).chain("é🙂\"\\".chars()).collect();
        let json = escaped_json(&serde_json::to_string_pretty(&[&text]).unwrap());
        assert!(!json.chars().any(|c| c != '\n' && (breaks(c) || is_unseen(c))), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text], "the same value");
        for c in UNSEEN.chars().chain(BREAKS.chars()) {
            assert!(!printable(&c.to_string()).contains(c) && !escaped(&c.to_string()).contains(c), "{c:?}");
        }
    }
}
