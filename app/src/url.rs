//! Text in addresses.

use std::fmt::Write;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_an_address_is_escaped() {
        assert_eq!(encode("Jörg & Ann/+1"), "J%C3%B6rg%20%26%20Ann%2F%2B1");
    }
}
