use super::words::{Clause, clauses, find_with, has_any};
use crate::lines;

/// Whether somebody wants a human.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A plain request: at once.
    Human {
        /// Why, in plain words.
        reason: String,
    },
    /// Seems to need one: ask first.
    MaybeHuman,
    /// Neither.
    Nothing,
}

/// Whether somebody asks for a human, plainly or nearly.
pub(crate) fn wish(text: &str) -> Wish {
    let clauses = clauses(text);
    if clauses.iter().any(|c| asks_for(&c.words, "@human", c.question)) {
        return Wish::Human {
            reason: format!("The customer asked for a human: “{}”", lines::shortened(text, 160))
        };
    }
    let vague = |c: &Clause| asks_for(&c.words, "@someone", c.question) || has_any(&c.words, FED_UP);
    if clauses.iter().any(vague) { Wish::MaybeHuman } else { Wish::Nothing }
}

/// Requests; `@who` stands for the human.
const REQUESTS: &[&str] = &[
    "can/could/may/might/shall/should i/we * @talk to/with? @who",
    "can/could not i/we * @talk to/with? @who",
    // On a bad line the first word is the one that is lost, or becomes another.
    "^ but/then/so/and/good? i/we @talk to/with? @who $",
    "if i/we can/could/may/might * @talk to/with? @who",
    "let/lets me/us? * @talk to/with? @who",
    "i/we would like/love/prefer/rather/want/appreciate * @talk to/with? @who",
    "i/we want/need/wish/demand/prefer/insist/require * @talk to/with? @who",
    "i/we have/got to @talk to/with? @who",
    "i/we must/will/should only? @talk to/with? @who",
    "and want/need * @talk to/with? @who",
    "^ want/need/wish/like/would/prefer * @talk to/with? @who",
    "^ talk/speak/chat to/with? @who",
    "it? possible/way/chance/able/option/time/how to @talk to/with? @who",
    "possible/way/chance i/we can/could? @talk to/with? @who",
    "how/when/where do/can/could i/we * @talk to/with? @who",
    "trying/hoping/waiting/asking/asked/looking/calling to/for * @talk to/with? @who",
    "trying/hoping/waiting/asking/asked/looking for/to get/find/have? @who",
    "can/could/may/would i/we * have/get/see/reach/contact/ask/request/like @who",
    "connect/transfer/put/switch/patch/pass/forward/hand/redirect/route/direct/send/refer/transferring/connecting \
     me/us/this/it/call * to/with/through/on/over/onto @who",
    "connect/transfer/put/switch/patch/pass/forward/hand/redirect/route/direct/send/refer/transferring/connecting \
     me/us/this/it/call * to/with/through @who",
    "connect/transfer/switch me/us @who",
    "get/give/bring/find/fetch/grab/send/pass/call me/us @who",
    "get/put @who on",
    "^ get/bring/fetch/find/grab/call @who",
    "can/could/will/would you * get/bring/fetch/find/grab/call/ask @who",
    "i/we want/need/demand/require/prefer/request/expect to? have/see? @who",
    "i/we would like/prefer/love/want/rather to? have/see? @who",
    "^ want/need/prefer/only @who",
    "is/are there @who $",
    "is/are there @who there/available/around/here/i/we/who/that/on/to/in",
    "is/are @who there/available/around/here/in/free",
    "where is/are @who",
    "do/does not? you/anyone/they have @who",
    "can/could/may/should/would @who * help/assist/call/handle/answer/contact/ring/take/look/explain/deal/fix/speak/talk",
    "let/have/make/ask @who to? help/assist/call/handle/answer/contact/ring/take/look/explain/deal/fix/speak/talk/come",
    "asked/asking/ask for @who",
];

/// Requests that need not name the human.
const TRANSFERS: &[&str] = &[
    "connect/transfer/redirect/patch me/us $",
    "put/patch me/us through $",
    "transfer/forward this/the/my? call $",
    "pass/hand/put me/us over/on? to? them/him/her $",
    "connect/transfer me/us to/with? them/him/her $",
    "^ escalate",
    "can/could/please/to/must you? escalate this/it/my/the",
];

/// What people say who are about to need a human.
const FED_UP: &[&str] = &[
    "want/need/going to not talk/speak to/with a? robot/machine/computer/bot/ai",
    "not want/like/need/going * talk/speak/talking/speaking to/with a/some/this? robot/robots/machine/machines/computer/computers/bot/bots/ai/you",
    "hate/tired/sick * talking/speaking/dealing? to/with a/these/this? robot/robots/machine/machines/computer/computers/bot/bots/ai",
    "not talk/talking/speak/speaking to/with a/some/this? robot/machine/computer/bot/ai",
    "not a? robot/machine/computer $",
    "you are/do not help/helping/listen/listening/understand/understanding",
    "you can not help",
    "you are/is useless",
    "this/that/it is ridiculous/useless/unacceptable/outrageous/pointless",
    "waste/wasting of? my? time",
    "i am so/very/really/getting/quite/pretty/extremely? frustrated/furious/angry/upset/desperate",
    "fed up",
    "file/make/have a complaint",
    "i want/need/would to? like? to? complain",
    "nobody/noone is? helps/helping/helped/answers/listens",
    "not getting anywhere",
    "going in/around circles",
    "i need more help",
    "can you not help",
];

