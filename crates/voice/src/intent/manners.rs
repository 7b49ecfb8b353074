use super::words::{clauses, has_any, words};

/// Whether somebody takes their leave.
pub(crate) fn says_goodbye(text: &str) -> bool {
    let said = words(text);
    let bye = has_any(
        &said,
        &[
            "goodbye",
            "bye",
            "bye bye",
            "see you",
            "have a good/nice/great/lovely day/one/evening/weekend/night",
            "talk to you later",
            "talk later $",
            "take care $",
            "got/have to go",
            "need to go $",
            "need to go now",
            "i am hanging up",
            "going to hang up",
            "i will hang up",
            "good night",
            "adios",
            "ciao",
            "au revoir",
            "do not call me/again",
            "stop calling",
            "leave me alone",
            "take me off",
            "that is all thank",
            "that is all thanks",
        ],
    );
    bye && !has_any(
        &said,
        &[
            "before/when/if/after you/i/we * goodbye/bye/go/hang",
            "said goodbye",
            "do not hang up",
            "not going to hang up",
            "buy/say goodbye to",
        ],
    )
}

/// Whether nothing more is wanted ('no, that's all').
pub(crate) fn wants_nothing_more(text: &str) -> bool {
    has_any(
        &words(text),
        &[
            "that is all",
            "that is it",
            "that is everything",
            "nothing else",
            "nothing more",
            "^ nothing $",
            "no nothing",
            "i am good",
            "i am fine",
            "i am all set",
            "all set",
            "we are done",
            "i am done",
            "no more questions",
            "no further questions",
            "no questions",
            "that will be all",
            "that would be all",
        ],
    )
}

/// Whether the last thing is to be said again.
pub(crate) fn asks_repeat(text: &str) -> bool {
    has_any(
        &words(text),
        &[
            "repeat",
            "say that again",
            "say it again",
            "say again",
            "come again",
            "pardon",
            "pardon me",
            "^ sorry $",
            "^ what $",
            "^ excuse me $",
            "what did you say",
            "what was that",
            "did not hear",
            "did not catch",
            "can not hear you",
            "could not hear",
            "did not get that",
            "did not understand",
            "one more time",
            "once more",
            "^ huh $",
            "could you speak * slower",
            "speak up",
            "again please",
        ],
    )
}

/// Whether somebody asks who calls, or why.
pub(crate) fn asks_who(text: &str) -> bool {
    has_any(
        &words(text),
        &[
            "who is this",
            "who are you",
            "who is that",
            "who is it",
            "who is calling",
            "who is speaking",
            "who am i * talking/speaking",
            "whom am i",
            "what is your name",
            "your name",
            "where are you calling",
            "which company",
            "what company",
            "who do you work",
            "who do you represent",
            "why are you calling",
            "why did you call",
            "what is this about",
            "what is it about",
            "what is this call",
            "what do you want",
            "what is the reason",
            "reason for * call",
            "calling about",
            "who do i have",
        ],
    )
}

/// Whether somebody asks if they talk to a machine.
pub(crate) fn asks_if_ai(text: &str) -> bool {
    has_any(
        &words(text),
        &[
            "are/r you * a/an/real/actually/even robot/bot/machine/computer/ai/human/person/recording/computers/chatbot",
            "are you * real $",
            "are you human",
            "are you ai",
            "are you real",
            "are you automated",
            "you are a/an robot/bot/machine/ai/computer $",
            "is this * a/an/some robot/bot/machine/computer/ai/recording/human/person",
            "is this * automated",
            "is this ai",
            "am i * talking/speaking to/with a/an real? human/person/robot/bot/machine/computer/ai",
            "is that a/an robot/machine/recording/ai",
            "artificial intelligence",
            "chat gpt",
            "chatgpt",
            "real person or",
            "human or a",
            "person or a",
            "robot or a",
            "machine or a",
            "a real voice",
        ],
    )
}

/// Whether the agent is to wait.
pub(crate) fn asks_to_wait(text: &str) -> bool {
    has_any(
        &words(text),
        &[
            "^ wait",
            "wait a",
            "hold on",
            "hang on",
            "one moment",
            "one second",
            "one sec",
            "one minute",
            "just a moment/second/sec/minute",
            "give me a moment/second/sec/minute",
            "a moment please",
            "a second please",
            "let me find/get/grab/check/look",
            "bear with me",
            "hold please",
            "please hold",
            "not yet",
            "i will be right back",
            "stay on the line",
        ],
    )
}

/// Whether this is a voicemail, an answering machine or a menu, not a person.
pub(crate) fn is_machine_greeting(text: &str) -> bool {
    has_any(
        &words(text),
        &[
            "leave/leaving/record * a? * message",
            "after the tone/beep",
            "at the tone/beep",
            "at the sound of",
            "voicemail",
            "voice mail",
            "mailbox",
            "answering machine",
            "answering service",
            "automated attendant",
            "press/dial one/1/two/2/three/3/zero/0/nine/9/star/pound/hash for/to/now",
            "for * press/dial",
            "to * * press/dial",
            "press/dial 1/2/3/0 $",
            "to * press/dial one/1/two/2/three/3/zero/0/pound",
            "person/party/number/subscriber/customer you are calling/trying/have/dialed",
            "you have reached the",
            "you have reached *",
            "is not available",
            "not available right now",
            "is currently unavailable",
            "can not come to the phone",
            "can not take your call",
            "unable to take your call",
            "not able to take your call",
            "i will get back to you",
            "we will get back to you",
            "return your call",
            "your call is important",
            "all our agents",
            "our office hours",
            "our business hours",
            "menu options",
            "listen carefully",
            "has been disconnected",
            "not in service",
            "forwarded to",
            "please stay on the line",
            "please try again later",
            "leave your name",
            "name and number",
            "record your",
            "when you have finished",
            "is being screened",
            "google assistant",
            "state your name",
        ],
    )
}

