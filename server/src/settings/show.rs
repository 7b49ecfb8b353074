use serde::Serialize;

use super::{
    known::{KNOWN, Known},
    sources::Gathered,
    value::{Origin, masked},
};

/// A setting as `config show` gives it. Secrets and numbers are masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Its value as it may be shown; `None` where it has none.
    pub value: Option<String>,
    /// Where that comes from.
    pub origin: Origin,
    /// What it is for.
    pub about: &'static str,
}

/// `default` gives what a setting is without being set.
pub(super) fn rows(gathered: &Gathered, default: impl Fn(&Known) -> String) -> Vec<Row> {
    KNOWN
        .iter()
        .map(|known| {
            let (value, origin) = match gathered.given.get(known.name) {
                Some(given) => (masked(known, given.text.reveal()), given.origin.clone()),
                None => (masked_default(known, &default(known)), Origin::Default),
            };
            Row { name: known.name, value: (!value.is_empty()).then_some(value), origin, about: known.about }
        })
        .collect()
}

fn masked_default(known: &Known, default: &str) -> String {
    if default.is_empty() { String::new() } else { masked(known, default) }
}