fn asks_for(words: &[String], who: &str, question: bool) -> bool {
    let words: Vec<String> = words.iter().filter(|w| !NOISE.contains(&w.as_str())).cloned().collect();
    if words.is_empty() {
        return false;
    }
    let plain = who == "@human";
    if plain && only_names_one(&words, question) {
        return true;
    }
    let transfers: &[&str] = if plain { TRANSFERS } else { &[] };
    let requests = REQUESTS.iter().map(|p| p.replace("@who", who));
    requests.chain(transfers.iter().map(|p| (*p).to_owned())).any(|pattern| {
        find_with(&words, &pattern, &class).is_some_and(|found| !negated(&words, found.start, found.end))
    })
}

const NOISE: &[&str] = &[
    "uh",
    "um",
    "er",
    "erm",
    "ah",
    "hmm",
    "just",
    "actually",
    "really",
    "please",
    "simply",
    "now",
    "directly",
    "kindly",
    "honestly",
    "maybe",
    "perhaps",
    "immediately",
    "instead",
    "then",
    "already",
    "finally",
    "right",
    "away",
    "straight",
];

/// The whole clause is 'a real person', 'operator', 'human human'.
fn only_names_one(words: &[String], question: bool) -> bool {
    let mut at = usize::from(words[0] == "to" || words[0] == "yes" || words[0] == "no" || words[0] == "okay");
    let start = at;
    while let Some(end) = human_at(words, at) {
        at = end;
    }
    at > start
        && at == words.len()
        && words[start] != "one"
        && !(question && ["the", "your"].contains(&words[start].as_str()))
}

fn class(name: &str, words: &[String], at: usize) -> Option<usize> {
    match name {
        "talk" => talk_at(words, at),
        "human" => human_at(words, at),
        "someone" => someone_at(words, at).filter(|end| !made_plain(words, *end)),
        _ => None,
    }
}

fn talk_at(words: &[String], at: usize) -> Option<usize> {
    let word = words.get(at)?.as_str();
    match word {
        "talk" | "speak" | "chat" | "deal" | "converse" | "communicate" | "discuss" | "reach" | "contact"
        | "talking" | "speaking" => Some(at + 1),
        "get" if has_word(words, at + 1, "through") => Some(at + 2),
        "get" if has_word(words, at + 1, "hold") && has_word(words, at + 2, "of") => Some(at + 3),
        "be" if ["connected", "transferred", "passed"].iter().any(|w| has_word(words, at + 1, w)) => Some(at + 2),
        _ => None,
    }
}

const DESCRIBES: &[&str] = &[
    "a",
    "an",
    "the",
    "your",
    "some",
    "any",
    "another",
    "real",
    "live",
    "actual",
    "living",
    "human",
    "proper",
    "genuine",
    "different",
    "other",
    "senior",
    "customer",
    "service",
    "support",
    "care",
    "sales",
    "billing",
    "technical",
    "tech",
    "account",
    "help",
    "duty",
    "team",
    "shift",
    "breathing",
    "physical",
    "normal",
    "one",
    "of",
];
const PEOPLE: &[&str] = &[
    "human",
    "humans",
    "person",
    "representative",
    "representatives",
    "rep",
    "reps",
    "operator",
    "operators",
    "supervisor",
    "supervisors",
    "manager",
    "managers",
    "boss",
    "agent",
    "agents",
    "advisor",
    "adviser",
    "advisors",
    "employee",
    "employees",
    "colleague",
    "colleagues",
    "associate",
    "specialist",
    "technician",
    "attendant",
    "superior",
    "being",
    "beings",
    "superiors",
    "receptionist",
    "consultant",
];
/// These are a human only when called a real one.
const IF_REAL: &[&str] =
    &["people", "man", "woman", "guy", "lady", "voice", "one", "body", "being", "persons", "staff"];
const REAL: &[&str] = &["real", "live", "actual", "living", "human", "breathing", "physical", "genuine"];
const DEPARTMENTS: &[&str] =
    &["service", "support", "care", "department", "management", "desk", "staff", "billing", "sales"];
/// After the noun, these make something else of it: 'human error', 'the agent number'.
const OTHER_THINGS: &[&str] = &[
    "error",
    "errors",
    "rights",
    "resources",
    "nature",
    "mistake",
    "body",
    "readable",
    "verification",
    "account",
    "position",
    "job",
    "role",
    "app",
    "software",
    "id",
    "number",
    "name",
    "email",
    "license",
    "fee",
    "fees",
    "password",
    "login",
    "ticket",
    "request",
    "page",
    "case",
    "code",
    "plan",
    "contract",
];

