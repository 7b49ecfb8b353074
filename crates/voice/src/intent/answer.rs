use super::words::{Clause, clauses, find, has_any, words};

/// What counts as a yes where it opens a clause, or is all of it.
const YES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "yea",
    "yah",
    "sure",
    "certainly",
    "absolutely",
    "definitely",
    "affirmative",
    "okay",
    "alright",
    "si",
    "sí",
    "oui",
    "ja",
    "claro",
];

/// What counts as a yes wherever it stands, unless refused.
const YES_PHRASES: &[&str] = &[
    "^ all right $",
    "^ of course",
    "go ahead",
    "please do",
    "by all means",
    "go for it",
    "^ do it",
    "^ do that",
    "lets do it",
    "lets do that",
    "i am ready",
    "we are ready",
    "^ ready $",
    "^ ready when",
    "put/patch/send/bring them/him/her/me/us/it through/on/over",
    "put/patch/send/bring the? customer/caller/call through/on/over",
    "put/patch through the? customer/caller/call",
    "^ connect/transfer me/us/them/him/her/it",
    "please connect/transfer me/us/them/him/her/it",
    "^ connect/transfer the customer/caller/call",
    "you can/may connect/transfer",
    "can/could you connect/transfer",
    "^ connect $",
    "^ connect please $",
    "i will take it/this/them/him/her",
    "i will take the/that call/customer",
    "i can take it/this/them/him/her",
    "i can take the/that call",
    "i accept",
    "^ accept",
    "^ accepted $",
    "sounds good/great/fine",
    "that would be good/great/nice/fine/lovely/helpful/perfect/wonderful",
    "that is fine",
    "i would like/love/appreciate that",
    "i would love to",
    "^ i would $",
    "^ i will $",
    "^ yes i would",
    "happy to",
    "said yes",
    "say yes",
    "is yes",
    "a yes",
    "^ i am $",
    "^ i do $",
    "^ please $",
    "^ correct $",
    "^ perfect $",
    "^ with pleasure $",
    "mean/meant yes/yeah",
    "^ no yes/yeah/sure/okay",
];

/// What counts as a no wherever it stands.
const NO_PHRASES: &[&str] = &[
    "no thanks",
    "no thank you",
    "no time",
    "no way",
    "not interested",
    "rather not",
    "prefer not",
    "of course not",
    "certainly/absolutely/definitely/probably/really not",
    "not really",
    "i can not",
    "we can not",
    "can not take",
    "can not do",
    "can not right",
    "could not take",
    "will not",
    "would not",
    "do not connect/transfer/put/want/need/bother",
    "do not do",
    "i do not $",
    "i am not $",
    "unable to",
    "i am unable",
    "am/are not able",
    "i am * busy",
    "i am * tied up",
    "in a meeting",
    "not available",
    "unavailable",
    "decline",
    "reject",
    "refuse",
    "not now",
    "not right now",
    "not today",
    "not at the/this moment",
    "do not have the/any? time",
    "do not think so",
    "into a meeting",
    "somebody/someone else take/do",
    "not this time",
    "another time",
    "some other time",
    "call * back",
    "call * later",
    "call * tomorrow",
    "^ later",
    "yes later",
    "maybe later",
    "yes tomorrow",
    "^ tomorrow",
    "i am * not ready",
    "^ not ready",
    "never mind",
    "forget it",
    "wrong person",
    "wrong number",
    "said no",
    "say no",
    "mean/meant no/nope",
    "is no",
    "a no",
    "^ never",
    "^ negative",
    "no need",
    "do not bother",
    "leave it",
    "not me",
    "find/ask/try someone/somebody else",
    "in the middle of",
    "on another call",
    "i am driving",
    "i am out",
    "off duty",
    "not on duty",
    "not working today",
];

