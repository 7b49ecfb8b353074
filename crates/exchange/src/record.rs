//! What each phone heard and said, kept as WAV files: for tests that judge a whole call by ear.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use warmline_call::{CallId, LegRef};
use warmline_telephony::{Frame, SAMPLE_RATE};

/// The longest recording of a leg: half an hour. What follows is not kept.
const LONGEST: usize = 30 * 60 * SAMPLE_RATE as usize;

/// A line of a persona's script, and where in the recording of what it said it is (samples at 16 kHz).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SaidLine {
    pub(crate) text: String,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// One leg's recording. It begins when the leg is answered.
#[derive(Debug)]
pub(crate) struct Recording {
    stem: PathBuf,
    heard: Vec<i16>,
    said: Vec<i16>,
}

impl Recording {
    pub(crate) fn new(dir: &Path, call: &CallId, leg: LegRef) -> Self {
        let leg = match leg {
            LegRef::Customer => "customer".to_owned(),
            LegRef::Supervisor(attempt) => format!("supervisor-{attempt}"),
        };
        Self { stem: dir.join(format!("{call}-{leg}")), heard: Vec::new(), said: Vec::new() }
    }

    pub(crate) fn heard(&mut self, frame: &Frame) {
        keep(&mut self.heard, frame);
    }

    pub(crate) fn said(&mut self, frame: &Frame) {
        keep(&mut self.said, frame);
    }

    /// Writes `…-heard.wav`, `…-said.wav`, `…-lines.json`, in this order.
    pub(crate) fn save(&self, lines: &[SaidLine]) {
        if let Err(error) = self.write(lines) {
            tracing::warn!(%error, "a call's recording could not be written");
        }
    }

    fn write(&self, lines: &[SaidLine]) -> io::Result<()> {
        if let Some(dir) = self.stem.parent() {
            fs::create_dir_all(dir)?;
        }
        write_wav(&self.path("heard.wav"), &self.heard).map_err(io::Error::other)?;
        write_wav(&self.path("said.wav"), &self.said).map_err(io::Error::other)?;
        // A line that was cut off by the end ends there; one that never began was not said.
        let end = self.said.len() as u64;
        let said: Vec<SaidLine> =
            lines.iter().filter(|l| l.start < end).map(|l| SaidLine { end: l.end.min(end), ..l.clone() }).collect();
        fs::write(self.path("lines.json"), serde_json::to_vec_pretty(&said)?)
    }

    fn path(&self, what: &str) -> PathBuf {
        let mut path = self.stem.clone().into_os_string();
        path.push("-");
        path.push(what);
        path.into()
    }
}

fn keep(audio: &mut Vec<i16>, frame: &Frame) {
    if audio.len() < LONGEST {
        audio.extend(frame);
    }
}

fn write_wav(path: &Path, audio: &[i16]) -> Result<(), hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for &sample in audio {
        writer.write_sample(sample)?;
    }
    writer.finalize()
}
