//! Telephone numbers, said digit by digit with a pause between their groups.

use super::numbers::digits;

/// Fewest digits of a telephone number that isn't marked by a plus.
const FEWEST: usize = 7;
const MOST: usize = 15;

/// Replaces telephone numbers by their digits in words.
pub(super) fn spell_out(text: &str) -> String {
    let mut said = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let starts = !before.is_alphanumeric() && !".,$£€#:/@-".contains(before);
        if starts && let Some(length) = length_of_number(rest) {
            said.push_str(&say(&rest[..length]));
            before = '0';
            rest = &rest[length..];
        } else {
            said.push(first);
            before = first;
            rest = &rest[first.len_utf8()..];
        }
    }
    said
}

/// How long the telephone number is that a text begins with.
fn length_of_number(text: &str) -> Option<usize> {
    let plus = text.starts_with('+');
    let mut length = 0;
    let mut count = 0;
    let mut groups = 0;
    let mut in_group = false;
    for (i, c) in text.char_indices() {
        match c {
            '0'..='9' => {
                groups += usize::from(!in_group);
                in_group = true;
                count += 1;
                length = i + 1;
            }
            '+' if i == 0 => {}
            '(' | ')' | ' ' | '-' | '.' => in_group = false,
            // Letters, or the sign of something that is no telephone number.
            c if c.is_alphabetic() && in_group || ":/%,".contains(c) && followed_by_digit(text, i) => return None,
            _ => break,
        }
    }
    let enough = if plus { count >= FEWEST } else { count >= FEWEST && groups > 1 || count >= 10 };
    let spaced = text[..length].contains(". ") || text[..length].contains("  ");
    (enough && count <= MOST && !spaced).then_some(length)
}

fn followed_by_digit(text: &str, at: usize) -> bool {
    text[at..].chars().nth(1).is_some_and(|c| c.is_ascii_digit())
}

fn say(number: &str) -> String {
    let groups: Vec<&str> = number.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let groups = match groups[..] {
        [one] => grouped(one),
        _ => groups.into_iter().map(str::to_owned).collect(),
    };
    let said = groups.iter().map(|group| digits(group)).collect::<Vec<_>>().join(", ");
    if number.starts_with('+') { format!("plus {said}") } else { said }
}

/// Groups of a number that is written without any: country (of North America), then threes and a four.
fn grouped(number: &str) -> Vec<String> {
    let mut groups = Vec::new();
    let mut rest = number;
    if rest.len() == 11 && rest.starts_with('1') {
        groups.push(rest[..1].to_owned());
        rest = &rest[1..];
    }
    while rest.len() > 4 {
        groups.push(rest[..3].to_owned());
        rest = &rest[3..];
    }
    groups.push(rest.to_owned());
    groups
}
