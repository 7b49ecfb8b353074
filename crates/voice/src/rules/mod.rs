//! The brain without a model: honest, and useful as far as rules go. It says on whose behalf it calls and why, works
//! through what it was told to tell, answers what it knows, and offers a human for the rest.

mod script;
mod talk;
#[cfg(test)]
mod tests;

pub(crate) use script::{Script, second_person};
pub(crate) use talk::Talk;

use crate::{Role, Setup, Turn, brain::Step, intent, lines};

const MOMENT: &str = "Do you have a moment?";
const HOW_CAN_I_HELP: &str = "How can I help you today?";
const ANYTHING_ELSE: [&str; 3] = [
    "Is there anything else I can help you with?",
    "Is there anything else you would like to talk about?",
    "What else can I do for you?",
];
const NOT_UNDERSTOOD: [&str; 2] = [
    "I'm not sure I understood. Could you tell me a little more?",
    "I'm sorry, I still don't understand. Could you say it in other words?",
];
const OFFERS: [&str; 3] = [
    lines::offer_human(),
    "Shall I connect you with a human supervisor?",
    "I can connect you with a human supervisor. Would you like that?",
];
const UNKNOWN: [&str; 3] = [
    "I don't have that information.",
    "I'm afraid I don't know that.",
    "I'm sorry, that is something I can't tell you.",
];
const ON_RECORD: [&str; 2] =
    ["Thank you, that is on the record of this call.", "Thank you, that is on the record as well."];
const WHAT_NOTE: &str = "What should I write down?";

/// Names the customer and the caller, and says what it is about.
pub(crate) fn greet(setup: &Setup) -> Vec<Step> {
    let script = Script::of(setup);
    let hello = match setup.name.as_ref().map(|n| n.reveal().trim()) {
        Some(name) if !name.is_empty() => format!("Hello {name}, {}.", script.introduction),
        _ => format!("Hello, {}.", script.introduction),
    };
    let (why, question) = match (&script.purpose, script.facts.first()) {
        (Some(purpose), _) => (Some(purpose.clone()), MOMENT),
        (None, Some(fact)) => (Some(fact.clone()).filter(|f| !f.ends_with('?')), MOMENT),
        (None, None) => (None, HOW_CAN_I_HELP),
    };
    [Some(hello), why, Some(question.to_owned())].into_iter().flatten().map(Step::Say).collect()
}

/// The answer to what the person said last. Plain requests for a human are decided before.
pub(crate) fn reply(setup: &Setup, turns: &[Turn]) -> Vec<Step> {
    let talk = Talk::of(turns);
    let script = Script::of(setup);
    let mut steps = answer(setup, &script, &talk);
    let again = steps.iter().all(|s| matches!(s, Step::Say(text) if talk.just_said(text)));
    if again && !intent::asks_repeat(&talk.heard) {
        steps = say(&[talk.fresh(&NOT_UNDERSTOOD), talk.fresh(&ANYTHING_ELSE)][..1]);
    }
    steps
}

fn answer(setup: &Setup, script: &Script, talk: &Talk) -> Vec<Step> {
    let heard = &talk.heard;
    let yes_or_no = intent::yes_or_no(heard);
    if talk.was_offered() && yes_or_no == Some(false) && !intent::says_goodbye(heard) {
        return say(&["All right.", &next(script, talk)]);
    }
    if intent::says_goodbye(heard)
        || (talk.asked_if_more() && (yes_or_no == Some(false) || intent::wants_nothing_more(heard)))
    {
        return goodbye();
    }
    if intent::asks_if_ai(heard) {
        let offer = if setup.escalation { talk.fresh(&OFFERS).to_owned() } else { next(script, talk) };
        return say(&["Yes, I'm an AI assistant, not a human.", &offer]);
    }
    if intent::asks_who(heard) {
        return say(&[
            &format!("{}.", capitalised(&script.introduction)),
            script.purpose.as_deref().unwrap_or(HOW_CAN_I_HELP),
        ]);
    }
    if intent::asks_repeat(heard) && !talk.last_said().is_empty() {
        return say(&["Of course.", talk.last_said().trim_start_matches("Of course.").trim()]);
    }
    if intent::asks_to_wait(heard) && !intent::has_problem(heard) && !intent::is_question(heard) {
        return say(&[talk.fresh(&["Of course, take your time.", "No hurry, I'm still here."])]);
    }
    if talk.asked_for_note() && !intent::is_question(heard) {
        return say(&[talk.fresh(&ON_RECORD), talk.fresh(&ANYTHING_ELSE)]);
    }
    needs(setup, script, talk).unwrap_or_else(|| small_talk(setup, script, talk, yes_or_no))
}

