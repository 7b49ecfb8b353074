//! Text as it is written to text as it is said, and its clauses.

mod clauses;
mod letters;
mod numbers;
mod phone;

pub(crate) use clauses::clauses;
use numbers::{cardinal, digits, number, ordinal};

/// Words that are written short. The first column is compared without its full stop, in lower case.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("mr", "Mister"),
    ("mrs", "Missus"),
    ("ms", "Miz"),
    ("dr", "Doctor"),
    ("prof", "Professor"),
    ("jr", "Junior"),
    ("sr", "Senior"),
    ("ave", "Avenue"),
    ("rd", "Road"),
    ("blvd", "Boulevard"),
    ("apt", "Apartment"),
    ("dept", "department"),
    ("appt", "appointment"),
    ("approx", "approximately"),
    ("etc", "et cetera"),
    ("e.g", "for example"),
    ("i.e", "that is"),
    ("vs", "versus"),
    ("hrs", "hours"),
    ("mins", "minutes"),
    ("secs", "seconds"),
    ("ext", "extension"),
    ("inc", "Incorporated"),
    ("ltd", "Limited"),
    ("co", "Company"),
    ("a.m", "A M"),
    ("p.m", "P M"),
];
/// Abbreviations that are also words, so that they need their full stop.
const NEED_STOP: &[&str] = &["ms", "co", "inc", "ext", "apt", "ave"];
/// Units behind a number.
const UNITS: &[(&str, &str)] = &[
    ("km", "kilometers"),
    ("kg", "kilograms"),
    ("cm", "centimeters"),
    ("mm", "millimeters"),
    ("gb", "gigabytes"),
    ("mb", "megabytes"),
    ("min", "minutes"),
    ("am", "A M"),
    ("pm", "P M"),
    ("h", "hours"),
    ("k", "thousand"),
];
/// Halves of the day, which are these only behind a number ("I am" is not).
const HALVES: &[(&str, &str)] = &[("am", "A M"), ("pm", "P M")];
/// The text in words, with the punctuation that the voice understands.
pub(crate) fn normalise(text: &str) -> String {
    let text = phone::spell_out(&plain(&letters::latin(text)));
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let mut words = Vec::with_capacity(tokens.len());
    for (i, token) in tokens.iter().enumerate() {
        let before = i.checked_sub(1).map_or("", |before| tokens[before]);
        let said = say(token, before, tokens.get(i + 1).copied());
        if !said.is_empty() {
            words.push(said);
        }
    }
    words.join(" ")
}

/// Straight quotes, no markup, dashes as pauses.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '‘' | '’' | 'ʼ' => plain.push('\''),
            '“' | '”' | '„' | '"' | '*' | '_' | '`' | '~' | '|' | '<' | '>' | '{' | '}' | '[' | ']' | '^' => {
                plain.push(' ');
            }
            '–' | '—' => plain.push_str(", "),
            '…' => plain.push('.'),
            c => plain.push(c),
        }
    }
    plain
}

fn say(token: &str, before: &str, next: Option<&str>) -> String {
    let opening = token.trim_start_matches(['(', '\'']);
    let core = opening.trim_end_matches(['.', ',', '!', '?', ':', ';', ')', '\'']);
    let tail = &opening[core.len()..];
    if core.is_empty() {
        return if opening.is_empty() || words_of_symbol(opening).is_some() { String::new() } else { tail_of(tail) };
    }
    let stop = tail.starts_with('.');
    if before.starts_with(|c: char| c.is_ascii_digit())
        && let Some((_, half)) = HALVES.iter().find(|(short, _)| core.eq_ignore_ascii_case(short))
    {
        return (*half).to_owned() + &tail_of(tail);
    }
    if let Some(said) = abbreviation(core, stop, next) {
        // The full stop belongs to the abbreviation, unless the sentence ends with it.
        let tail = if stop && next.is_some() { &tail[1..] } else { tail };
        return said + &tail_of(tail);
    }
    let said = words_of_symbol(core).map(str::to_owned);
    let said = said.or_else(|| address(core)).or_else(|| money(core, next)).or_else(|| time(core));
    let said = said.or_else(|| quantity(core)).unwrap_or_else(|| word(core));
    said + &tail_of(tail)
}

fn tail_of(tail: &str) -> String {
    tail.chars().filter(|c| ".,!?:;".contains(*c)).collect()
}

