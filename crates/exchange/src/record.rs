//! What each phone heard and said, kept as WAV files: for tests that judge a whole call by ear.
//!
//! A recording has a task of its own, which owns its files. Whoever records hands over a second at a time and waits for
//! nothing: a second for which there is no room, because the disk does not follow, is silent in the files, and the log says how
//! much that was. After each second the files are whole.

use std::{
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use serde::Serialize;
use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
};
use tokio_util::task::task_tracker::{TaskTracker, TaskTrackerToken};
use warmline_call::{CallId, LegRef};
use warmline_telephony::{FRAME_SAMPLES, Frame, SAMPLE_RATE};

/// The longest recording of a leg, in samples: half an hour. What follows is not kept.
const LONGEST: u64 = 30 * 60 * SAMPLE_RATE as u64;

/// Samples that are handed over at a time: a second.
const PIECE: usize = 50 * FRAME_SAMPLES;

/// Pieces that wait for the disk: half a minute, 2 MB.
const WAITING: usize = 30;

/// A line of a persona's script, and where in the recording of what it said it is (samples at 16 kHz).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SaidLine {
    pub(crate) text: String,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// The recordings of an exchange.
#[derive(Debug)]
pub(crate) struct Recordings {
    dir: PathBuf,
    /// Counts those that have ended and are not on disk yet.
    ended: TaskTracker,
}

impl Recordings {
    pub(crate) fn in_folder(dir: PathBuf) -> Self {
        let ended = TaskTracker::new();
        ended.close();
        Self { dir, ended }
    }

    /// Begins a leg's recording. Nothing is written before something is recorded.
    pub(crate) fn begin(&self, call: &CallId, leg: LegRef) -> Recording {
        let leg = match leg {
            LegRef::Customer => "customer".to_owned(),
            LegRef::Supervisor(attempt) => format!("supervisor-{attempt}"),
        };
        let stem = self.dir.join(format!("{call}-{leg}"));
        Recording::begin(call.clone(), self.ended.clone(), move || Files::create(&stem))
    }

    /// Resolves when all that have ended are on disk, or are known not to get there.
    pub(crate) async fn on_disk(&self) {
        self.ended.wait().await;
    }

    /// How many have ended and are not on disk yet.
    pub(crate) fn unfinished(&self) -> usize {
        self.ended.len()
    }
}

/// One leg's recording. It begins when the leg is answered.
#[derive(Debug)]
pub(crate) struct Recording {
    call: CallId,
    pieces: mpsc::Sender<Piece>,
    end: oneshot::Sender<End>,
    ended: TaskTracker,
    piece: Piece,
    /// Samples of each side so far.
    recorded: u64,
    /// Of them those that the disk had no room for.
    lost: u64,
}

/// What the writer gets at a time.
#[derive(Debug, Default)]
struct Piece {
    /// So many samples before it are lost.
    gap: u64,
    heard: Vec<i16>,
    said: Vec<i16>,
}

/// What it gets last.
#[derive(Debug)]
struct End {
    rest: Piece,
    lines: Vec<SaidLine>,
    /// Held until it is on disk.
    _unfinished: TaskTrackerToken,
}

impl Recording {
    fn begin(
        call: CallId,
        ended: TaskTracker,
        files: impl FnOnce() -> Result<Files, hound::Error> + Send + 'static,
    ) -> Self {
        let (pieces, taken) = mpsc::channel(WAITING);
        let (end, last) = oneshot::channel();
        tokio::spawn(write(call.clone(), files, taken, last));
        Self { call, pieces, end, ended, piece: Piece::default(), recorded: 0, lost: 0 }
    }

    /// What the phone says in 20 ms. What it hears in them comes after it.
    pub(crate) fn said(&mut self, frame: &Frame) {
        if self.recorded < LONGEST {
            self.piece.said.extend(frame);
        }
    }