/// Neither, whatever else is said: it takes time, depends, or asks back.
const UNDECIDED: &[&str] = &[
    "not sure",
    "not certain",
    "i am unsure",
    "maybe",
    "perhaps",
    "probably",
    "possibly",
    "i guess",
    "i suppose",
    "i think so",
    "depends",
    "it depends",
    "if",
    "unless",
    "until",
    "whether",
    "not yet",
    "ready yet",
    "give me a",
    "just a",
    "one moment",
    "one second",
    "one sec",
    "one minute",
    "a moment",
    "a minute",
    "a second",
    "a sec",
    "two minutes",
    "few minutes",
    "five minutes",
    "ten minutes",
    "hold on",
    "hang on",
    "wait",
    "in an hour",
    "almost",
    "nearly",
    "what",
    "who",
    "which",
    "when is",
    "why is",
    "how long",
    "how come",
    "where",
    "do not mind",
    "do not know",
    "do not care",
    "did not hear/catch/understand/get",
    "do not understand",
    "pardon",
    "say again",
    "say that again",
    "repeat",
    "soon",
    "sorry $",
    "or no",
    "or not",
    "let me think",
    "let me see",
    "let me check",
    "thinking",
    "first",
];

/// A yes that only says 'I am here'.
const PRESENT: &[&str] = &[
    "hello",
    "speaking",
    "hi",
    "this is",
    "i am here",
    "i hear",
    "i heard",
    "can hear",
    "i see",
    "i understand",
    "i know",
    "i got it",
    "i get it",
    "go on",
    "i am listening",
    "listening",
    "i am still",
    "still here",
    "good morning",
    "good afternoon",
    "good evening",
    "it is me",
    "that is me",
    "tell me",
    "continue",
    "i am with you",
];

/// Sayings with a 'no' or a 'not' in them that refuse nothing. Each is dropped before the rest is weighed.
const HARMLESS: &[&str] = &[
    "no problem at all",
    "no problem",
    "no problems",
    "no worries",
    "not a problem",
    "no issue",
    "no issues",
    "no doubt",
    "why not",
    "no trouble",
    "not at all",
    "no objection",
    "no objections",
    "do not worry",
    "can not wait",
    "no rush",
    "could not be better",
    "no further questions",
    "no more questions",
    "no questions",
];

/// Yes, no, or neither. Conservative: a yes is an explicit yes with nothing beside it that takes it back; a no is a
/// refusal or a putting-off; everything else is neither and has to be asked again.
pub(crate) fn yes_or_no(text: &str) -> Option<bool> {
    let mut clauses = clauses(text);
    if let Some(corrected) = after_correction(&clauses) {
        clauses.drain(..corrected);
    }
    for clause in &mut clauses {
        prepare(&mut clause.words);
    }
    let all: Vec<String> = clauses.iter().flat_map(|c| c.words.iter().cloned()).collect();
    let undecided = has_any(&all, UNDECIDED);
    let yes = clauses.iter().any(|c| opens_with(&c.words, YES) || has_any(&c.words, YES_PHRASES));
    let opens_no = clauses.iter().any(|c| opens_with(&c.words, &["no", "nope", "nah", "nein", "non"]));
    let refused = has_any(&all, NO_PHRASES);
    match (yes, opens_no || refused) {
        // 'Yes, but not now' puts off; 'yes, no' and 'no, go ahead' are anybody's guess; 'yeah, no' is a saying.
        (true, true) if refused || has_any(&all, &["yeah no $", "yeah nah"]) => {
            (!undecided || !opens_no).then_some(false)
        }
        (true, true) => None,
        (false, true) if undecided && !opens_no && has_any(&all, &["yet", "a/one moment/minute/second/sec"]) => None,
        (false, true) => Some(false),
        (true, false) if undecided || asks_back(&clauses) || has_any(&all, PRESENT) || only_okay_and_more(&all) => None,
        (true, false) => Some(true),
        (false, false) => None,
    }
}

/// Fillers off the front, harmless sayings out.
fn prepare(words: &mut Vec<String>) {
    for saying in HARMLESS {
        if let Some(found) = find(words, saying) {
            words.drain(found);
        }
    }
    const FILLERS: &[&str] =
        &["uh", "um", "er", "erm", "ah", "oh", "well", "so", "hmm", "and", "then", "but", "hey", "mm"];
    let fillers = words.iter().take_while(|w| FILLERS.contains(&w.as_str())).count();
    words.drain(..fillers);
}

