//! Every setting there is: its name, what it may show, its default and what it is for.

/// How a value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As it is (a password inside an address is hidden all the same).
    Open,
    /// Never.
    Secret,
    /// The last two digits.
    Phone,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its name in `.env` and the environment.
    pub name: &'static str,
    /// How its value may be shown.
    pub shown: Shown,
    /// What it is without being set, in words.
    pub default: &'static str,
    /// What it is for, in one line.
    pub about: &'static str,
}

const fn known(name: &'static str, shown: Shown, default: &'static str, about: &'static str) -> Known {
    Known { name, shown, default, about }
}

use Shown::{Open, Phone, Secret};

/// All settings, the guide's own first.
pub const KNOWN: &[Known] = &[
    known("LIVEKIT_API_KEY", Secret, "", "LiveKit API key"),
    known("LIVEKIT_API_SECRET", Secret, "", "LiveKit API secret"),
    known("LIVEKIT_URL", Open, "", "LiveKit server, wss://…"),
    known("LIVEKIT_SIP_OUTBOUND_TRUNK", Open, "", "LiveKit SIP outbound trunk, ST_…"),
    known("LIVEKIT_SUPERVISOR_PHONE_NUMBER", Phone, "", "supervisors' numbers, comma-separated, tried in order"),
    known("TWILIO_NUMBER", Phone, "", "the number calls come from"),
    known("AGENT_INSTRUCTIONS", Open, "You are a helpful customer support agent.", "who the agent is"),
    known("CALLER_NAME", Open, "", "on whose behalf the agent calls"),
    known("TTS_LANGUAGE", Open, "en", "language of a call that names none"),
    known("TTS_EMOTION", Open, "Calm", "emotion of a call that names none"),
    known("DEEPGRAM_API_KEY", Secret, "", "Deepgram (speech to text)"),
    known("OPENAI_API_KEY", Secret, "", "language model: the key"),
    known("OPENAI_BASE_URL", Open, "https://api.openai.com/v1", "language model: any OpenAI-compatible endpoint"),
    known("OPENAI_MODEL", Open, "gpt-4o-mini", "language model: which"),
    known("CARTESIA_API_KEY", Secret, "", "Cartesia (text to speech)"),
    known("WARMLINE_ADDR", Open, "127.0.0.1:8000", "where the program listens"),
    known("WARMLINE_HOSTS", Open, "", "names that browsers may ask for; on loopback only this machine's"),
    known("WARMLINE_DATA_DIR", Open, "", "store and saved settings"),
    known("WARMLINE_MODELS_DIR", Open, "", "speech models, a shared cache"),
    known("DATABASE_URL", Open, "", "the store, sqlite://…"),
    known("WARMLINE_CARRIER", Open, "sip", "who dials on LiveKit: sip, or simulated (personas; no SIP service)"),
    known("WARMLINE_LIVEKIT_API_URL", Open, "", "LiveKit's API, where it is not reached at LIVEKIT_URL"),
    known(
        "WARMLINE_LIVEKIT_CONSULT",
        Open,
        "auto",
        "on LiveKit, supervisors are consulted in: auto, same-room, own-room",
    ),
    known("WARMLINE_HOLD_MUSIC", Open, "", "a WAV or Ogg file; without it, built-in music"),
    known("WARMLINE_PERSONAS", Open, "", "folder of the exchange's personas (TOML)"),
    known("WARMLINE_MAX_CALLS", Open, "100", "calls at the same time"),
    known(
        "WARMLINE_MAX_CONNECTIONS",
        Open,
        "",
        "HTTP connections at the same time; without it, what the limit of open files leaves, at most 4096",
    ),
    known("WARMLINE_RING_TIMEOUT_S", Open, "30", "the customer's phone rings at most so long"),
    known("WARMLINE_SUPERVISOR_RING_TIMEOUT_S", Open, "30", "a supervisor's phone rings at most so long"),
    known("WARMLINE_DECISION_TIMEOUT_S", Open, "60", "a supervisor has so long to decide"),
    known("WARMLINE_MAX_CALL_S", Open, "3600", "the longest call"),
    known("WARMLINE_VOICEMAIL", Open, "hang_up", "when a machine answers: hang_up or leave_message"),
    known("WARMLINE_RECORD_DIR", Open, "", "the exchange records its calls there"),
    known("WARMLINE_LOG", Open, "info", "log filter, e.g. warmline=debug"),
    known("WARMLINE_LOG_FORMAT", Open, "text", "text or json"),
    known("WARMLINE_FSYNC", Open, "true", "whether every event is on disk before it is told"),
];

/// The setting of that name.
pub(super) fn find(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|k| k.name == name)
}

/// The setting that was probably meant by a name that is none.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase().replace('-', "_");
    KNOWN
        .iter()
        .map(|k| (distance(&upper, k.name), k.name))
        .filter(|(d, _)| *d <= 2)
        .min_by_key(|(d, _)| *d)
        .map(|(_, n)| n)
}

/// Edits (insert, delete, replace, swap neighbours) between two names.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().collect());
    let mut rows = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_setting() {
        assert_eq!(nearest("LIVEKIT_API_SERCET"), Some("LIVEKIT_API_SECRET"));
        assert_eq!(nearest("livekit_url"), Some("LIVEKIT_URL"));
        assert_eq!(nearest("WARMLINE-ADDR"), Some("WARMLINE_ADDR"));
        assert_eq!(nearest("LIVEKIT_SUPERVISOR_PHONE_NUMER"), Some("LIVEKIT_SUPERVISOR_PHONE_NUMBER"));
        assert_eq!(nearest("PATH"), None);
        assert_eq!(nearest("ANTHROPIC_API_KEY"), None);
    }
}
