//! Reading a persona's file, and telling plainly what is wrong with it.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use warmline_call::PhoneNumber;
use warmline_telephony::{SAMPLE_RATE, resample};

use super::script::{Answer, Persona, Step, Wait};

/// The longest recording of a script, in seconds.
const LONGEST: u32 = 120;

/// Steps that a script may have.
const STEPS: usize = 100;

/// A persona's file can't be used. Names the file, the line where it is known, what is wrong and what to do.
#[derive(Debug)]
pub struct PersonaError {
    pub(super) file: PathBuf,
    pub(super) line: Option<usize>,
    pub(super) problem: String,
}

impl fmt::Display for PersonaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for PersonaError {}

/// Reads a persona from the text of its file. Recordings are looked for beside the file.
pub(super) fn parse(file: &Path, text: &str) -> Result<Persona, PersonaError> {
    let at = |offset: Option<usize>, problem: String| {
        let line = offset.map(|offset| text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1);
        PersonaError { file: file.to_owned(), line, problem }
    };
    let mut persona: Persona =
        toml::from_str(text).map_err(|error| at(error.span().map(|span| span.start), error.message().to_owned()))?;
    persona.take_steps().map_err(|(offset, problem)| at(Some(offset), problem))?;
    let wrong =
        |what: &str, problem: String| PersonaError { file: file.to_owned(), line: line_of(text, what), problem };
    for number in &persona.numbers {
        if !PhoneNumber::is_e164(number) {
            let problem = "a number is written like \"+15550100001\": + and 7 to 15 digits".to_owned();
            return Err(wrong(number, problem));
        }
    }
    if persona.numbers.is_empty() {
        return Err(wrong("numbers", "give at least one number, like numbers = [\"+15550100001\"]".to_owned()));
    }
    if persona.script.len() > STEPS {
        return Err(wrong("script", format!("a script has at most {STEPS} steps")));
    }
    if !persona.answers() && !persona.script.is_empty() {
        return Err(wrong("answer", "somebody who does not answer says nothing: remove the script".to_owned()));
    }
    if persona.answer == Answer::Voicemail && persona.script.is_empty() {
        persona.script = voicemail();
    }
    for step in &mut persona.script {
        if let Step::Recording { path, audio } = step {
            *audio = recording(&file.with_file_name(&*path)).map_err(|problem| wrong(path, problem))?;
        }
    }
    Ok(persona)
}

fn line_of(text: &str, what: &str) -> Option<usize> {
    text.lines().position(|line| line.contains(what)).map(|at| at + 1)
}

/// What a voicemail without a script of its own says.
fn voicemail() -> Vec<Step> {
    let greeting =
        "You have reached my voicemail. I can't take your call right now. Please leave a message after the tone.";
    let listen = std::time::Duration::from_secs(30);
    vec![
        Step::Say { text: greeting.to_owned(), barge_in: false },
        Step::Beep,
        Step::Wait { until: Wait::Time(listen), within: listen },
        Step::HangUp,
    ]
}

fn recording(path: &Path) -> Result<Arc<[i16]>, String> {
    let fix = "give a WAV file beside this one, PCM with 16 bits a sample";
    let mut reader =
        hound::WavReader::open(path).map_err(|error| format!("{} can't be read ({error}); {fix}", path.display()))?;
    let spec = reader.spec();
    if spec.sample_format != hound::SampleFormat::Int || spec.bits_per_sample != 16 || spec.channels == 0 {
        return Err(format!("{} is of another kind; {fix}", path.display()));
    }
    if reader.duration() > LONGEST * spec.sample_rate {
        return Err(format!("{} is longer than {LONGEST} s; cut it", path.display()));
    }
    let samples: Vec<i16> = reader
        .samples()
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{} is damaged ({error})", path.display()))?;
    let channels = usize::from(spec.channels);
    let mono: Vec<i16> = samples
        .chunks_exact(channels)
        .map(|frame| (frame.iter().map(|&s| i64::from(s)).sum::<i64>() / channels as i64) as i16)
        .collect();
    if mono.is_empty() {
        return Err(format!("{} is empty; {fix}", path.display()));
    }
    Ok(Arc::from(resample(&mono, spec.sample_rate, SAMPLE_RATE)))
}

