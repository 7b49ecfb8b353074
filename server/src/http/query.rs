//! Query parameters: read one by one, and refused in FastAPI's words.

use std::{fmt::Display, str::FromStr};

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{ApiError, FieldError};
use crate::store::Cursor;

const NO_MOMENT: &str = "Input should be a valid datetime, for example 2026-01-31T09:00:00Z";

/// The parameters of a request, and what is wrong with those that were read.
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    faults: Vec<FieldError>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(pairs) = Query::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::bad_request("The query could not be read."))?;
        Ok(Self { pairs, faults: Vec::new() })
    }
}

impl Params {
    pub(crate) fn of(pairs: Vec<(String, String)>) -> Self {
        Self { pairs, faults: Vec::new() }
    }

    /// The parameter as it was sent; the last one if there are several.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn read<T>(
        &mut self,
        name: &'static str,
        r#type: &'static str,
        msg: &str,
        f: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?.to_owned();
        let value = f(&text);
        if value.is_none() {
            self.faults.push(FieldError::new(r#type, &["query", name], msg, text));
        }
        value
    }

    /// A whole number within bounds.
    pub(crate) fn number(&mut self, name: &'static str, least: u64, most: u64) -> Option<u64> {
        let msg = "Input should be a valid integer, unable to parse string as an integer";
        let number = self.read(name, "int_parsing", msg, |text| i128::from_str(text).ok())?;
        let (fault, msg) = if number < i128::from(least) {
            ("greater_than_equal", format!("Input should be greater than or equal to {least}"))
        } else if number > i128::from(most) {
            ("less_than_equal", format!("Input should be less than or equal to {most}"))
        } else {
            return u64::try_from(number).ok();
        };
        let input = self.text(name).unwrap_or_default().to_owned();
        self.faults.push(FieldError::new(fault, &["query", name], msg, input));
        None
    }

    /// A word of a closed vocabulary.
    pub(crate) fn word<T: FromStr + Display>(&mut self, name: &'static str, all: &[T]) -> Option<T> {
        let words: Vec<_> = all.iter().map(|word| format!("'{word}'")).collect();
        let msg = format!("Input should be one of {}", words.join(", "));
        self.read(name, "enum", &msg, |text| text.parse().ok())
    }

    /// The first moment of a span: RFC 3339, or a day, which counts from its beginning in UTC.
    pub(crate) fn since(&mut self, name: &'static str) -> Option<Timestamp> {
        self.read(name, "datetime_parsing", NO_MOMENT, |text| moment(text, Some))
    }

    /// The moment after a span: RFC 3339, or a day, which counts to its end in UTC.
    pub(crate) fn until(&mut self, name: &'static str) -> Option<Timestamp> {
        self.read(name, "datetime_parsing", NO_MOMENT, |text| moment(text, |day| day.tomorrow().ok()))
    }

    /// Where a page begins.
    pub(crate) fn cursor(&mut self, name: &'static str) -> Option<Cursor> {
        let msg = "Input should be the next_cursor of an earlier answer";
        self.read(name, "value_error", msg, |text| text.parse().ok())
    }

    /// A text that is not too long.
    pub(crate) fn short_text(&mut self, name: &'static str, longest: usize) -> Option<String> {
        let msg = format!("String should have at most {longest} characters");
        self.read(name, "string_too_long", &msg, |text| (text.chars().count() <= longest).then(|| text.to_owned()))
    }

    /// Notes that a parameter is missing or wrong.
    pub(crate) fn refuse(&mut self, name: &'static str, r#type: &'static str, msg: &str) {
        let input = self.text(name).map_or(serde_json::Value::Null, Into::into);
        self.faults.push(FieldError::new(r#type, &["query", name], msg, input));
    }

    /// Whether all that was read made sense.
    pub(crate) fn done(self) -> Result<(), ApiError> {
        if self.faults.is_empty() { Ok(()) } else { Err(ApiError::invalid(self.faults)) }
    }
}

fn moment(text: &str, bound: impl Fn(Date) -> Option<Date>) -> Option<Timestamp> {
    // A plus that was not escaped arrives as a space.
    let at = |text: &str| text.parse().ok();
    let day = |text: &str| bound(text.parse().ok()?)?.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
    at(text).or_else(|| at(&text.replace(' ', "+"))).or_else(|| day(text).filter(|_| text.len() == 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_understood_with_and_without_a_time() {
        let nine: Timestamp = "2026-01-31T09:00:00Z".parse().unwrap();
        for text in ["2026-01-31T09:00:00Z", "2026-01-31T10:00:00+01:00", "2026-01-31T10:00:00 01:00"] {
            assert_eq!(moment(text, Some), Some(nine), "{text}");
        }
        assert_eq!(moment("2026-01-31", Some), Some("2026-01-31T00:00:00Z".parse().unwrap()));
        let end = moment("2026-01-31", |day| day.tomorrow().ok());
        assert_eq!(end, Some("2026-02-01T00:00:00Z".parse().unwrap()), "the whole day");
        for text in ["", "yesterday", "2026-13-01", "2026-01-31T09:00:00"] {
            assert_eq!(moment(text, Some), None, "{text}");
        }
    }
}
