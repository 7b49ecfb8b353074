//! Which page is shown, and with what: the address, and going to another one without loading everything anew.

use std::fmt::Write;

use leptos::prelude::*;

use crate::{browser, shown::Shown};

/// An address of this site, in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Address {
    path: String,
    query: Vec<(String, String)>,
}

/// Where the reader is. A context of every page.
#[derive(Clone, Copy)]
pub(crate) struct Here(RwSignal<Address>);

/// How a step is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The browser's back button undoes it.
    Forward,
    /// It takes the place of the one before it.
    InPlace,
}

impl Address {
    /// From a path and its query: `/console?call=outbound-1`.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.split('#').next().unwrap_or_default();
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let query = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self { path: path.to_owned(), query: query.collect() }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// A parameter's value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Here {
    /// Follows links and the browser's buttons from that address on.
    pub(crate) fn follow(address: &str) -> Self {
        let here = Self(RwSignal::new(Address::parse(address)));
        browser::follow_address(move |address| {
            let address = Address::parse(&address);
            let is_here = Shown::at(&address).is_here();
            if is_here {
                here.0.set(address);
            }
            is_here
        });
        here
    }

    /// Reads the address; its reader is woken when it changes.
    pub(crate) fn with<T>(self, read: impl FnOnce(&Address) -> T) -> T {
        self.0.with(read)
    }

    /// A parameter's value; empty where there is none.
    pub(crate) fn get(self, name: &str) -> String {
        self.with(|address| address.get(name).unwrap_or_default().to_owned())
    }

    /// Goes there. The page is one of this program's.
    pub(crate) fn go(self, address: &str, step: Step) {
        browser::set_address(address, step == Step::InPlace);
        self.0.set(Address::parse(address));
    }
}

/// Text as a part of an address: all but letters, digits and `-._~` as `%XX`.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut to, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            let _ = write!(to, "%{byte:02X}");
        }
        to
    })
}

/// A part of a query as text: `+` is a space. What is no escape stands for itself.
fn decode(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        let escaped = after.first_chunk().filter(|_| *first == b'%').and_then(byte);
        rest = if escaped.is_some() { &after[2..] } else { after };
        bytes.push(escaped.unwrap_or(if *first == b'+' { b' ' } else { *first }));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that two hex digits stand for.
fn byte(digits: &[u8; 2]) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_an_address_is_escaped() {
        assert_eq!(encode("Jörg & Ann/+1"), "J%C3%B6rg%20%26%20Ann%2F%2B1");
    }

    #[test]
    fn what_was_escaped_is_read_back_and_what_was_not_is_kept() {
        let address = Address::parse("/history?q=J%C3%B6rg+%26%20Ann%2F%2B1&empty=&bare&odd=100%&worse=%4%zz#end");
        assert_eq!(address.path(), "/history");
        let got = ["q", "empty", "bare", "odd", "worse", "none"].map(|name| address.get(name));
        assert_eq!(got, [Some("Jörg & Ann/+1"), Some(""), Some(""), Some("100%"), Some("%4%zz"), None]);
        assert_eq!(Address::parse("/?a=%FF").get("a"), Some("\u{fffd}"));
    }
}
