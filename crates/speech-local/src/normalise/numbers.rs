//! Numbers in words.

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const LARGE: [(u64, &str); 5] = [
    (1_000_000_000_000, "trillion"),
    (1_000_000_000, "billion"),
    (1_000_000, "million"),
    (1_000, "thousand"),
    (100, "hundred"),
];
/// Numbers of this many digits and more are said digit by digit, unless they are round.
const LONG: usize = 5;

/// `1250` → `one thousand two hundred fifty`.
pub(super) fn cardinal(value: u64) -> String {
    if let Some(word) = usize::try_from(value).ok().and_then(|i| SMALL.get(i)) {
        return (*word).to_owned();
    }
    if value < 100 {
        let tens = TENS[(value / 10) as usize];
        return if value.is_multiple_of(10) { tens.to_owned() } else { format!("{tens} {}", cardinal(value % 10)) };
    }
    let Some((size, name)) = LARGE.iter().find(|(size, _)| value >= *size) else { return String::new() };
    if value / size >= 1_000 {
        return digits(&value.to_string());
    }
    let start = format!("{} {name}", cardinal(value / size));
    if value.is_multiple_of(*size) { start } else { format!("{start} {}", cardinal(value % size)) }
}

/// `21` → `twenty first`.
pub(super) fn ordinal(value: u64) -> String {
    let cardinal = cardinal(value);
    let (start, last) = cardinal.rsplit_once(' ').map_or(("", cardinal.as_str()), |(start, last)| (start, last));
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        tens if tens.ends_with('y') => format!("{}ieth", &tens[..tens.len() - 1]),
        other => format!("{other}th"),
    };
    format!("{start} {last}").trim().to_owned()
}

/// `472` → `four seven two`.
pub(super) fn digits(text: &str) -> String {
    let words = text.chars().filter_map(|c| c.to_digit(10)).map(|digit| SMALL[digit as usize]);
    words.collect::<Vec<_>>().join(" ")
}

/// A number as people say it: years in pairs, codes digit by digit, decimals with their point.
pub(super) fn number(text: &str) -> Option<String> {
    if let Some((whole, decimals)) = text.split_once('.') {
        let whole = if whole.is_empty() { "zero".to_owned() } else { number(whole)? };
        let ok = !decimals.is_empty() && decimals.chars().all(|c| c.is_ascii_digit());
        return ok.then(|| format!("{whole} point {}", digits(decimals)));
    }
    let plain = text.replace(',', "");
    if plain.is_empty() || !plain.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let Ok(value) = plain.parse::<u64>() else { return Some(digits(&plain)) };
    let grouped = text.contains(',');
    let code = plain.len() >= LONG && !grouped && value % 1_000 != 0;
    if code || plain.len() > 1 && plain.starts_with('0') {
        return Some(digits(&plain));
    }
    if !grouped && (1_100..2_100).contains(&value) && !(2_000..2_010).contains(&value) {
        return Some(year(value));
    }
    Some(cardinal(value))
}

fn year(value: u64) -> String {
    let (century, rest) = (cardinal(value / 100), value % 100);
    match rest {
        0 => format!("{century} hundred"),
        1..10 => format!("{century} oh {}", cardinal(rest)),
        _ => format!("{century} {}", cardinal(rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words() {
        assert_eq!(cardinal(0), "zero");
        assert_eq!(cardinal(1_002_014), "one million two thousand fourteen");
        assert_eq!(ordinal(20), "twentieth");
        assert_eq!(ordinal(112), "one hundred twelfth");
        assert_eq!(number("1905").unwrap(), "nineteen oh five");
        assert_eq!(number("2005").unwrap(), "two thousand five");
        assert_eq!(number(".5").unwrap(), "zero point five");
        assert_eq!(number("1.2.3"), None);
        assert_eq!(cardinal(u64::MAX).split(' ').count(), 20);
    }
}
