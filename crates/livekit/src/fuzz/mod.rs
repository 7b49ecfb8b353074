//! Fuzz targets: everything that others send us, each as a function over raw bytes that panics when a promise is broken.
//!
//! They run in two ways: under libFuzzer (`fuzz/`, see its README), and in this crate's tests with the corpus and a fixed
//! number of inputs made from it. None of them opens a connection to anything but this process.

#[cfg(test)]
mod tests;
mod words;

pub use crate::{
    audio::fuzzing::{audio, red},
    engine::fuzzing::{data, signals},
    peer::fuzzing::{datagrams, descriptions, rtp},
};
pub use words::webhook;

use arbitrary::Unstructured;

/// The pieces of an input: a byte that says what it is, two for a length (little endian), and so many bytes.
pub(crate) struct Pieces<'a>(Unstructured<'a>);

impl<'a> Pieces<'a> {
    pub(crate) fn of(input: &'a [u8]) -> Self {
        Self(Unstructured::new(input))
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let what = self.0.arbitrary().ok()?;
        let length = usize::from(self.0.arbitrary::<u16>().ok()?).min(self.0.len());
        Some((what, self.0.bytes(length).ok()?))
    }
}