/// Questions and troubles.
fn needs(setup: &Setup, script: &Script, talk: &Talk) -> Option<Vec<Step>> {
    let heard = &talk.heard;
    if intent::wish(heard) == intent::Wish::MaybeHuman {
        return Some(offer(setup, talk, "I understand."));
    }
    if intent::is_question(heard) && !talk.is_courtesy() {
        return Some(match script.answer(heard) {
            Some(fact) if !talk.just_said(fact) => say(&[fact]),
            _ => offer(setup, talk, talk.fresh(&UNKNOWN)),
        });
    }
    intent::has_problem(heard).then(|| offer(setup, talk, &talk.understanding()))
}

fn small_talk(setup: &Setup, script: &Script, talk: &Talk, yes_or_no: Option<bool>) -> Vec<Step> {
    let heard = &talk.heard;
    if talk.last_asked(MOMENT) && yes_or_no == Some(false) {
        let mut steps = say(&["No problem."]);
        steps.extend(goodbye());
        return steps;
    }
    if talk.asked_if_more() && yes_or_no == Some(true) {
        return say(&["Please go ahead, I'm listening."]);
    }
    if intent::is_thanks(heard) && yes_or_no != Some(false) {
        return say(&["You're welcome.", &next(script, talk)]);
    }
    let confirms = yes_or_no.is_some() || intent::is_backchannel(heard) || talk.is_courtesy();
    let waits_for_us = script.facts.iter().any(|f| !talk.ever_said(f));
    if confirms || waits_for_us {
        let opening = if yes_or_no == Some(false) { "All right." } else { talk.fresh(&["Thank you.", "Good."]) };
        return say(&[opening, &next(script, talk)]);
    }
    match talk.not_understood() {
        0 if script.purpose.is_some() && talk.answers() <= 2 => say(&[ON_RECORD[0], talk.fresh(&ANYTHING_ELSE)]),
        0 => say(&[NOT_UNDERSTOOD[0]]),
        1 => say(&[NOT_UNDERSTOOD[1]]),
        _ => offer(setup, talk, "I'm afraid I can't help you with that myself."),
    }
}

/// What comes next: the next thing to tell, else the question whether there is more.
fn next(script: &Script, talk: &Talk) -> String {
    let untold = script.facts.iter().find(|f| !talk.ever_said(f));
    if let Some(fact) = untold {
        return fact.clone();
    }
    if script.purpose.is_none() && talk.answers() <= 1 {
        return HOW_CAN_I_HELP.to_owned();
    }
    talk.fresh(&ANYTHING_ELSE).to_owned()
}

/// A word of understanding and the offer of a human; of a note, where none can be reached.
fn offer(setup: &Setup, talk: &Talk, opening: &str) -> Vec<Step> {
    if setup.escalation {
        return say(&[opening, talk.fresh(&OFFERS)]);
    }
    say(&[opening, "I can take a note of it.", WHAT_NOTE])
}

/// Asked for a human where none can be reached.
pub(crate) fn no_human(talk: &Talk) -> Vec<Step> {
    let regret = talk.fresh(&[lines::no_human(), "I'm sorry, I can't reach anybody from here."]);
    say(&[regret, "I can take a note for the team.", WHAT_NOTE])
}

/// Two answers in a row that the model failed to give.
pub(crate) fn after_failures(setup: &Setup, turns: &[Turn]) -> Vec<Step> {
    offer(setup, &Talk::of(turns), "I'm sorry, I still can't answer you properly.")
}

/// Goes on without new input.
pub(crate) fn go_on(setup: &Setup, turns: &[Turn]) -> Vec<Step> {
    let script = Script::of(setup);
    let talk = Talk::of(turns);
    let note = turns.last().filter(|t| t.role == Role::Note).map(|t| t.text.as_str()).unwrap_or_default();
    let about_transfer = ["supervisor", "transfer", "human"].iter().any(|w| note.to_lowercase().contains(w));
    if !about_transfer {
        let told = Script::speakable(note, setup);
        if !told.is_empty() {
            return told.into_iter().map(Step::Say).collect();
        }
    }
    say(&[&next(&script, &talk)])
}

fn goodbye() -> Vec<Step> {
    let mut steps = say(&["Thank you for your time. Goodbye."]);
    steps.push(Step::EndCall);
    steps
}

/// One step a sentence.
fn say(sentences: &[&str]) -> Vec<Step> {
    sentences.iter().filter(|s| !s.is_empty()).map(|s| Step::Say((*s).to_owned())).collect()
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
