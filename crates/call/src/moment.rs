//! Moments on the wire: RFC 3339 in UTC with three digits of fraction, `2026-11-22T10:00:00.500Z`.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer};

/// Writes a moment. For serde's `with`.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{at:.3}"))
}

/// Reads a moment. For serde's `with`.
///
/// # Errors
///
/// Where there is something else than a moment as RFC 3339 has it.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    Timestamp::deserialize(from)
}

/// The same for a moment that may not have come yet.
pub(crate) mod option {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::ref_option, reason = "serde's `with` passes a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::serialize(at, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        Option::deserialize(from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(millis in -62_135_596_800_000_i64..253_402_207_200_000) {
            let at = Timestamp::from_millisecond(millis).unwrap();
            let written = serialize(&at, serde_json::value::Serializer).unwrap();
            prop_assert_eq!(deserialize(written).unwrap(), at);
        }
    }

    #[test]
    fn it_has_three_digits_of_fraction() {
        let at = "2026-11-22T10:00:00Z".parse().unwrap();
        assert_eq!(serialize(&at, serde_json::value::Serializer).unwrap(), json!("2026-11-22T10:00:00.000Z"));
        assert_eq!(option::serialize(&None, serde_json::value::Serializer).unwrap(), json!(null));
    }
}