#[cfg(test)]
mod tests {
    use super::{super::script::Role, *};

    const HEAD: &str = "name = \"Ann\"\nnumbers = [\"+15550109999\"]\nrole = \"customer\"\n";

    fn refused(rest: &str) -> String {
        parse(Path::new("ann.toml"), &format!("{HEAD}{rest}")).expect_err("it is broken").to_string()
    }

    #[test]
    fn a_whole_persona_is_read() {
        let text = format!(
            "{HEAD}voice = 3\nemotion = \"Serious\"\nanswer = \"after 1.5s\"\nnoise = 12\nhangs_up_in = \"hold\"\nscript = [\n\
             {{ wait = \"agent\", within = \"9s\", quiet = \"1s\" }},\n{{ say = \"Hi.\", barge_in = true }},\n{{ wait = \"hear:ready|yes\" }},\n\
             {{ wait = \"300ms\" }},\n{{ key = \"1\" }},\n{{ hang_up = true }},\n]\n"
        );
        let persona = parse(Path::new("ann.toml"), &text).unwrap();
        assert_eq!((persona.name(), persona.role(), persona.style().voice), ("Ann", Role::Customer, 3));
        assert_eq!(persona.answers_after().as_millis(), 1_500);
        assert!(persona.needs_words());
        assert_eq!(persona.texts().collect::<Vec<_>>(), ["Hi."]);
        assert!(matches!(persona.script[3], Step::Wait { within, .. } if within.as_millis() == 300));
        assert!(matches!(persona.script[..], [.., Step::Key('1'), Step::HangUp]));
    }

    #[test]
    fn errors_name_the_file_the_line_and_the_fix() {
        for (rest, line, says) in [
            ("colour = \"red\"\n", 4, "unknown field `colour`"),
            ("answer = \"soon\"\n", 4, "after 2s"),
            ("answer = \"after soon\"\n", 4, "1.5s"),
            ("voice = 300\n", 4, "300"),
            ("\nscript = [\n{ say = \"a\" },\n{ say = \"a\", key = \"1\" },\n]\n", 7, "exactly one of"),
            ("script = [\n{ shout = \"a\" },\n]\n", 5, "unknown field `shout`"),
            ("script = [{ wait = \"godot\" }]\n", 4, "\"agent\", \"voice\", \"music\""),
            ("script = [{ wait = \"hear:(\" }]\n", 4, "no pattern"),
            ("script = [{ key = \"12\" }]\n", 4, "0-9"),
            ("script = [{ say = \" \" }]\n", 4, "needs words"),
            ("script = [{ key = \"1\", within = \"2s\" }]\n", 4, "belongs to `wait`"),
            ("script = [{ wait = \"music\", quiet = \"2s\" }]\n", 4, "`quiet` belongs"),
            ("hangs_up_in = \"march\"\n", 4, "greeting"),
            ("answer = \"busy\"\nscript = [{ say = \"a\" }]\n", 4, "remove the script"),
            ("script = [{ recording = \"none.wav\" }]\n", 4, "give a WAV file"),
            ("name = = \"x\"\n", 4, ""),
        ] {
            let said = refused(rest);
            assert!(
                said.starts_with(&format!("ann.toml, line {line}: ")) && said.contains(says),
                "{rest:?} gave {said:?}"
            );
        }
        let local = parse(Path::new("bob.toml"), "name = \"Bob\"\nrole = \"supervisor\"\nnumbers = [\"0555\"]\n");
        let said = local.expect_err("the number is none").to_string();
        assert!(said.starts_with("bob.toml, line 3: ") && said.contains("+15550100001"), "{said}");
    }

    #[test]
    fn a_recording_beside_the_file_is_brought_to_the_lines_rate() {
        let dir = tempfile::tempdir().unwrap();
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(dir.path().join("hi.wav"), spec).unwrap();
        (0..1_600).for_each(|_| writer.write_sample(500_i16).unwrap());
        writer.finalize().unwrap();
        let text = format!("{HEAD}script = [{{ recording = \"hi.wav\" }}]\n");
        let persona = parse(&dir.path().join("ann.toml"), &text).unwrap();
        assert!(matches!(&persona.script[0], Step::Recording { audio, .. } if audio.len() == 1_600));
    }
}