    /// What the phone hears in the same 20 ms.
    pub(crate) fn heard(&mut self, frame: &Frame) {
        if self.recorded >= LONGEST {
            return;
        }
        self.piece.heard.extend(frame);
        self.recorded += FRAME_SAMPLES as u64;
        if self.piece.heard.len() >= PIECE {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let piece = std::mem::take(&mut self.piece);
        if let Err(mpsc::error::TrySendError::Full(piece)) = self.pieces.try_send(piece) {
            let lost = piece.heard.len() as u64;
            self.piece.gap = piece.gap + lost;
            self.lost += lost;
        }
    }

    /// The leg is over: the writer finishes `…-heard.wav`, `…-said.wav`, `…-lines.json`, in this order.
    pub(crate) fn end(self, lines: Vec<SaidLine>) {
        if self.lost > 0 {
            let lost_s = self.lost / u64::from(SAMPLE_RATE);
            tracing::warn!(call = %self.call, lost_s, "the disk does not follow: parts of a call's recording are silent");
        }
        // Where it could not be written, nobody is there to finish it.
        drop(self.end.send(End { rest: self.piece, lines, _unfinished: self.ended.token() }));
    }
}

/// Owns a recording's files, and writes what comes as fast as the disk takes it.
async fn write(
    call: CallId,
    files: impl FnOnce() -> Result<Files, hound::Error> + Send + 'static,
    mut pieces: mpsc::Receiver<Piece>,
    last: oneshot::Receiver<End>,
) {
    let failed = |error| tracing::warn!(%call, %error, "a call's recording could not be written");
    let mut files = Lazy::Not(files);
    while let Some(piece) = pieces.recv().await {
        match on_disk(move || files.get().and_then(|mut there| there.write(&piece).map(|()| there))).await {
            Ok(there) => files = Lazy::There(there),
            Err(error) => return failed(error),
        }
    }
    // A leg that is over without having been answered was not recorded.
    let Ok(End { rest, lines, _unfinished }) = last.await else { return };
    if let Err(error) = on_disk(move || files.get()?.finish(&rest, &lines)).await {
        failed(error);
    }
}

/// Files that are made when there is something to write.
enum Lazy<F> {
    Not(F),
    There(Files),
}

impl<F: FnOnce() -> Result<Files, hound::Error>> Lazy<F> {
    fn get(self) -> Result<Files, hound::Error> {
        match self {
            Self::Not(create) => create(),
            Self::There(files) => Ok(files),
        }
    }
}

/// Writes on a thread that may wait for the disk.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, hound::Error> + Send + 'static,
) -> Result<T, hound::Error> {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(died) => Err(io::Error::other(died).into()),
    }
}

/// A recording's two sides on disk.
struct Files {
    stem: PathBuf,
    heard: Wav,
    said: Wav,
}

type Wav = hound::WavWriter<BufWriter<File>>;

impl Files {
    fn create(stem: &Path) -> Result<Self, hound::Error> {
        if let Some(dir) = stem.parent() {
            fs::create_dir_all(dir)?;
        }
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let wav = |what| hound::WavWriter::create(path(stem, what), spec);
        Ok(Self { stem: stem.to_owned(), heard: wav("heard.wav")?, said: wav("said.wav")? })
    }

    /// Appends a piece; from then on the files are whole.
    fn write(&mut self, piece: &Piece) -> Result<(), hound::Error> {
        for (wav, audio) in [(&mut self.heard, &piece.heard), (&mut self.said, &piece.said)] {
            for _ in 0..piece.gap {
                wav.write_sample(0_i16)?;
            }
            for &sample in audio {
                wav.write_sample(sample)?;
            }
            wav.flush()?;
        }
        Ok(())
    }

    fn finish(mut self, rest: &Piece, lines: &[SaidLine]) -> Result<(), hound::Error> {
        self.write(rest)?;
        // A line that was cut off by the end ends there; one that never began was not said.
        let end = u64::from(self.said.duration());
        self.heard.finalize()?;
        self.said.finalize()?;
        let said: Vec<SaidLine> =
            lines.iter().filter(|l| l.start < end).map(|l| SaidLine { end: l.end.min(end), ..l.clone() }).collect();
        let lines = serde_json::to_vec_pretty(&said).map_err(io::Error::from)?;
        Ok(fs::write(path(&self.stem, "lines.json"), lines)?)
    }
}

fn path(stem: &Path, what: &str) -> PathBuf {
    let mut path = stem.to_owned().into_os_string();
    path.push("-");
    path.push(what);
    path.into()
}

#[cfg(test)]
mod tests;
