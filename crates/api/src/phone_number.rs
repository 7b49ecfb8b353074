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

impl PhoneNumber {
    /// The number as E.164.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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
        let plausible = (7..=15).contains(&digits.len()) && !digits.starts_with('0');
        if plausible { Ok(Self(format!("+{digits}"))) } else { Err(InvalidPhoneNumber) }
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
    fn a_number_in_a_log_shows_two_digits() {
        assert_eq!(format!("{:?}", "+15550100042".parse::<PhoneNumber>().unwrap()), "+…42");
    }
}