/// Where words that plainly name a human end: 'a real person', 'one of your agents', 'somebody else'.
fn human_at(words: &[String], at: usize) -> Option<usize> {
    if let Some(end) = someone_at(words, at) {
        return made_plain(words, end).then(|| (end + 1).min(words.len()));
    }
    if has_word(words, at, "whoever") && find_with(&words[at..], "^ whoever * charge", &class).is_some() {
        return Some(words.len());
    }
    if let Some(found) = find_with(&words[at..], "^ a/any/another member of staff/your/the staff/team?", &class) {
        return Some(at + found.end);
    }
    let described = words[at..].iter().take(5).take_while(|w| DESCRIBES.contains(&w.as_str())).count();
    // 'a human' ends in a word that also describes, so that shorter readings count too.
    (0..=described).rev().find_map(|skipped| noun_at(words, at, at + skipped))
}

fn noun_at(words: &[String], start: usize, at: usize) -> Option<usize> {
    let noun = words.get(at)?.as_str();
    let before = &words[start..at];
    let real = before.iter().any(|w| REAL.contains(&w.as_str()));
    let asked_of = start > 0 && ["to", "with", "for", "through"].contains(&words[start - 1].as_str());
    let department = DEPARTMENTS.contains(&noun)
        && (asked_of || before.iter().any(|w| ["customer", "technical", "tech", "help"].contains(&w.as_str())));
    if !(is_person(noun) || real && IF_REAL.contains(&noun) || department) {
        return None;
    }
    let end = at + 1;
    let follows = words.get(end).map(String::as_str);
    if follows.is_some_and(|w| OTHER_THINGS.contains(&w)) || for_an_errand(words, noun, end) {
        return None;
    }
    let part_of_department = matches!(follows, Some("team" | "member" | "department" | "staff" | "agent" | "person"));
    Some(if department && part_of_department { end + 1 } else { end })
}

/// 'a person to sign for it' is somebody else's errand, 'a person to help me' is ours.
fn for_an_errand(words: &[String], noun: &str, end: usize) -> bool {
    const OURS: &[&str] = &[
        "help", "talk", "speak", "assist", "handle", "deal", "look", "call", "solve", "explain", "fix", "answer",
        "take", "come", "me", "us", "sort", "resolve",
    ];
    ["person", "agent", "specialist", "technician"].contains(&noun)
        && has_word(words, end, "to")
        && words.get(end + 1).is_some_and(|w| !OURS.contains(&w.as_str()))
}

fn is_person(word: &str) -> bool {
    PEOPLE.contains(&word)
        || (word.len() >= 9 && ["representative", "supervisor"].iter().any(|p| close(word, p, 2)))
        || (word.len() >= 7 && close(word, "operator", 1))
}

fn someone_at(words: &[String], at: usize) -> Option<usize> {
    ["someone", "somebody", "anyone", "anybody"].contains(&words.get(at)?.as_str()).then_some(at + 1)
}

/// What makes 'someone' a human for certain: 'someone else', 'somebody real', 'anyone in charge'.
fn made_plain(words: &[String], end: usize) -> bool {
    const PLAIN: &[&str] = &[
        "^ real/human/else/actual/actually/alive/live/senior/responsible/higher/above/competent/living/physical",
        "^ in charge/authority",
        "^ with authority/power",
        "^ from/in/on/at your/the/customer/technical/billing/support/sales",
        "^ who/that is a/an/not/human/real/alive",
        "^ not a",
        "^ other than you",
    ];
    words.get(end..).is_some_and(|rest| has_any(rest, PLAIN))
}

/// Whether the request is refused ('I don't want to …'), told of others ('they put me through …') or told of the past.
fn negated(words: &[String], start: usize, end: usize) -> bool {
    const LINKS: &[&str] = &[
        "want", "need", "have", "you", "to", "ask", "asked", "asking", "me", "us", "like", "wish", "even", "going",
        "try", "do", "that", "i", "think", "should", "we", "would", "be", "it", "there", "is", "must",
    ];
    const OTHERS: &[&str] = &["he", "she", "they", "it", "who", "which", "never", "unable"];
    let refuses = |w: &str| matches!(w, "not" | "never" | "without" | "stop");
    let inside = &words[start..end];
    let inside_not = inside.iter().enumerate().any(|(i, w)| {
        refuses(w)
            && !(i > 0 && ["can", "could"].contains(&inside[i - 1].as_str()))
            && !["a", "you"].iter().any(|next| has_word(inside, i + 1, next))
    });
    if inside_not || (start > 0 && OTHERS.contains(&words[start - 1].as_str())) {
        return true;
    }
    if inside.iter().any(|w| w == "asked") && has_any(words, &["yesterday", "last", "ago", "before"]) {
        return true;
    }
    let before = words[..start].iter().rposition(|w| !LINKS.contains(&w.as_str()));
    let Some(at) = before else { return false };
    let asks_why = words[..at].iter().any(|w| w == "why") || (at > 0 && words[at - 1] == "can");
    let no_need = words[at] == "no" && start > at + 1 && words[at + 1] == "need";
    (refuses(&words[at]) && !asks_why && start - at <= 6) || no_need
}

fn has_word(words: &[String], at: usize, word: &str) -> bool {
    words.get(at).is_some_and(|w| w == word)
}

/// Whether two words differ by at most so many letters (recognition's misspellings).
fn close(a: &str, b: &str, most: usize) -> bool {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let kept = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = kept.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()] <= most
}
