//! Speech on this machine: Moonshine recognises, Piper speaks, both on rten; fetching and converting the models.

pub mod models;
mod moonshine;
mod normalise;
mod ort;
mod phonemes;
mod piper;
mod style;