fn words_of_symbol(symbol: &str) -> Option<&'static str> {
    Some(match symbol {
        "&" => "and",
        "+" => "plus",
        "=" => "equals",
        "%" => "percent",
        "@" => "at",
        "#" => "number",
        "-" | "/" | "\\" => ",",
        _ => return None,
    })
}

fn abbreviation(core: &str, stop: bool, next: Option<&str>) -> Option<String> {
    let lower = core.to_lowercase();
    if lower == "st" && stop {
        let saint = next.is_some_and(|next| next.starts_with(char::is_uppercase));
        return Some(if saint { "Saint" } else { "Street" }.to_owned());
    }
    if lower == "no" && stop && next.is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit())) {
        return Some("number".to_owned());
    }
    let (short, long) = ABBREVIATIONS.iter().find(|(short, _)| *short == lower)?;
    (stop || !NEED_STOP.contains(short)).then(|| (*long).to_owned())
}

/// `joe@bright.com`, `https://bright.com/hours`.
fn address(core: &str) -> Option<String> {
    let core = core.strip_prefix("https://").or_else(|| core.strip_prefix("http://")).unwrap_or(core);
    let (_, domain) = core.split_once('@').unwrap_or(("", core));
    let domain = domain.split('/').next()?;
    let (name, ending) = domain.rsplit_once('.')?;
    let mail = core.contains('@');
    let known = ["com", "org", "net", "io", "co", "gov", "edu", "us", "uk", "dev", "ai"].contains(&ending);
    if name.is_empty() || ending.len() < 2 || !ending.chars().all(|c| c.is_ascii_alphabetic()) || !(mail || known) {
        return None;
    }
    let mut said = String::new();
    for part in core.trim_end_matches('/').split_inclusive(['@', '.', '/', '-', '_', '+']) {
        let (word, sign) = part.split_at(part.trim_end_matches(['@', '.', '/', '-', '_', '+']).len());
        let sign = match sign {
            "@" => " at ",
            "." => " dot ",
            "/" => " slash ",
            "-" => " dash ",
            "_" => " underscore ",
            "+" => " plus ",
            _ => "",
        };
        said.push_str(&if word == "www" { "W W W".to_owned() } else { letters_and_digits(word) });
        said.push_str(sign);
    }
    Some(said)
}

/// `$12.50`, `£5`, `$1.2 million`.
fn money(core: &str, next: Option<&str>) -> Option<String> {
    let sign = core.chars().next()?;
    let (one, many, cent) = match sign {
        '$' => ("dollar", "dollars", "cent"),
        '£' => ("pound", "pounds", "penny"),
        '€' => ("euro", "euros", "cent"),
        _ => return None,
    };
    let amount = &core[sign.len_utf8()..];
    let large = ["million", "billion", "thousand", "hundred"];
    if next.is_some_and(|next| large.contains(&next.trim_end_matches(|c: char| !c.is_alphabetic()))) {
        return number(amount);
    }
    let (whole, cents) = amount.split_once('.').unwrap_or((amount, ""));
    let value: u64 = whole.replace(',', "").parse().ok()?;
    let cents: u64 = if cents.is_empty() { 0 } else { format!("{cents:0<2}").get(..2)?.parse().ok()? };
    let unit = |n: u64| if n == 1 { one } else { many };
    let small = match (cent, cents) {
        (cent, 1) => cent.to_owned(),
        ("penny", _) => "pence".to_owned(),
        (cent, _) => format!("{cent}s"),
    };
    Some(match (value, cents) {
        (value, 0) => format!("{} {}", cardinal(value), unit(value)),
        (0, cents) => format!("{} {small}", cardinal(cents)),
        (value, cents) => format!("{} {} and {} {small}", cardinal(value), unit(value), cardinal(cents)),
    })
}

/// `3:30`, `10:05pm`, `9:00`.
fn time(core: &str) -> Option<String> {
    let (hour, rest) = core.split_once(':')?;
    let minute = rest.get(..2)?;
    let half = rest[2..].to_lowercase().replace('.', "");
    let (hour, minute): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
    if hour > 24 || minute > 59 {
        return None;
    }
    let half = match half.as_str() {
        "" => "",
        "am" => " A M",
        "pm" => " P M",
        _ => return None,
    };
    Some(match minute {
        0 if half.is_empty() && (1..=12).contains(&hour) => format!("{} o'clock", cardinal(hour)),
        0 if half.is_empty() => format!("{} hundred hours", cardinal(hour)),
        0 => format!("{}{half}", cardinal(hour)),
        1..10 => format!("{} oh {}{half}", cardinal(hour), cardinal(minute)),
        _ => format!("{} {}{half}", cardinal(hour), cardinal(minute)),
    })
}

