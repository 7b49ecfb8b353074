//! Any script's letters in those that English is spelled with.

use deunicode::deunicode_char;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use warmline_text::is_unseen;

/// Letters with marks that the pronunciation knows.
const KNOWN: &str = "àáâãäåçèéêëìíîïñòóôõöøùúûüßÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜ";
/// Marks beyond ASCII that are said, or that the normaliser knows.
const MARKS: &str = "£€°‘’ʼ“”„–—…";

/// Names in other scripts become their nearest sound; what has none (pictures, control characters) is left out. Nobody's
/// sentence falls silent for a name.
pub(super) fn latin(text: &str) -> String {
    let mut latin = String::with_capacity(text.len());
    for c in text.nfc() {
        match c {
            c if c.is_control() => latin.push(' '),
            c if c.is_ascii() || KNOWN.contains(c) || MARKS.contains(c) => latin.push(c),
            c if is_combining_mark(c) || is_unseen(c) => {}
            c if c.is_alphanumeric() => {
                let plain = deunicode_char(c).unwrap_or(" ");
                latin.extend(plain.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '/' | '.')));
            }
            // A full stop or a question mark of another script.
            c => latin.push_str(deunicode_char(c).filter(|mark| is_pause(mark) && !"¿¡".contains(c)).unwrap_or(" ")),
        }
    }
    latin
}

fn is_pause(mark: &str) -> bool {
    mark.trim_end().chars().all(|c| ".,;:!?".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        latin(text).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_name_in_another_script_becomes_sounds_and_what_is_around_it_stays() {
        for name in ["Алексей", "Γιώργος", "محمد", "王小明", "김민수", "प्रिया", "さくら", "Łukasz", "Đặng", "ſpæt", "ﷺ"]
        {
            let said = words(&format!("Hello {name}, how are you?"));
            let inner = said.strip_prefix("Hello ").and_then(|rest| rest.strip_suffix(", how are you?"));
            let inner = inner.unwrap_or_else(|| panic!("{said}"));
            assert!(inner.contains(|c: char| c.is_ascii_alphabetic()) && inner.is_ascii(), "{name}: {said}");
        }
        assert_eq!(words("Hello Алексей and Łukasz."), "Hello Aleksei and Lukasz.");
        assert_eq!(words("Здравствуйте。你好？"), "Zdravstvuite. Ni Hao ?");
    }

    #[test]
    fn pictures_marks_and_control_characters_are_left_out() {
        assert_eq!(words("Hello 😀👩‍👩‍👧🏳️‍🌈, hi"), "Hello , hi");
        assert_eq!(words("Zoe\u{308} Ju\u{301}le\u{36f}s"), "Zoë Júles");
        assert_eq!(words("J\u{200b}o\u{202e}e\u{0}\u{7}\u{2028}Doe\u{ad}"), "Joe Doe");
        assert_eq!(words("J\u{61c}o\u{3164}e\u{115f}\u{180e} Do\u{fff9}e"), "Joe Doe");
        assert_eq!(words("¿Qué?"), "Qué?");
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        let text = "It’s “fine” – really… for £3.50, at 21° or café prices (5%).";
        assert_eq!(latin(text), text);
    }
}
