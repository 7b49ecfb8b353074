use std::ops::Range;

/// Words beyond this are not looked at: the last ones count.
const MOST_WORDS: usize = 150;

/// A stretch of speech between two marks of punctuation, as recognised.
#[derive(Debug, Default)]
pub(super) struct Clause {
    pub(super) words: Vec<String>,
    pub(super) question: bool,
}

/// The text in lower case, without punctuation, its short forms written out ('can't' → 'can not'), cut at punctuation.
pub(super) fn clauses(text: &str) -> Vec<Clause> {
    let mut all = Vec::new();
    let mut clause = Clause::default();
    for raw in last_words(text) {
        let ends = raw.ends_with(['.', ',', ';', ':', '?', '!', '…', '-', '–', '—']);
        clause.question |= raw.ends_with('?');
        write_out(raw, &mut clause.words);
        if ends && !clause.words.is_empty() {
            join_short_forms(&mut clause.words);
            all.push(std::mem::take(&mut clause));
        }
    }
    if !clause.words.is_empty() {
        join_short_forms(&mut clause.words);
        all.push(clause);
    }
    all
}

/// All words of the text, in the same form, punctuation forgotten.
pub(super) fn words(text: &str) -> Vec<String> {
    clauses(text).into_iter().flat_map(|c| c.words).collect()
}

fn last_words(text: &str) -> impl Iterator<Item = &str> {
    let count = text.split_whitespace().count();
    text.split_whitespace().skip(count.saturating_sub(MOST_WORDS))
}

/// Appends the plain form of one recognised word; 'don't' is two.
fn write_out(raw: &str, to: &mut Vec<String>) {
    for part in raw.split(['-', '–', '—', '/']) {
        let lower = part.to_lowercase().replace(['’', '‘', '`'], "'");
        let kept: String = lower.chars().filter(|c| c.is_alphanumeric() || *c == '\'').collect();
        let word = kept.trim_matches('\'');
        if !word.is_empty() {
            push_expanded(word, to);
        }
    }
}

fn push_expanded(word: &str, to: &mut Vec<String>) {
    let mut two = |first: &str, second: &str| {
        to.push(first.to_owned());
        to.push(second.to_owned());
    };
    match word {
        "can't" | "cant" | "cannot" => return two("can", "not"),
        "won't" => return two("will", "not"),
        "dont" | "didnt" | "doesnt" | "isnt" | "arent" | "wasnt" | "couldnt" | "wouldnt" | "shouldnt" | "neednt"
        | "havent" | "hasnt" => return two(&word[..word.len() - 2], "not"),
        "im" => return two("i", "am"),
        "ive" => return two("i", "have"),
        "wanna" => return two("want", "to"),
        "gonna" => return two("going", "to"),
        "gotta" => return two("need", "to"),
        "lemme" => return two("let", "me"),
        "gimme" => return two("give", "me"),
        "youre" => return two("you", "are"),
        "thats" | "whats" | "whos" | "theres" | "wheres" => return two(&word[..word.len() - 1], "is"),
        "let's" => return to.push("lets".to_owned()),
        "ok" | "okey" | "okay" => return to.push("okay".to_owned()),
        _ => {}
    }
    if let Some(stem) = word.strip_suffix("n't") {
        return two(stem, "not");
    }
    for (ending, full) in [("'d", "would"), ("'ll", "will"), ("'re", "are"), ("'ve", "have"), ("'m", "am")] {
        if let Some(stem) = word.strip_suffix(ending) {
            return two(stem, full);
        }
    }
    if let Some(stem @ ("what" | "that" | "who" | "it" | "there" | "here" | "he" | "she" | "where" | "how" | "this")) =
        word.strip_suffix("'s")
    {
        return two(stem, "is");
    }
    to.push(word.replace('\'', ""));
}

