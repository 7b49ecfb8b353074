//! An event's fields, read by hand from a JSON object.
//!
//! serde reads a flat and tagged enum by keeping the object aside and having the code for every variant twice: a twentieth of
//! the page's program.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::{Private, moment};

/// What is left of an object.
pub(crate) struct Fields(Map<String, Value>);

/// A value that a field can have.
pub(crate) trait Field: Sized {
    /// `None`: it is something else. A field that is missing is [`Value::Null`].
    fn read(value: Value) -> Option<Self>;
}

impl Fields {
    /// Takes a field out.
    ///
    /// # Errors
    /// A sentence with its name, where it is missing or something else.
    pub(crate) fn take<T: Field>(&mut self, name: &str) -> Result<T, String> {
        // Names that are Rust's own words are written with a prefix there.
        let name = name.strip_prefix("r#").unwrap_or(name);
        T::read(self.0.remove(name).unwrap_or_default())
            .ok_or_else(|| format!("`{name}` is missing, or something else"))
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Map::deserialize(from).map(Self)
    }
}

impl Field for String {
    fn read(value: Value) -> Option<Self> {
        if let Value::String(text) = value { Some(text) } else { None }
    }
}

impl Field for bool {
    fn read(value: Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Field for u64 {
    fn read(value: Value) -> Option<Self> {
        value.as_u64()
    }
}

impl Field for u32 {
    fn read(value: Value) -> Option<Self> {
        value.as_u64()?.try_into().ok()
    }
}

impl Field for u16 {
    fn read(value: Value) -> Option<Self> {
        value.as_u64()?.try_into().ok()
    }
}

impl Field for f64 {
    fn read(value: Value) -> Option<Self> {
        value.as_f64()
    }
}

impl Field for Timestamp {
    fn read(value: Value) -> Option<Self> {
        moment::parse(value.as_str()?)
    }
}

impl<T: Field> Field for Private<T> {
    fn read(value: Value) -> Option<Self> {
        T::read(value).map(Self::from)
    }
}

impl<T: Field> Field for Option<T> {
    fn read(value: Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::read(value).map(Some) }
    }
}

impl<T: Field> Field for Vec<T> {
    fn read(value: Value) -> Option<Self> {
        if let Value::Array(values) = value { values.into_iter().map(T::read).collect() } else { None }
    }
}