fn opens_with(words: &[String], any: &[&str]) -> bool {
    words.first().is_some_and(|w| any.contains(&w.as_str()))
        && !(words.len() > 1 && words[1] == "not" && words[0] != "no" && any.contains(&"yes"))
}

/// 'No, I mean yes': where what counts begins.
fn after_correction(clauses: &[Clause]) -> Option<usize> {
    let corrects = |c: &Clause| has_any(&c.words, &["^ i mean", "^ i meant", "^ wait $", "^ sorry $", "^ actually"]);
    let at = clauses.iter().rposition(corrects)?;
    let alone = has_any(&clauses[at].words, &["^ i mean $", "^ i meant $", "^ wait $", "^ sorry $", "^ actually $"]);
    let rest = if alone { at + 1 } else { at };
    let says_mean = ["yes", "yeah", "no", "nope"];
    let clear = clauses[rest..].iter().flat_map(|c| &c.words).any(|w| says_mean.contains(&w.as_str()));
    (rest > 0 && clear && !clauses[rest..].is_empty()).then_some(rest).filter(|_| strips_mean(clauses, rest))
}

/// Only a correction whose rest reads by itself counts.
fn strips_mean(clauses: &[Clause], rest: usize) -> bool {
    let words: Vec<String> = clauses[rest..].iter().flat_map(|c| c.words.iter().cloned()).collect();
    has_any(&words, &["^ i? mean/meant/actually? yes/yeah/no/nope", "^ yes/yeah/no/nope"])
}

/// A yes with a question in it ('Yes, who is it?', 'Yes?') is no answer; 'Yes, can you connect me?' is.
fn asks_back(clauses: &[Clause]) -> bool {
    clauses.iter().any(|c| c.question && !has_any(&c.words, &["connect/transfer/put/patch"]))
}

/// 'Okay' is a yes by itself; with other things after it, it may only mean 'I hear you'.
fn only_okay_and_more(words: &[String]) -> bool {
    const WITH: &[&str] = &[
        "okay", "alright", "sure", "yes", "yeah", "yep", "please", "thanks", "thank", "you", "fine", "good", "great",
        "then", "perfect", "cool", "right", "all", "very", "well", "go", "ahead",
    ];
    let weak = has_any(words, &["^ okay/alright", "^ all right"]);
    let strong = words.iter().any(|w| YES.contains(&w.as_str()) && w != "okay" && w != "alright");
    let phrase = YES_PHRASES.iter().any(|p| *p != "^ all right $" && has_any(words.get(1..).unwrap_or(&[]), &[p]));
    weak && !strong && !phrase && words.iter().any(|w| !WITH.contains(&w.as_str()))
}

/// On hold: the customer calls it off.
pub(crate) fn never_mind(text: &str) -> bool {
    const CALLED_OFF: &[&str] = &[
        "never mind",
        "nevermind",
        "forget it",
        "forget about it",
        "forget that",
        "cancel that",
        "cancel it",
        "^ cancel $",
        "cancel the call/transfer/request",
        "do not need anyone/anybody/someone/somebody/him/her/them",
        "do not need a/the/your/to * anymore/more/human/person/supervisor/manager/talk/speak",
        "no longer need",
        "do not need it",
        "do not need that",
        "do not want to wait",
        "do not want to talk/speak to/with anyone/anybody",
        "do not want to hold",
        "do not connect",
        "do not transfer",
        "not need to connect",
        "changed my mind",
        "change my mind",
        "no need to connect/transfer/call/bother",
        "^ no need",
        "there is no need",
        "it is okay i",
        "it is fine i",
        "stop the call/transfer",
        "do not bother",
        "i worked/figured/sorted it out",
        "i found it",
        "i got it working",
        "problem is solved",
        "it works now",
        "it is working now",
        "i would rather talk/continue to/with you",
        "talk/speak to you instead",
        "back to you",
        "drop it",
        "leave it",
    ];
    let said = words(text);
    has_any(&said, CALLED_OFF) && !has_any(&said, &["do not cancel", "why did you", "never mind the wait"])
}