/// What recognition writes apart or wrongly: 'id like' → 'i would like', 'super visor' → 'supervisor'.
fn join_short_forms(words: &mut Vec<String>) {
    const PAIRS: [(&str, &str, &[&str]); 12] = [
        ("id", "like", &["i", "would", "like"]),
        ("id", "rather", &["i", "would", "rather"]),
        ("id", "prefer", &["i", "would", "prefer"]),
        ("id", "love", &["i", "would", "love"]),
        ("super", "visor", &["supervisor"]),
        ("hue", "man", &["human"]),
        ("hugh", "man", &["human"]),
        ("a", "humane", &["a", "human"]),
        ("any", "one", &["anyone"]),
        ("some", "one", &["someone"]),
        ("some", "body", &["somebody"]),
        ("good", "bye", &["goodbye"]),
    ];
    let mut at = 0;
    while at + 1 < words.len() {
        if let Some((.., full)) = PAIRS.iter().find(|(a, b, _)| words[at] == *a && words[at + 1] == *b) {
            words.splice(at..at + 2, full.iter().map(|w| (*w).to_owned()));
        }
        at += 1;
    }
}

/// Tells where a class of words (`@name` in a pattern) that starts at a position ends.
pub(super) type Class<'a> = &'a dyn Fn(&str, &[String], usize) -> Option<usize>;

/// Where a pattern occurs first. A pattern is words with blanks between them: `a/b` is either, `a?` may be missing, `*`
/// is up to two words, `^` the beginning, `$` the end, `@name` a class.
pub(super) fn find_with(words: &[String], pattern: &str, class: Class) -> Option<Range<usize>> {
    let parts: Vec<&str> = pattern.split(' ').collect();
    (0..=words.len()).find_map(|at| match_at(&parts, words, at, class).map(|end| at..end))
}

/// Where a pattern without classes occurs first.
pub(super) fn find(words: &[String], pattern: &str) -> Option<Range<usize>> {
    find_with(words, pattern, &|_, _, _| None)
}

/// Whether one of the patterns occurs.
pub(super) fn has_any(words: &[String], patterns: &[&str]) -> bool {
    patterns.iter().any(|p| find(words, p).is_some())
}

fn match_at(pattern: &[&str], words: &[String], at: usize, class: Class) -> Option<usize> {
    let Some((&part, rest)) = pattern.split_first() else { return Some(at) };
    match part {
        "^" => (at == 0).then(|| match_at(rest, words, at, class))?,
        "$" => (at == words.len()).then(|| match_at(rest, words, at, class))?,
        "*" => (at..=words.len().min(at + 2)).find_map(|next| match_at(rest, words, next, class)),
        _ => {
            let (part, optional) = part.strip_suffix('?').map_or((part, false), |p| (p, true));
            let next = match part.strip_prefix('@') {
                Some(name) => class(name, words, at),
                None => words.get(at).filter(|w| part.split('/').any(|p| p == w.as_str())).map(|_| at + 1),
            };
            let taken = next.and_then(|next| match_at(rest, words, next, class));
            if taken.is_none() && optional { match_at(rest, words, at, class) } else { taken }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_written_out_and_clauses_cut_at_punctuation() {
        let said = clauses("No, I'd rather NOT… can't we talk? Id like an A.I. agent");
        let said: Vec<_> = said.iter().map(|c| (c.words.join(" "), c.question)).collect();
        assert_eq!(
            said,
            [
                ("no".to_owned(), false),
                ("i would rather not".to_owned(), false),
                ("can not we talk".to_owned(), true),
                ("i would like an ai".to_owned(), false),
                ("agent".to_owned(), false),
            ]
        );
    }

    #[test]
    fn patterns_match_words_gaps_and_edges() {
        let said = words("could you please put me through to your boss");
        assert_eq!(find(&said, "put me/us through?"), Some(3..6));
        assert_eq!(find(&said, "could * put"), Some(0..4));
        assert_eq!(find(&said, "^ put"), None);
        assert_eq!(find(&said, "boss $"), Some(8..9));
        assert_eq!(find(&said, "could * me"), None);
        assert!(has_any(&said, &["never", "your boss"]));
    }
}
