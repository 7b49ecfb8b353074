//! What a persona is, and the words its file is written in.

use std::{sync::Arc, time::Duration};

use regex_lite::{Regex, RegexBuilder};
use serde::Deserialize;
use toml::Spanned;
use warmline_voice::VoiceStyle;

/// How long a `wait` waits where it does not say so with `within`.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody who can be called, as their file describes them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Persona {
    name: String,
    #[serde(default)]
    about: String,
    pub(crate) numbers: Vec<String>,
    role: Role,
    #[serde(default = "other_voice")]
    voice: u8,
    #[serde(default = "calm")]
    emotion: String,
    #[serde(default = "english")]
    language: String,
    #[serde(default)]
    pub(crate) answer: Answer,
    /// Steady noise behind the voice: how many dB the voice stands out of it.
    pub(crate) noise: Option<f32>,
    /// How much louder or softer the voice is than usual, in dB.
    #[serde(default)]
    pub(crate) volume_db: f32,
    pub(crate) hangs_up_in: Option<Moment>,
    /// The steps as they are written, until [`Persona::take_steps`].
    #[serde(default, rename = "script")]
    written: Vec<Spanned<RawStep>>,
    #[serde(skip)]
    pub(crate) script: Vec<Step>,
}

/// Whom a persona plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one who is called.
    Customer,
    /// The one who may take over.
    Supervisor,
}

/// What happens when a persona's number is dialled.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Answer {
    After(Duration),
    Voicemail,
    Busy,
    Never,
    Declined,
    Unreachable,
    Invalid,
    TrunkFailure,
}

/// When a persona hangs up whatever its script says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Moment {
    /// A second into the first thing it hears.
    Greeting,
    /// A second into the first thing it hears after it has said something.
    Conversation,
    /// Three seconds into the hold music.
    Hold,
    /// A second into what it hears when the hold music is over; without hold music, when its script has ended.
    Merged,
    /// Two seconds into the first thing it hears after it has said something; a customer: eight seconds into the hold music.
    Briefing,
}

/// One step of a script.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Says it; with `barge_in` as soon as the other side has spoken for a second.
    Say { text: String, barge_in: bool },
    /// Plays a file (a path relative to the persona's own; loaded with it).
    Recording { path: String, audio: Arc<[i16]> },
    /// A voicemail's tone.
    Beep,
    /// Waits, at most so long.
    Wait { until: Wait, within: Duration },
    /// Presses a key.
    Key(char),
    /// Hangs up.
    HangUp,
}

/// What a script waits for.
#[derive(Clone, Debug)]
pub(crate) enum Wait {
    /// Somebody has spoken and fallen silent for so long (0.7 s where `quiet` does not say otherwise; never less).
    Voice { quiet: Duration },
    /// That much time.
    Time(Duration),
    /// Hold music.
    Music,
    /// Words, understood by recognising speech.
    Words(Regex),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    say: Option<String>,
    barge_in: Option<bool>,
    recording: Option<String>,
    beep: Option<bool>,
    wait: Option<String>,
    within: Option<String>,
    quiet: Option<String>,
    key: Option<String>,
    hang_up: Option<bool>,
}

impl Persona {
    /// What to call them.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What they do, in one sentence.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The numbers they can be reached at (E.164).
    #[must_use]
    pub fn numbers(&self) -> &[String] {
        &self.numbers
    }

    /// Whom they play.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether somebody or something picks up.
    #[must_use]
    pub fn answers(&self) -> bool {
        matches!(self.answer, Answer::After(_) | Answer::Voicemail)
    }

    /// Somebody who answers and says nothing.
    pub(crate) fn silent(role: Role) -> Self {
        Self {
            name: "Nobody in particular".to_owned(),
            about: String::new(),
            numbers: Vec::new(),
            role,
            voice: other_voice(),
            emotion: calm(),
            language: english(),
            answer: Answer::default(),
            noise: None,
            volume_db: 0.0,
            hangs_up_in: None,
            written: Vec::new(),
            script: Vec::new(),
        }
    }

    /// Makes the script out of what was written. The error says where in the text the step begins, and what is wrong.
    pub(super) fn take_steps(&mut self) -> Result<(), (usize, String)> {
        for raw in std::mem::take(&mut self.written) {
            let at = raw.span().start;
            self.script.push(Step::try_from(raw.into_inner()).map_err(|problem| (at, problem))?);
        }
        Ok(())
    }

    pub(crate) fn style(&self) -> VoiceStyle {
        VoiceStyle { language: self.language.clone(), emotion: self.emotion.clone(), voice: self.voice }
    }

    pub(crate) fn answers_after(&self) -> Duration {
        match self.answer {
            Answer::After(wait) => wait,
            _ => Duration::from_secs(3),
        }
    }

    /// What is said in the script, in order.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.script.iter().filter_map(|step| match step {
            Step::Say { text, .. } => Some(text.as_str()),
            _ => None,
        })
    }

    /// Whether the script needs speech recognition.
    pub(crate) fn needs_words(&self) -> bool {
        self.script.iter().any(|step| matches!(step, Step::Wait { until: Wait::Words(_), .. }))
    }
}

