use crate::Setup;

/// What the instructions come to, as things that can be said.
pub(crate) struct Script {
    /// 'this is the LiveKit support team'
    pub(crate) introduction: String,
    /// 'I'm calling to remind you about an upcoming appointment.'
    pub(crate) purpose: Option<String>,
    /// What else there is to tell, in order.
    pub(crate) facts: Vec<String>,
    /// What else is known, for questions.
    known: Vec<String>,
}

/// What one sentence of instructions is.
enum Meaning {
    Purpose(String),
    Fact(String),
    /// How to behave, or what the agent is: nothing to say.
    Order,
}

impl Script {
    pub(crate) fn of(setup: &Setup) -> Self {
        let dynamic = setup.dynamic_instruction.as_ref().map(|d| d.reveal().as_str()).unwrap_or_default();
        let mut script =
            Self { introduction: introduction(setup, dynamic), purpose: None, facts: Vec::new(), known: Vec::new() };
        for sentence in sentences(dynamic) {
            match meaning(&sentence, setup) {
                Meaning::Purpose(said) if script.purpose.is_none() => script.purpose = Some(said),
                Meaning::Purpose(said) | Meaning::Fact(said) => script.facts.push(said),
                Meaning::Order => {}
            }
        }
        for sentence in sentences(&setup.instructions) {
            if let Meaning::Fact(said) = meaning(&sentence, setup) {
                script.known.push(said);
            }
        }
        script
    }

    /// A note's sentences as speech; orders about behaviour give none.
    pub(crate) fn speakable(note: &str, setup: &Setup) -> Vec<String> {
        let meanings = sentences(note).into_iter().map(|s| meaning(&s, setup));
        meanings
            .filter_map(|m| match m {
                Meaning::Purpose(s) | Meaning::Fact(s) => Some(s),
                Meaning::Order => None,
            })
            .collect()
    }

    /// What is known that shares the most words of weight with a question.
    pub(crate) fn answer(&self, question: &str) -> Option<&str> {
        let asked = weighty(question);
        let wants_time = ["when", "time", "date", "day"].iter().any(|w| question.to_lowercase().contains(w));
        let score = |fact: &&String| {
            let told = weighty(fact);
            let shared = asked.iter().filter(|w| told.contains(w)).count() * 2;
            shared + usize::from(wants_time && names_a_time(fact))
        };
        let best = self.facts.iter().chain(&self.known).max_by_key(score)?;
        (score(&best) >= 2 || (wants_time && score(&best) >= 1)).then_some(best.as_str())
    }
}

/// 'this is …': of whom the instructions speak, or on whose behalf the call is made.
fn introduction(setup: &Setup, dynamic: &str) -> String {
    let caller = setup.caller_name.as_deref().map(str::trim).filter(|c| !c.is_empty());
    let team = [dynamic, &setup.instructions].into_iter().flat_map(sentences).find_map(|s| team(&s));
    match (caller, team) {
        (Some(caller), _) => format!("this is an assistant calling on behalf of {caller}"),
        (None, Some(team)) => format!("this is {team}"),
        (None, None) => "this is the support team".to_owned(),
    }
}

/// 'You are a helpful customer support agent for LiveKit.' → 'the LiveKit support team'.
fn team(sentence: &str) -> Option<String> {
    let role = strip_any(sentence, &["You are ", "You're "]).filter(|r| !r.starts_with("calling"))?;
    let (role, rest) = [" for ", " at ", " from ", " of ", " with "].iter().find_map(|p| role.split_once(p))?;
    let named: Vec<&str> = rest
        .split_whitespace()
        .take_while(|w| {
            w.chars().next().is_some_and(|c| c.is_uppercase() || c.is_ascii_digit()) || ["and", "&", "of"].contains(w)
        })
        .collect();
    let name = named.join(" ");
    let name = name.trim_end_matches(['.', ',', ';']);
    if name.is_empty() {
        return None;
    }
    let lower = role.to_lowercase();
    if !ROLES.iter().any(|r| lower.contains(r)) {
        return None;
    }
    let kind = ["support", "sales", "billing", "service"].into_iter().find(|k| lower.contains(k));
    Some(kind.map_or_else(|| format!("the {name} team"), |kind| format!("the {name} {kind} team")))
}

const ROLES: &[&str] =
    &["agent", "assistant", "representative", "support", "specialist", "advis", "member", "receptionist", "team"];

