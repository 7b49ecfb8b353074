//! What somebody means, read off recognised text by rules. Recognition errs, so that single words count less than how
//! they stand together; where a text can be read two ways, the reading that asks back wins.

mod answer;
mod manners;
#[cfg(test)]
mod tests;
mod wish;
mod words;

pub(crate) use answer::{never_mind, yes_or_no};
pub(crate) use manners::{
    asks_if_ai, asks_repeat, asks_to_wait, asks_who, has_problem, is_backchannel, is_machine_greeting, is_question,
    is_thanks, keeps_going, says_goodbye, wants_nothing_more,
};
pub(crate) use wish::{Wish, wish};