impl Default for Answer {
    fn default() -> Self {
        Self::After(Duration::from_secs(2))
    }
}

impl TryFrom<String> for Answer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(time) = text.strip_prefix("after ") {
            return Ok(Self::After(duration(time)?));
        }
        match text.as_str() {
            "voicemail" => Ok(Self::Voicemail),
            "busy" => Ok(Self::Busy),
            "no_answer" => Ok(Self::Never),
            "declined" => Ok(Self::Declined),
            "unreachable" => Ok(Self::Unreachable),
            "invalid" => Ok(Self::Invalid),
            "trunk_failure" => Ok(Self::TrunkFailure),
            _ => Err(format!(
                "`{text}` is no answer; write \"after 2s\", \"voicemail\", \"busy\", \"no_answer\", \"declined\", \
                 \"unreachable\", \"invalid\" or \"trunk_failure\""
            )),
        }
    }
}

impl TryFrom<RawStep> for Step {
    type Error = String;

    fn try_from(raw: RawStep) -> Result<Self, String> {
        let within = raw.within.as_deref().map(duration).transpose()?;
        let quiet = raw.quiet.as_deref().map(duration).transpose()?;
        let barge_in = raw.barge_in;
        let step = match raw {
            RawStep { say: Some(text), recording: None, beep: None, wait: None, key: None, hang_up: None, .. } => {
                if text.trim().is_empty() {
                    return Err("`say` needs words".to_owned());
                }
                Self::Say { text, barge_in: barge_in.unwrap_or(false) }
            }
            RawStep { say: None, recording: Some(path), beep: None, wait: None, key: None, hang_up: None, .. } => {
                Self::Recording { path, audio: Arc::from([]) }
            }
            RawStep { say: None, recording: None, beep: Some(true), wait: None, key: None, hang_up: None, .. } => {
                Self::Beep
            }
            RawStep { say: None, recording: None, beep: None, wait: Some(until), key: None, hang_up: None, .. } => {
                Self::wait(&until, within, quiet)?
            }
            RawStep { say: None, recording: None, beep: None, wait: None, key: Some(key), hang_up: None, .. } => {
                Self::Key(one_key(&key)?)
            }
            RawStep { say: None, recording: None, beep: None, wait: None, key: None, hang_up: Some(true), .. } => {
                Self::HangUp
            }
            _ => {
                return Err("a step is exactly one of `say`, `recording`, `wait`, `key`, `beep = true` and \
                            `hang_up = true`; put each into braces of its own"
                    .to_owned());
            }
        };
        if within.is_some() && !matches!(step, Self::Wait { .. }) {
            return Err("`within` belongs to `wait`".to_owned());
        }
        if quiet.is_some() && !matches!(step, Self::Wait { until: Wait::Voice { .. }, .. }) {
            return Err("`quiet` belongs to `wait = \"agent\"` and `wait = \"voice\"`".to_owned());
        }
        if barge_in.is_some() && !matches!(step, Self::Say { .. }) {
            return Err("`barge_in` belongs to `say`".to_owned());
        }
        Ok(step)
    }
}

impl Step {
    fn wait(text: &str, within: Option<Duration>, quiet: Option<Duration>) -> Result<Self, String> {
        let until = match text {
            "agent" | "voice" => Wait::Voice { quiet: quiet.unwrap_or_default() },
            "music" => Wait::Music,
            _ => match text.strip_prefix("hear:") {
                Some(words) => Wait::Words(words_or_regex(words)?),
                None => Wait::Time(duration(text).map_err(|_| {
                    format!(
                        "`{text}` can't be waited for; write \"agent\", \"voice\", \"music\", a time (\"2s\", \
                         \"500ms\") or \"hear:\" and words"
                    )
                })?),
            },
        };
        let within = match until {
            Wait::Time(time) => time,
            _ => within.unwrap_or(PATIENCE),
        };
        Ok(Self::Wait { until, within })
    }
}

/// `2s`, `1.5s`, `300ms`, up to ten minutes.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time; write it like \"2s\", \"1.5s\" or \"300ms\", up to \"600s\"");
    let (number, unit) = match text.trim() {
        t if t.ends_with("ms") => (t.trim_end_matches("ms"), 0.001),
        t => (t.strip_suffix('s').ok_or_else(wrong)?, 1.0),
    };
    let seconds = number.trim().parse::<f64>().map_err(|_| wrong())? * unit;
    if (0.0..=600.0).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(wrong()) }
}

fn words_or_regex(words: &str) -> Result<Regex, String> {
    if words.trim().is_empty() {
        return Err("`hear:` needs words".to_owned());
    }
    let regex = RegexBuilder::new(words.trim()).case_insensitive(true).build();
    regex.map_err(|error| format!("`{words}` is no pattern: {error}"))
}

fn one_key(text: &str) -> Result<char, String> {
    match text.chars().collect::<Vec<_>>()[..] {
        [key] if key.is_ascii_digit() || matches!(key, '*' | '#') => Ok(key),
        _ => Err(format!("`{text}` is no key; write one of 0-9, * and #")),
    }
}

fn other_voice() -> u8 {
    1
}

fn calm() -> String {
    "Calm".to_owned()
}

fn english() -> String {
    "en".to_owned()
}