/// Numbers with what hangs on them: `5%`, `#12`, `21st`, `10km`, `24/7`, `1,250.5`, `-3`, `1990s`.
fn quantity(core: &str) -> Option<String> {
    if let Some(rest) = core.strip_prefix('#') {
        return Some(format!("number {}", number(rest)?));
    }
    if let Some(rest) = core.strip_suffix('%') {
        return Some(format!("{} percent", number(rest)?));
    }
    if let Some(rest) = core.strip_suffix('°') {
        return Some(format!("{} degrees", number(rest)?));
    }
    if let Some(rest) = core.strip_prefix('-') {
        return Some(format!("minus {}", number(rest)?));
    }
    let split = core.find(|c: char| c.is_alphabetic()).unwrap_or(core.len());
    let (value, unit) = core.split_at(split);
    if unit.is_empty() {
        let parts: Vec<&str> = core.split(['/', '-']).collect();
        if parts.len() > 1 {
            let said: Option<Vec<String>> = parts.iter().map(|part| number(part)).collect();
            return said.map(|said| said.join(" "));
        }
        return number(core);
    }
    let unit = unit.to_lowercase();
    if ["st", "nd", "rd", "th"].contains(&unit.as_str()) {
        return Some(ordinal(value.replace(',', "").parse().ok()?));
    }
    let (_, long) = UNITS.iter().find(|(short, _)| *short == unit)?;
    Some(format!("{} {long}", number(value)?))
}

/// A word, perhaps with signs and digits inside: `AT&T`, `and/or`, `B12`, `A-4`.
fn word(core: &str) -> String {
    let core = core.replace('&', " and ").replace(['/', '\\'], " ").replace('@', " at ").replace(['#', '='], " ");
    let parts = core.split_whitespace().map(|part| {
        if part.contains(|c: char| c.is_ascii_digit()) { letters_and_digits(part) } else { part.replace('+', " plus") }
    });
    parts.collect::<Vec<_>>().join(" ")
}

/// Runs of digits said one by one, the letters around them as they are.
fn letters_and_digits(text: &str) -> String {
    let mut said = String::new();
    for run in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let cut = run.find(|c: char| !c.is_ascii_digit()).unwrap_or(run.len());
        let (number, other) = run.split_at(cut);
        if !number.is_empty() {
            said = format!("{} {} ", said.trim_end(), digits(number));
        }
        said.push_str(if other == "-" { " " } else { other });
    }
    said.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_becomes_what_is_said() {
        for (written, said) in [
            ("Call +15550100002 now.", "Call plus one, five five five, zero one zero, zero zero zero two now."),
            ("Call (555) 010-0142.", "Call five five five, zero one zero, zero one four two."),
            ("It costs $12.50.", "It costs twelve dollars and fifty cents."),
            ("$1 or £3.05, €0.99", "one dollar or three pounds and five pence, ninety nine cents"),
            ("$1.5 million", "one point five million"),
            ("At 3:30 pm, 10:05 or 9:00.", "At three thirty P M, ten oh five or nine o'clock."),
            ("The 21st of May 1984, 2026", "The twenty first of May nineteen eighty four, twenty twenty six"),
            ("Dr. Smith & Mrs. Jones", "Doctor Smith and Missus Jones"),
            ("42 Oak St. in St. Louis", "forty two Oak Street in Saint Louis"),
            ("5% of 1,250.5", "five percent of one thousand two hundred fifty point five"),
            ("joe.s2@bright-dental.com!", "joe dot s two at bright dash dental dot com!"),
            ("Open 24/7, e.g. today.", "Open twenty four seven, for example today."),
            ("Order 472916", "Order four seven two nine one six"),
            ("**Hello** — “you”", "Hello , you"),
            ("Room B12, 007", "Room B one two, zero zero seven"),
            ("No. 5. No. Thanks.", "number five. No. Thanks."),
            ("", ""),
            ("100000 or 1000000", "one hundred thousand or one million"),
        ] {
            assert_eq!(normalise(written), said, "{written}");
        }
    }

    #[test]
    fn nothing_makes_it_fail() {
        for text in
            ["$", "£.", "1:", "::", "@.", "99999999999999999999999", "-", "()", "'", "ß&", "$9.x", "３:30", "1.2.3.4"]
        {
            normalise(text);
        }
    }
}