/// Whether the text looks unfinished, so that it is worth waiting longer for the end of the turn.
pub(crate) fn keeps_going(text: &str) -> bool {
    let text = text.trim();
    if text.ends_with([',', '-', '–', '—', ':', '…']) || text.ends_with("...") {
        return true;
    }
    if text.ends_with('?') {
        return false;
    }
    let said = words(text);
    const OPEN: &[&str] = &[
        "and", "or", "but", "because", "so", "if", "when", "that", "which", "who", "the", "a", "an", "my", "your",
        "his", "her", "our", "their", "to", "of", "for", "from", "with", "at", "in", "into", "about", "by", "as",
        "than", "is", "are", "was", "were", "i", "we", "they", "um", "uh", "er", "erm", "like", "well", "then",
        "since", "while", "until", "although", "would", "could", "should", "will", "very", "really", "these", "those",
        "am", "plus",
    ];
    const WHOLE: &[&str] = &[
        "^ i am $",
        "yes i am $",
        "no i am",
        "i would $",
        "^ yes? i will $",
        "yes we are $",
        "that is what it is $",
        "^ is that $",
        "i think so $",
        "^ if so $",
        "^ and $",
        "how is that $",
        "what is that $",
        "who is that $",
        "what for $",
        "where from $",
        "like that $",
        "about that $",
        "is it about $",
        "so $",
        "calling about $",
        "just like that $",
        "did that $",
        "oh well $",
        "very well $",
        "as well $",
        "calling for $",
        "talking to $",
        "speaking to $",
        "looking for $",
        "you are $",
        "do that $",
        "of that $",
        "for that $",
        "to that $",
        "hear that $",
        "get that $",
        "like to $",
        "want to $",
        "need that $",
    ];
    let open = said.last().is_some_and(|w| OPEN.contains(&w.as_str()));
    open && (has_any(&said, &["^ and $", "so $"]) || !has_any(&said, WHOLE))
        || has_any(
            &said,
            &[
                "number is $",
                "name is $",
                "address is $",
                "i want to $",
                "i would like to $",
                "i need to $",
                "let me see $",
                "how about $",
            ],
        )
}

/// Whether it only shows that somebody listens.
pub(crate) fn is_backchannel(text: &str) -> bool {
    const SOUNDS: &[&str] = &[
        "mhm",
        "mm",
        "mmm",
        "hm",
        "hmm",
        "hmmm",
        "mhmm",
        "uh",
        "huh",
        "um",
        "ah",
        "aha",
        "oh",
        "okay",
        "right",
        "yeah",
        "yep",
        "yes",
        "sure",
        "alright",
        "i",
        "see",
        "got",
        "it",
        "good",
        "great",
        "fine",
        "cool",
        "really",
        "wow",
        "ooh",
        "nice",
        "er",
        "all",
        "understood",
        "exactly",
        "true",
    ];
    let said = words(text);
    !said.is_empty()
        && said.len() <= 3
        && said.iter().all(|w| SOUNDS.contains(&w.as_str()))
        && !has_any(&said, &["^ it $", "^ i $", "^ all $"])
}

/// Whether it is thanks, and little else.
pub(crate) fn is_thanks(text: &str) -> bool {
    let said = words(text);
    said.len() <= 7 && has_any(&said, &["thank you", "thanks", "cheers", "appreciate it", "appreciate that"])
}

/// Whether something is asked.
pub(crate) fn is_question(text: &str) -> bool {
    clauses(text).iter().any(|c| {
        c.question
            || has_any(
                &c.words,
                &[
                    "^ and/but/so/okay/yes/well? what/when/where/why/how/which/whose",
                    "^ and/but/so/okay/yes/well? can/could/would/will/do/does/did/is/are/was/were/has/have you/i/we/it/this/that/there/the/they/he/she/my/your",
                    "do you know", "can you tell me", "i would like to know", "i want to know", "i was wondering",
                ],
            )
    })
}

/// Whether a trouble or a complaint is told.
pub(crate) fn has_problem(text: &str) -> bool {
    let said = words(text);
    has_any(
        &said,
        &[
            "problem/problems/trouble/troubles/issue/issues with/logging/getting/accessing",
            "a/the/another/this/same/my problem/issue",
            "having problems/trouble/issues",
            "does/do/did/is/are/was/still not * work/working/load/open/arrive/arrived/come/respond/right",
            "can/could not * log/login/access/open/find/get/pay/use/sign/reset/connect/see",
            "locked out",
            "broken",
            "broke",
            "crashed",
            "crashes",
            "error",
            "wrong",
            "mistake",
            "incorrect",
            "missing",
            "lost",
            "stolen",
            "damaged",
            "defective",
            "complaint",
            "complain",
            "refund",
            "overcharged",
            "charged twice",
            "charged me",
            "double charged",
            "never arrived",
            "never received",
            "not received",
            "have not received",
            "is late",
            "still waiting",
            "fraud",
            "scam",
            "failed",
            "fails",
            "failing",
            "stuck",
            "unhappy",
            "disappointed",
            "terrible",
            "awful",
            "horrible",
            "worst",
            "i need * help",
            "help me with",
            "cancel my",
            "cancel the",
            "emergency",
            "urgent",
        ],
    ) && !has_any(
        &said,
        &[
            "no problem",
            "not a problem",
            "no problems",
            "no issues",
            "no trouble",
            "without * problem/problems",
            "nothing * wrong",
            "nothing is wrong",
            "wrong number",
        ],
    )
}
