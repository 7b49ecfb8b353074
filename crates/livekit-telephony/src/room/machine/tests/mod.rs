//! The machine against a model of the server that answers in any order, late, or not at all.

mod dialling;
mod orders;
mod random;
mod rules;
mod world;
