use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The one name of a call everywhere: room name, row, path segment. `outbound-` and 12 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallId(String);

/// A text that is not a call's id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a call's id is 'outbound-' and 12 lower-case hex digits")]
pub struct InvalidCallId;

impl CallId {
    const PREFIX: &str = "outbound-";

    /// An id from 48 random bits (the upper 16 of `bits` are dropped). The caller owns the randomness.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(format!("{}{:012x}", Self::PREFIX, bits & 0xffff_ffff_ffff))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The consult side's name: its room where it has one of its own, and the supervisor leg's identity.
    #[must_use]
    pub fn supervisor(&self) -> String {
        format!("{}-supervisor", self.0)
    }
}

impl FromStr for CallId {
    type Err = InvalidCallId;

    fn from_str(text: &str) -> Result<Self, InvalidCallId> {
        let digits = text.strip_prefix(Self::PREFIX).ok_or(InvalidCallId)?;
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if digits.len() == 12 && digits.bytes().all(hex) { Ok(Self(text.to_owned())) } else { Err(InvalidCallId) }
    }
}

impl TryFrom<String> for CallId {
    type Error = InvalidCallId;

    fn try_from(text: String) -> Result<Self, InvalidCallId> {
        text.parse()
    }
}

impl From<CallId> for String {
    fn from(id: CallId) -> Self {
        id.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_twelve_lower_case_hex_digits() {
        let id = CallId::from_bits(0xffff_00c0_ffee_0001);
        assert_eq!(id.as_str(), "outbound-00c0ffee0001");
        assert_eq!(id.to_string(), "outbound-00c0ffee0001");
        assert_eq!(id.supervisor(), "outbound-00c0ffee0001-supervisor");
        assert_eq!("outbound-00c0ffee0001".parse(), Ok(id));
        for wrong in ["", "outbound-", "outbound-00C0FFEE0001", "inbound-00c0ffee0001", "outbound-00c0ffee00011"] {
            assert_eq!(wrong.parse::<CallId>(), Err(InvalidCallId), "{wrong}");
        }
    }
}
