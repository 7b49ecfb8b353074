//! Whatever is to be said is said: names of every script, and text without an end.

use futures::StreamExt;
use warmline_voice::{Expect, TextToSpeech};

use crate::support::{hear, peak_memory, say, speech, style};

/// Pictures, control characters and marks in a name's place, too.
const NAMES: [&str; 16] = [
    "Алексей Петров",
    "Γιώργος",
    "محمد الفاتح",
    "王小明",
    "김민수",
    "प्रिया शर्मा",
    "さくら",
    "שרה",
    "Łukasz Đặng",
    "😀",
    "👩‍👩‍👧 Ann",
    "Zoe\u{308}\u{301}\u{36f}",
    "\u{202e}Bob\u{0}\u{7}\u{2028}",
    "字́\u{fffd}",
    "𝕁𝕒𝕟𝕖",
    "§§ ¿?",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_any_script_drops_nothing_around_it() {
    let (stt, tts) = speech();
    for name in NAMES {
        let text = format!("Hello {name}, I am calling about your account.");
        let heard = hear(&stt, say(&tts, &text, &style("Calm", 0)).await, Expect::Anything).await.to_lowercase();
        assert!(heard.contains("calling about your"), "{name}: {heard}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_without_an_end_is_spoken_in_pieces_that_bound_memory() {
    let (_, tts) = speech();
    let calm = style("Calm", 0);
    // What an ordinary long sentence takes, on every worker.
    let ordinary = "I will connect you with somebody who can help you with your account this very afternoon";
    let all = ["Well", "Now", "Then", "So"].map(|first| format!("{first} {ordinary}."));
    futures::future::join_all(all.iter().map(|text| say(&tts, text, &calm))).await;
    let before = peak_memory();
    for text in ["word ".repeat(400), "x".repeat(2_000), "strawberry".repeat(200), "WVW".repeat(666), "7".repeat(2_000)]
    {
        let mut chunks = tts.speak(&text, &calm);
        // The first sounds are enough to see that there are some, and how much they cost.
        for _ in 0..3 {
            let chunk = chunks.next().await.unwrap().unwrap();
            let seconds = chunk.len() as f64 / 16_000.0;
            assert!((0.05..15.0).contains(&seconds), "{seconds} s of {}", &text[..10]);
        }
    }
    // Where the system tells.
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        println!("{before} MB before, {after} MB after");
        assert!(after < before + 120, "{before} MB before, {after} MB after");
    }
}

#[test]
fn only_what_has_sounds_can_be_said() {
    let (_, tts) = speech();
    for text in ["Hello.", "Привет", "7", "王", "😀 ok", &"x".repeat(2_000)] {
        assert!(tts.can_speak(text), "{text}");
    }
    for text in ["😀😀", "…", " \u{202e}\u{0} ", "!?.,", "§", "\u{301}"] {
        assert!(!tts.can_speak(text), "{text}");
    }
}
