//! Moments on the wire: RFC 3339 in UTC with three digits of fraction, `2026-11-22T10:00:00.500Z`.
//!
//! They are read by hand: jiff understands every form there is, and with the texts of its errors that was a twelfth of the
//! page's program.

use std::str::FromStr;

use jiff::{Timestamp, civil::DateTime, tz::Offset};
use serde::{Deserializer, Serializer, de::Visitor};

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
/// Where there is something else.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    from.deserialize_str(Moment)
}

/// The same for a moment that may not have come yet.
pub(crate) mod option {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Read(#[serde(with = "super")] Timestamp);

    #[allow(clippy::ref_option, reason = "serde's `with` passes a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::serialize(at, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<Read>::deserialize(from)?.map(|read| read.0))
    }
}

struct Moment;

impl Visitor<'_> for Moment {
    type Value = Timestamp;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a moment like 2026-11-22T10:00:00.500Z")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
        parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

/// Up to nine digits of fraction, or none.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| (1..=9).contains(digits))?;
    let nanos = number::<i32>(fraction)? * 10_i32.pow(9 - digits);
    let [month, day, hour, minute, second] = [month, day, hour, minute, second].map(|n| i8::try_from(n).unwrap_or(-1));
    Offset::UTC.to_timestamp(DateTime::new(year, month, day, hour, minute, second, nanos).ok()?).ok()
}

/// Digits alone, no sign.
fn number<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Three numbers of so many digits.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i16; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        *number = self::number(parts.next().filter(|part| part.len() == digits)?)?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(millis in -62_135_596_800_000_i64..253_402_207_200_000) {
            let at = Timestamp::from_millisecond(millis).unwrap();
            prop_assert_eq!(parse(&format!("{at:.3}")), Some(at));
        }

        #[test]
        fn what_is_no_moment_is_refused_as_jiff_refuses_it(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-2][0-9]:[0-9]{2}:[0-5][0-9](\\.[0-9]{1,9})?Z") {
            prop_assert_eq!(parse(&text), text.parse().ok());
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "Z",
            "2026-11-22",
            "2026-11-22T10:00Z",
            "2026-11-22T10:00:00",
            "2026-11-22T10:00:00.Z",
            "2026-11-22T10:00:00.-5Z",
            "2026-11-22T10:00:00.+5Z",
            "+026-11-22T10:00:00Z",
            "2026-11-22T10:00:00+01:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(parse("2026-11-22T10:00:00Z").is_some());
    }
}
