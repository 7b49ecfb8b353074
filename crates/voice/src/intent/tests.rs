use super::*;

fn check(what: &str, wordings: &str, holds: impl Fn(&str) -> bool) {
    let wrong: Vec<&str> = wordings.lines().map(str::trim).filter(|l| !l.is_empty() && !holds(l)).collect();
    assert!(wrong.is_empty(), "{what}: {wrong:#?}");
}

#[test]
fn plain_requests_for_a_human_are_heard() {
    check("asks for a human", HUMAN, |text| matches!(wish(text), Wish::Human { .. }));
}

#[test]
fn other_sentences_with_the_same_words_ask_for_nobody() {
    check("does not ask for a human", NO_HUMAN, |text| !matches!(wish(text), Wish::Human { .. }));
}

#[test]
fn vague_requests_and_anger_are_asked_about_first() {
    check("may want a human", MAYBE, |text| wish(text) == Wish::MaybeHuman);
    check("wants nothing", NOTHING, |text| wish(text) == Wish::Nothing);
}

#[test]
fn the_reason_of_a_request_is_in_the_customers_words() {
    let Wish::Human { reason } = wish("I was charged twice, get me a manager.") else { panic!("not heard") };
    assert_eq!(reason, "The customer asked for a human: “I was charged twice, get me a manager.”");
}

#[test]
fn only_an_explicit_yes_is_a_yes() {
    check("yes", YES, |text| yes_or_no(text) == Some(true));
    check("no", NO, |text| yes_or_no(text) == Some(false));
    check("neither", NEITHER, |text| yes_or_no(text).is_none());
}

#[test]
fn a_change_of_mind_is_heard_on_hold() {
    check("never mind", NEVER_MIND, never_mind);
    check(
        "goes on holding",
        "hello?\nis anybody there\nhow long will this take\nI don't mind waiting\nI'm still here\nthis music is nice\n\
        I need a human\nyes\nno",
        |t| !never_mind(t),
    );
}

#[test]
fn manners_are_told_apart() {
    check(
        "goodbye",
        "bye\nGoodbye!\nokay bye bye\nthanks, bye\nhave a nice day\nI have to go\nI've got to go now\ntalk to you later\ngood bye then\n\
        stop calling me\nI'm hanging up",
        says_goodbye,
    );
    check(
        "no goodbye",
        "before you go, one question\nI didn't say anything\nplease don't hang up\nI want to buy one\nhello\nwhere do I go",
        |t| !says_goodbye(t),
    );
    check(
        "repeat",
        "sorry?\nwhat?\npardon\ncan you repeat that please\ncould you say that again\nI didn't catch that\nwhat did you say\nhuh?\ncome again",
        asks_repeat,
    );
    check("no repeat", "I'm sorry to hear that\nwhat time is it\nsay hello to them\nI understood", |t| !asks_repeat(t));
    check(
        "who",
        "who is this\nWho are you?\nwho's calling\nwhat's this about\nwhy are you calling me\nwho am I speaking to\nwhat company is this",
        asks_who,
    );
    check("not who", "I know who did it\nmy name is John\nthe man who called", |t| !asks_who(t));
    check(
        "ai",
        "are you a robot\nAm I talking to a machine?\nis this a recording\nare you human\nare you a real person?\nis this an AI\nare you an A.I.\nis this automated\nare you even a person",
        asks_if_ai,
    );
    check("not ai", "I am a person\nis this the bank\nare you open tomorrow\nI bought a machine", |t| !asks_if_ai(t));
    check(
        "wait",
        "hold on\nwait a minute\nhang on a second\none moment please\ngive me a sec\nlet me grab a pen",
        asks_to_wait,
    );
    check("not wait", "I have been waiting for a week\nno\nI can't wait", |t| !asks_to_wait(t));
}

#[test]
fn machines_are_told_from_people() {
    check("machine", MACHINES, is_machine_greeting);
    check(
        "person",
        "Hello?\nHi, this is John.\nYes, speaking.\nHello, who is this?\nGood morning, Miller residence.\nI'm not available on Friday\n\
        Can I leave at five?\nyeah hello\nplease call me on Monday",
        |t| !is_machine_greeting(t),
    );
}

#[test]
fn unfinished_sentences_are_waited_for() {
    check(
        "goes on",
        "my number is\nand\nI called because\nI want to\nI have a question about\nso I went to the\nwell,\num\nI tried it but\nit's in the\nlet me see\nmy name is\n\
        I ordered it, and\nthe problem is that",
        keeps_going,
    );
    check(
        "is done",
        "my number is five five five\nyes\nno\nI want a refund\nis that it?\nyes I am\nthank you\nI would\nI want to talk to a person\nwhat is it about\nyes please do that",
        |t| !keeps_going(t),
    );
}

#[test]
fn listening_noises_are_no_interruption() {
    check(
        "backchannel",
        "mhm\nuh huh\nokay\nMm-hmm.\nyeah\nright\nI see\nokay, sure\ngot it\noh really",
        is_backchannel,
    );
    check("says something", "no\nwait\nstop\nokay but I have a question\nwhat\nyes I want to cancel\nhello", |t| {
        !is_backchannel(t)
    });
}

#[test]
fn problems_and_questions_are_told_apart() {
    check(
        "problem",
        "I'm having trouble with my account\nit doesn't work\nI can't log in\nI was charged twice\nmy parcel never arrived\nthe screen is broken\nI need some help",
        has_problem,
    );
    check("no problem", "no problem\neverything is fine\nthat works for me\nthere's nothing wrong", |t| {
        !has_problem(t)
    });
    check(
        "question",
        "what time is the appointment\nwhen is it?\ncan I bring my dog\nand where is that\ndo I need to bring anything",
        is_question,
    );
    check("statement", "I will be there\nthat is when I come\nyes please\nthank you", |t| !is_question(t));
}

const HUMAN: &str = include_str!("wordings/human.txt");
const NO_HUMAN: &str = include_str!("wordings/no_human.txt");
const MAYBE: &str = include_str!("wordings/maybe.txt");
const NOTHING: &str = include_str!("wordings/nothing.txt");
const YES: &str = include_str!("wordings/yes.txt");
const NO: &str = include_str!("wordings/no.txt");
const NEITHER: &str = include_str!("wordings/neither.txt");
const NEVER_MIND: &str = include_str!("wordings/never_mind.txt");
const MACHINES: &str = include_str!("wordings/machines.txt");
