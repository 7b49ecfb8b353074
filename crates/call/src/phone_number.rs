use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The error of the guide, to the letter.
pub const INVALID_PHONE_NUMBER: &str = "Invalid phone number format. Phone number must start with '+' followed by country code and number (e.g., +1234567890)";

/// A number that can be dialled: E.164, `+` and 7 to 15 digits.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// A text that is not a telephone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{INVALID_PHONE_NUMBER}")]
pub struct InvalidPhoneNumber;

/// The country codes of one and of two digits; all others have three.
const ONE_DIGIT: &[&str] = &["1", "7"];
const TWO_DIGITS: &[&str] = &[
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49", "51",
    "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86", "90",
    "91", "92", "93", "94", "95", "98",
];

impl PhoneNumber {
    /// The number as E.164.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text is a number already as it can be dialled: `+` and 7 to 15 digits, the first of them not 0.
    #[must_use]
    pub fn is_e164(text: &str) -> bool {
        let Some(digits) = text.strip_prefix('+') else { return false };
        (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
    }

    /// An E.164 number with its country code set apart and the rest in groups: `+1 555 010 0001`.
    #[must_use]
    pub fn spaced(e164: &str) -> String {
        let Some(digits) = e164.strip_prefix('+').filter(|d| d.is_ascii() && d.len() > 3) else {
            return e164.to_owned();
        };
        let code = if ONE_DIGIT.contains(&&digits[..1]) {
            1
        } else if TWO_DIGITS.contains(&&digits[..2]) {
            2
        } else {
            3
        };
        let (code, mut rest) = digits.split_at(code);
        let mut text = format!("+{code}");
        while rest.len() > 4 {
            let (group, left) = rest.split_at(3);
            text.push(' ');
            text.push_str(group);
            rest = left;
        }
        if !rest.is_empty() {
            text.push(' ');
            text.push_str(rest);
        }
        text
    }
}

impl FromStr for PhoneNumber {
    type Err = InvalidPhoneNumber;

    /// Understands spaces, dashes, dots, brackets and a leading `00` for `+`.
    fn from_str(text: &str) -> Result<Self, InvalidPhoneNumber> {
        let text = text.trim();
        let national = match text.strip_prefix('+') {
            Some(rest) => rest,
            None => text.strip_prefix("00").ok_or(InvalidPhoneNumber)?,
        };
        let mut digits = String::with_capacity(national.len());
        for c in national.chars() {
            match c {
                '0'..='9' => digits.push(c),
                ' ' | '\u{a0}' | '-' | '.' | '(' | ')' | '/' => {}
                _ => return Err(InvalidPhoneNumber),
            }
        }
        let number = format!("+{digits}");
        if Self::is_e164(&number) { Ok(Self(number)) } else { Err(InvalidPhoneNumber) }
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = InvalidPhoneNumber;

    fn try_from(text: String) -> Result<Self, InvalidPhoneNumber> {
        text.parse()
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0
    }
}

/// The last two digits only: a number is personal data.
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+…{}", &self.0[self.0.len() - 2..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_understood_as_people_write_them() {
        for text in ["+15550100001", " +1 (555) 010-0001 ", "0015550100001", "+1.555.010.0001"] {
            assert_eq!(text.parse::<PhoneNumber>().map(String::from).as_deref(), Ok("+15550100001"), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_in_the_guides_words() {
        for text in
            ["", "+", "15550100001", "+0123456789", "+12345", "+1234567890123456", "+1555x100001", "++15550100001"]
        {
            assert_eq!(text.parse::<PhoneNumber>(), Err(InvalidPhoneNumber), "{text}");
        }
        assert_eq!(InvalidPhoneNumber.to_string(), INVALID_PHONE_NUMBER);
    }

    #[test]
    fn only_what_can_be_dialled_as_it_is_is_e164() {
        for number in ["+1234567", "+15550100001", "+123456789012345"] {
            assert!(PhoneNumber::is_e164(number), "{number}");
            assert_eq!(number.parse::<PhoneNumber>().unwrap().as_str(), number);
        }
        for text in [
            "",
            "+",
            "15550100001",
            "0015550100001",
            "+0123456789",
            "+123456",
            "+1234567890123456",
            "+1 5550100001",
            "+1555010000x",
            "+١٢٣٤٥٦٧",
        ] {
            assert!(!PhoneNumber::is_e164(text), "{text}");
        }
    }

    #[test]
    fn a_number_in_a_log_shows_two_digits() {
        assert_eq!(format!("{:?}", "+15550100042".parse::<PhoneNumber>().unwrap()), "+…42");
    }

    #[test]
    fn numbers_are_grouped_after_their_country_code() {
        for (e164, text) in [
            ("+15550100001", "+1 555 010 0001"),
            ("+1234567890", "+1 234 567 890"),
            ("+442079460018", "+44 207 946 0018"),
            ("+919911062767", "+91 991 106 2767"),
            ("+353209120000", "+353 209 120 000"),
            ("none", "none"),
            ("+123", "+123"),
            ("+1234", "+1 234"),
            ("+١٢٣٤٥", "+١٢٣٤٥"),
        ] {
            assert_eq!(PhoneNumber::spaced(e164), text);
        }
    }
}
