//! English text to the symbols of the Piper voice.

use misaki_rs::{Fallback, G2P, Language, fallback::FallbackError};
use tracing::{Dispatch, dispatcher};

/// Most symbols that are spoken at once: about 8 seconds. The voice's memory and time grow with them.
const MOST_SYMBOLS: usize = 120;
/// A word without vowels, or in capitals, is spelled if it has at most so many letters.
const SPELLED: usize = 5;

/// Turns words into sounds.
pub(crate) struct Phonemes {
    engine: G2P,
}

impl Phonemes {
    pub(crate) fn new() -> Self {
        Self { engine: G2P::with_fallback(Language::EnglishUS, Some(Box::new(Letters))) }
    }

    /// The symbols of a text that [`crate::normalise`] has put into words, in pieces that can be spoken at once. What has no
    /// sounds is left out, so that there may be none.
    pub(crate) fn of(&self, text: &str) -> Vec<String> {
        pieces(&to_piper(&self.sounds(text)))
    }

    /// Should a word make the library fail, the others are spoken nevertheless.
    fn sounds(&self, text: &str) -> String {
        // The library logs what is said, which is nobody's business: nothing that it logs gets anywhere.
        let g2p = |text: &str| dispatcher::with_default(&Dispatch::none(), || self.engine.g2p(text));
        if let Ok((sounds, _)) = g2p(text) {
            return sounds;
        }
        let words =
            text.split_whitespace().map(|word| g2p(word).map_or_else(|_| by_letters(word), |(sounds, _)| sounds));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Cuts symbols between words, and within a word only where it alone is too long.
fn pieces(symbols: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = symbols.trim();
    while let Some((limit, _)) = rest.char_indices().nth(MOST_SYMBOLS) {
        let cut = rest[..limit].rfind(' ').unwrap_or(limit);
        pieces.push(rest[..cut].to_owned());
        rest = rest[cut..].trim_start();
    }
    pieces.push(rest.to_owned());
    pieces.retain(|piece| piece.contains(char::is_alphabetic));
    pieces
}

/// Sounds of a word that no dictionary has, by its letters.
struct Letters;

impl Fallback for Letters {
    fn phonemize(&self, word: &str) -> Result<String, FallbackError> {
        // An error would silence the whole sentence.
        Ok(by_letters(word))
    }
}

fn by_letters(word: &str) -> String {
    if is_initialism(word) { spell(word) } else { by_rules(word) }
}

fn is_initialism(word: &str) -> bool {
    let letters = || word.chars().filter(|c| c.is_alphabetic());
    let vowel = |c: char| "aeiouyAEIOUY".contains(c);
    (1..=SPELLED).contains(&letters().count()) && (letters().all(char::is_uppercase) || !letters().any(vowel))
}

fn spell(word: &str) -> String {
    let names = word.chars().filter_map(|c| {
        Some(match c.to_ascii_lowercase() {
            'a' => "ˈA",
            'b' => "bˈi",
            'c' => "sˈi",
            'd' => "dˈi",
            'e' => "ˈi",
            'f' => "ˈɛf",
            'g' => "ʤˈi",
            'h' => "ˈAʧ",
            'i' => "ˈI",
            'j' => "ʤˈA",
            'k' => "kˈA",
            'l' => "ˈɛl",
            'm' => "ˈɛm",
            'n' => "ˈɛn",
            'o' => "ˈO",
            'p' => "pˈi",
            'q' => "kjˈu",
            'r' => "ˈɑɹ",
            's' => "ˈɛs",
            't' => "tˈi",
            'u' => "jˈu",
            'v' => "vˈi",
            'w' => "dˈʌbəlju",
            'x' => "ˈɛks",
            'y' => "wˈI",
            'z' => "zˈi",
            _ => return None,
        })
    });
    names.collect()
}

/// Letters and their sounds, the longest first. `$` ends a word.
const RULES: &[(&str, &str)] = &[
    ("tion", "ʃən"),
    ("sion", "ʒən"),
    ("ough", "O"),
    ("augh", "ɔ"),
    ("eigh", "A"),
    ("tch", "ʧ"),
    ("sch", "ʃ"),
    ("igh", "I"),
    ("dge", "ʤ"),
    ("eau", "O"),
    ("ies$", "iz"),
    ("es$", "z"),
    ("ed$", "d"),
    ("le$", "əl"),
    ("e$", ""),
    ("y$", "i"),
    ("ch", "ʧ"),
    ("sh", "ʃ"),
    ("th", "θ"),
    ("ph", "f"),
    ("wh", "w"),
    ("ck", "k"),
    ("ng", "ŋ"),
    ("qu", "kw"),
    ("kn", "n"),
    ("wr", "ɹ"),
    ("gh", "ɡ"),
    ("ee", "i"),
    ("ea", "i"),
    ("oo", "u"),
    ("ou", "W"),
    ("ow", "O"),
    ("oi", "Y"),
    ("oy", "Y"),
    ("ai", "A"),
    ("ay", "A"),
    ("ei", "A"),
    ("ey", "i"),
    ("ie", "i"),
    ("oa", "O"),
    ("oe", "O"),
    ("ue", "u"),
    ("au", "ɔ"),
    ("aw", "ɔ"),
    ("ew", "u"),
    ("ar", "ɑɹ"),
    ("er", "əɹ"),
    ("ir", "ɜɹ"),
    ("or", "ɔɹ"),
    ("ur", "ɜɹ"),
    ("ce", "sɛ"),
    ("ci", "sɪ"),
    ("cy", "si"),
    ("ge", "ʤɛ"),
    ("gi", "ʤɪ"),
    ("a", "æ"),
    ("b", "b"),
    ("c", "k"),
    ("d", "d"),
    ("e", "ɛ"),
    ("f", "f"),
    ("g", "ɡ"),
    ("h", "h"),
    ("i", "ɪ"),
    ("j", "ʤ"),
    ("k", "k"),
    ("l", "l"),
    ("m", "m"),
    ("n", "n"),
    ("o", "ɑ"),
    ("p", "p"),
    ("q", "k"),
    ("r", "ɹ"),
    ("s", "s"),
    ("t", "t"),
    ("u", "ʌ"),
    ("v", "v"),
    ("w", "w"),
    ("x", "ks"),
    ("y", "ɪ"),
    ("z", "z"),
];

const VOWELS: &str = "AIOWYæɑɔəɛɜiɪuʊʌ";

/// The word's sounds by the rules, with the stress on the first vowel. A vowel before one consonant and a final `e` is
/// long ("Zane"), a doubled consonant is one sound.
fn by_rules(word: &str) -> String {
    let plain: Vec<char> = word.chars().filter_map(plain_letter).collect();
    let mut sounds = String::new();
    let mut i = 0;
    while i < plain.len() {
        if i > 0 && plain[i] == plain[i - 1] && !is_vowel(plain[i]) {
            i += 1;
            continue;
        }
        if let Some(long) = long_vowel(&plain[i..]) {
            sounds.push_str(long);
            i += 1;
            continue;
        }
        let rule = RULES.iter().find(|(letters, _)| fits(letters, &plain[i..], i));
        sounds.push_str(rule.map_or("", |(_, sound)| sound));
        i += rule.map_or(1, |(letters, _)| letters.trim_end_matches('$').len());
    }
    match sounds.find(|c| VOWELS.contains(c)) {
        Some(first) => format!("{}ˈ{}", &sounds[..first], &sounds[first..]),
        None => sounds,
    }
}

fn fits(letters: &str, rest: &[char], at: usize) -> bool {
    let ends = letters.ends_with('$');
    let letters = letters.trim_end_matches('$');
    let same = letters.len() <= rest.len() && letters.chars().zip(rest).all(|(a, b)| a == *b);
    same && (!ends || letters.len() == rest.len() && at > 0)
}

fn long_vowel(rest: &[char]) -> Option<&'static str> {
    let [vowel, consonant, 'e'] = rest else { return None };
    if is_vowel(*consonant) {
        return None;
    }
    Some(match vowel {
        'a' => "A",
        'e' => "i",
        'i' => "I",
        'o' => "O",
        'u' => "u",
        _ => return None,
    })
}

fn is_vowel(c: char) -> bool {
    "aeiouy".contains(c)
}

/// A letter without its accent.
fn plain_letter(c: char) -> Option<char> {
    let lower = c.to_lowercase().next()?;
    Some(match lower {
        'a'..='z' => lower,
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        'ß' => 's',
        _ => return None,
    })
}

/// Misaki's one-letter sounds in the symbols that the voice was trained on.
fn to_piper(phonemes: &str) -> String {
    let all: Vec<char> = phonemes.chars().collect();
    let mut symbols = String::new();
    let mut i = 0;
    while i < all.len() {
        let before = i.checked_sub(1).map(|i| all[i]);
        let stressed = matches!(before, Some('ˈ' | 'ˌ'));
        let next_is_r = all.get(i + 1) == Some(&'ɹ');
        let vowel_after_r = all.get(i + 2).is_some_and(|c| VOWELS.contains(*c) || "ˈˌᵊᵻQaɐ".contains(*c));
        match all[i] {
            'ə' if next_is_r && !vowel_after_r => {
                symbols.push('ɚ');
                i += 1;
            }
            'ɜ' if next_is_r => {
                symbols.push_str("ɜː");
                i += 1;
            }
            'A' => symbols.push_str("eɪ"),
            'I' => symbols.push_str("aɪ"),
            'W' => symbols.push_str("aʊ"),
            'Y' => symbols.push_str("ɔɪ"),
            'O' => symbols.push_str("oʊ"),
            'Q' => symbols.push_str("əʊ"),
            'ʤ' => symbols.push_str("dʒ"),
            'ʧ' => symbols.push_str("tʃ"),
            'ᵊ' => symbols.push('ə'),
            'T' => symbols.push('ɾ'),
            'i' if stressed => symbols.push_str("iː"),
            'u' => symbols.push_str("uː"),
            'ɑ' => symbols.push_str("ɑː"),
            'ɔ' => symbols.push_str("ɔː"),
            '❓' => {}
            other => symbols.push(other),
        }
        i += 1;
    }
    symbols
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_become_the_voices_symbols() {
        assert_eq!(to_piper("lˈITəɹ"), "lˈaɪɾɚ");
        assert_eq!(to_piper("wˈɜɹd"), "wˈɜːd");
        assert_eq!(to_piper("sˈi ðə hˈæpi"), "sˈiː ðə hˈæpi");
        assert_eq!(to_piper("ɹˈɔəɹˈA"), "ɹˈɔːəɹˈeɪ");
    }

    #[test]
    fn unknown_words_are_spoken_by_their_letters() {
        assert_eq!(by_rules("Zane"), "zˈAn");
        assert_eq!(by_rules("Brixton"), "bɹˈɪkstɑn");
        assert_eq!(by_rules("Warmline"), "wˈɑɹmlIn");
        assert_eq!(by_rules("zoë"), "zˈO");
        assert_eq!(Letters.phonemize("XKCD").unwrap(), "ˈɛkskˈAsˈidˈi");
        assert_eq!(Letters.phonemize("…").unwrap(), "");
    }

    #[test]
    fn what_has_no_sounds_is_left_out_and_the_rest_is_spoken() {
        let phonemes = Phonemes::new();
        let around = phonemes.of("Hello, this is Joe.").concat();
        for strange in ["…", "字", "क़", "́", "\u{fffd}", "❓", "§§", "'''", "\u{202e}"] {
            let symbols = phonemes.of(&format!("Hello {strange}, this is Joe.")).concat();
            assert!(symbols.len() + 8 >= around.len(), "{strange}: {symbols}");
            phonemes.of(strange);
        }
    }

    #[test]
    fn pieces_are_bounded_and_nothing_is_lost() {
        let phonemes = Phonemes::new();
        for text in ["W ".repeat(90), "x".repeat(180), "bcdfgh".repeat(30), "Aeiou ".repeat(30), "é".repeat(180)] {
            let pieces = phonemes.of(text.trim());
            assert!(!pieces.is_empty() && pieces.iter().all(|piece| piece.chars().count() <= MOST_SYMBOLS), "{text}");
        }
        let long = format!("{} {}", "a".repeat(200), "b".repeat(500));
        let cut = pieces(&long);
        assert_eq!(cut.iter().map(String::len).collect::<Vec<_>>(), [120, 80, 120, 120, 120, 120, 20]);
    }

    #[test]
    fn every_word_gets_sounds() {
        let phonemes = Phonemes::new();
        for text in ["Hello there.", "Przybylski called.", "The qwxz of Nguyen.", "GPT and XKCD."] {
            let symbols = phonemes.of(text).concat();
            assert!(symbols.split_whitespace().count() >= text.split_whitespace().count(), "{text}: {symbols}");
        }
    }
}
