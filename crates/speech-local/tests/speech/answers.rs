//! One word decides whether a call is merged.

use warmline_voice::Expect;

use crate::support::{hear, other_voice, say, speech, style, telephone};

/// What was said, and whether it means yes.
const ANSWERS: [(&str, bool); 7] = [
    ("Yes.", true),
    ("No.", false),
    ("Okay.", true),
    ("Yeah, sure.", true),
    ("Yes, I am ready.", true),
    ("No, not now.", false),
    ("Nope.", false),
];

/// What is neither.
const NEITHER: [&str; 13] = [
    "Hello?",
    "Who is this?",
    "Monday.",
    "Elephant.",
    "Twenty.",
    "Tuesday.",
    "Banana.",
    "My account.",
    "Refund.",
    "Seventeen.",
    "Yesterday.",
    "Nobody.",
    "Yellow.",
];

/// What a text means, by its first telling word.
fn meaning(text: &str) -> Option<bool> {
    const YES: [&str; 11] = ["yes", "yeah", "yep", "yup", "sure", "okay", "ok", "ready", "course", "ahead", "please"];
    const NO: [&str; 8] = ["no", "nope", "nah", "not", "can't", "don't", "never", "cannot"];
    let text = text.to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty());
    words.find_map(|word| match (YES.contains(&word), NO.contains(&word)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    })
}

#[derive(Default)]
struct Tally {
    asked: usize,
    empty: usize,
    opposite: usize,
    unclear: usize,
}

impl Tally {
    async fn ask(&mut self, who: &str, said: &str, yes: bool, audio: &[i16]) {
        let (stt, _) = speech();
        let got = hear(&stt, telephone(audio), Expect::YesOrNo).await;
        self.asked += 1;
        self.empty += usize::from(got.is_empty());
        match meaning(&got) {
            Some(meant) if meant == yes => {}
            Some(_) => self.opposite += 1,
            None => self.unclear += 1,
        }
        if meaning(&got) != Some(yes) {
            println!("  {who}: {said} | {got}");
        }
    }

    fn print(&self, whose: &str) {
        let Self { asked, empty, opposite, unclear } = self;
        println!("{whose}: {asked} answers, {empty} empty, {opposite} understood as the opposite, {unclear} unclear");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_voices_yes_and_no_are_understood() {
    let (_, tts) = speech();
    let mut tally = Tally::default();
    for voice in 0..4 {
        for (said, yes) in ANSWERS {
            let audio = say(&tts, said, &style("Calm", voice)).await;
            tally.ask(&format!("voice {voice}"), said, yes, &audio).await;
        }
    }
    tally.print("our voices");
    assert_eq!((tally.empty, tally.opposite, tally.unclear), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_synthesisers_yes_and_no_are_understood() {
    let mut tally = Tally::default();
    for voice in ["en-us", "en-us+f3", "en-gb", "en-gb-x-rp+m3", "en-gb-scotland", "en-us+m7", "en-gb+f2", "en-029"] {
        for (said, yes) in ANSWERS {
            tally.ask(voice, said, yes, &other_voice(said, voice)).await;
        }
    }
    tally.print("other voices");
    assert_eq!((tally.empty, tally.opposite, tally.unclear), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_neither_yes_nor_no_stays_so() {
    let (stt, tts) = speech();
    for voice in 0..3 {
        for said in NEITHER {
            let audio = say(&tts, said, &style("Calm", voice)).await;
            let got = hear(&stt, telephone(&audio), Expect::YesOrNo).await;
            println!("  voice {voice}: {said} | {got}");
            assert_eq!(meaning(&got), None, "{said} is taken for {got}");
        }
    }
}