fn meaning(sentence: &str, setup: &Setup) -> Meaning {
    const STYLE: &[&str] = &[
        "be",
        "speak",
        "keep",
        "use",
        "sound",
        "stay",
        "remain",
        "do",
        "don't",
        "never",
        "always",
        "avoid",
        "make",
        "respond",
        "answer",
        "talk",
        "act",
        "ensure",
        "remember",
        "try",
        "listen",
        "when",
        "if",
        "unless",
        "only",
        "wait",
        "introduce",
        "greet",
        "start",
        "begin",
        "end",
        "escalate",
        "transfer",
        "please",
        "handle",
        "help",
        "assist",
        "note",
        "important",
    ];
    let text = sentence.trim().trim_end_matches(['.', '!', ';']).trim();
    let you = |rest: &str| second_person(&named_as_customer(rest, setup));
    if let Some(rest) = strip_any(text, PURPOSES) {
        return Meaning::Purpose(format!("I'm calling to {}.", with_object(&you(rest))));
    }
    if let Some(rest) = strip_any(text, &["You are calling ", "You're calling ", "Calling ", "Call about "]) {
        let about = rest.strip_prefix("about ").map_or_else(|| rest.to_owned(), |r| format!("about {r}"));
        let known =
            ["about ", "because ", "from ", "on ", "regarding ", "with ", "in "].iter().any(|p| about.starts_with(p));
        return if known { Meaning::Purpose(format!("I'm calling {}.", you(&about))) } else { Meaning::Order };
    }
    if let Some(rest) = strip_any(text, &["You are ", "You're "]) {
        return ing_phrase(rest).map_or(Meaning::Order, |doing| Meaning::Purpose(format!("I'm {}.", you(doing))));
    }
    if let Some(order) = strip_any(text, &["You should ", "You must ", "You need to ", "You have to ", "Please "]) {
        return meaning(&capital(order), setup);
    }
    let first = text.split_whitespace().next().unwrap_or_default().to_lowercase();
    if text.is_empty() || STYLE.contains(&first.trim_end_matches([',', ':'])) {
        return Meaning::Order;
    }
    imperative(&named_as_customer(text, setup), &first)
        .map_or_else(|| Meaning::Fact(format!("{}.", capital(&you(text)))), Meaning::Fact)
}

const PURPOSES: &[&str] = &[
    "You are calling to ",
    "You're calling to ",
    "You call to ",
    "Call the customer to ",
    "Call them to ",
    "Call to ",
    "Calling to ",
    "Your task is to ",
    "Your goal is to ",
    "Your job is to ",
    "The purpose of this call is to ",
    "The goal of this call is to ",
];

/// 'Tell them that …', 'Ask if …': what is to be said, said.
fn imperative(text: &str, verb: &str) -> Option<String> {
    let rest = text.split_once(' ').map_or("", |(_, rest)| rest);
    let rest = strip_any(rest, &["the customer ", "the user ", "the caller ", "the person ", "them ", "him ", "her "])
        .unwrap_or(rest);
    let rest = second_person(rest);
    let that = rest.strip_prefix("that ");
    let said = match verb {
        "tell" | "inform" | "say" | "explain" | "mention" | "notify" | "let" | "state" | "advise" => {
            let that = that.or_else(|| rest.strip_prefix("know that "));
            match (that, rest.strip_prefix("about "), rest.strip_prefix("to ")) {
                (Some(told), ..) => format!("{}.", capital(told)),
                (_, Some(about), _) => format!("I'd like to tell you about {about}."),
                (.., Some(to)) => format!("Please {to}."),
                _ => format!("{}.", capital(&rest)),
            }
        }
        "remind" => match (that, rest.strip_prefix("to ")) {
            (Some(told), _) => format!("{}.", capital(told)),
            (None, Some(to)) => format!("Please remember to {to}."),
            (None, None) => format!("I'd like to remind you {}.", rest.strip_prefix("you ").unwrap_or(&rest)),
        },
        "ask" => format!("May I ask {rest}?"),
        "offer" => format!("I can offer you {}.", rest.strip_prefix("you ").unwrap_or(&rest)),
        "thank" => format!("Thank you {rest}."),
        "apologise" | "apologize" => format!("I'd like to apologise {rest}."),
        "confirm" | "check" | "discuss" | "verify" | "schedule" | "arrange" | "review" | "update" | "follow"
        | "provide" | "give" | "find" | "collect" | "get" => format!("I'd like to {verb} {rest}."),
        _ => return None,
    };
    Some(said)
}

/// 'a support agent following up on a ticket' → 'following up on a ticket'
fn ing_phrase(role: &str) -> Option<&str> {
    const DOING: &[&str] =
        &["following up", "reaching out", "checking in", "calling", "contacting", "getting in touch"];
    DOING.iter().find_map(|d| role.find(d).map(|at| &role[at..]))
}

/// 'remind about' → 'remind you about'
fn with_object(text: &str) -> String {
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let lacks = ["about ", "of ", "that "].iter().any(|p| rest.starts_with(p));
    if lacks && ["remind", "inform", "notify", "tell", "update", "ask"].contains(&verb) {
        return format!("{verb} you {rest}");
    }
    text.to_owned()
}

/// The customer's name, inside instructions, is the customer.
fn named_as_customer(text: &str, setup: &Setup) -> String {
    let Some(name) = setup.name.as_ref().map(|n| n.reveal().trim()).filter(|n| n.len() > 1) else {
        return text.to_owned();
    };
    let first = name.split_whitespace().next().unwrap_or(name);
    let mut text = text.to_owned();
    for called in [name, first] {
        text = text.replace(&format!("{called}'s "), "the customer's ");
        text = text.replace(&format!(" {called} "), " the customer ");
    }
    text
}

/// The person is 'you': of instructions ('their order' → 'your order') and of their own words ('my account' → 'your
/// account', 'I can't' → 'you can't').
pub(crate) fn second_person(text: &str) -> String {
    let text = text
        .replace("the customer's", "their")
        .replace("The customer's", "Their")
        .replace("the customer", "them")
        .replace("The customer", "They");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut said: Vec<String> = Vec::with_capacity(words.len());
    for (at, raw) in words.iter().enumerate() {
        let word = raw.trim_end_matches(['.', ',', ';', '?', '!']);
        let mark = &raw[word.len()..];
        let follows = words.get(at + 1).copied().unwrap_or_default();
        let previous = said.last().map(|s| s.to_lowercase()).unwrap_or_default();
        let new = match word.to_lowercase().as_str() {
            "i" | "we" | "me" | "us" | "they" | "them" | "he" | "she" | "him" => "you",
            "i'm" | "we're" | "they're" => "you're",
            "i've" | "we've" | "they've" => "you've",
            "i'd" | "we'd" => "you'd",
            "i'll" | "we'll" => "you'll",
            "my" | "our" | "their" | "his" => "your",
            "mine" | "theirs" => "yours",
            "her"
                if follows.is_empty() || ["about", "that", "to", "on", "if", "and", "of", "for"].contains(&follows) =>
            {
                "you"
            }
            "her" => "your",
            "am" | "is" if previous == "you" => "are",
            "was" if previous == "you" => "were",
            "has" if previous == "you" => "have",
            _ => word,
        };
        said.push(format!("{new}{mark}"));
    }
    said.join(" ")
}

fn names_a_time(text: &str) -> bool {
    const TIMES: &[&str] = &[
        "am",
        "pm",
        "a.m",
        "p.m",
        "o'clock",
        "noon",
        "midnight",
        "today",
        "tonight",
        "tomorrow",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "week",
        "month",
    ];
    text.to_lowercase().split_whitespace().any(|w| TIMES.contains(&w.trim_end_matches(['.', ',', ';', '!', '?'])))
}

fn sentences(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut sentence = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        sentence.push(if letter == '\n' { ' ' } else { letter });
        let ends = matches!(letter, '.' | '!' | '?') && letters.peek().is_none_or(|n| n.is_whitespace());
        if (ends && !abbreviates(&sentence)) || letter == '\n' {
            all.push(std::mem::take(&mut sentence).trim().to_owned());
        }
    }
    all.push(sentence.trim().to_owned());
    for sentence in &mut all {
        // Marks and numbers of a list.
        let text = sentence.trim_start_matches(|c: char| "-*•–".contains(c) || c.is_whitespace());
        let unnumbered = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let text = unnumbered.strip_prefix(['.', ')']).filter(|_| unnumbered.len() < text.len()).unwrap_or(text);
        *sentence = text.trim().to_owned();
    }
    all.retain(|s| s.chars().any(char::is_alphanumeric));
    all.truncate(40);
    all
}

fn abbreviates(sentence: &str) -> bool {
    const SHORT: &[&str] = &["mr.", "mrs.", "ms.", "dr.", "st.", "no.", "e.g.", "i.e.", "prof.", "inc.", "ltd."];
    let numbers = sentence.trim().trim_end_matches('.').chars().all(|c| c.is_ascii_digit());
    numbers || sentence.split_whitespace().next_back().is_some_and(|w| SHORT.contains(&w.to_lowercase().as_str()))
}

fn weighty(text: &str) -> Vec<String> {
    const LIGHT: &[&str] = &[
        "what", "when", "where", "which", "who", "how", "your", "you", "the", "and", "for", "that", "this", "with",
        "have", "has", "does", "did", "are", "was", "were", "can", "could", "will", "would", "should", "from", "about",
        "there", "they", "them", "much", "many", "need", "want", "know", "tell", "please", "calling", "get", "any",
        "its", "it's", "i'm", "not", "bring", "more", "than",
    ];
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'').map(str::to_lowercase);
    words.filter(|w| w.len() > 2 && !LIGHT.contains(&w.as_str())).map(|w| w.trim_end_matches('s').to_owned()).collect()
}

fn strip_any<'a>(text: &'a str, prefixes: &[&str]) -> Option<&'a str> {
    prefixes.iter().find_map(|p| {
        let head = text.get(..p.len())?;
        head.eq_ignore_ascii_case(p).then(|| &text[p.len()..])
    })
}

fn capital(text: &str) -> String {
    super::capitalised(text)
}
