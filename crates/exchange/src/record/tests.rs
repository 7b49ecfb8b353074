//! A disk that is told when to answer.

use std::sync::mpsc as gate;

use warmline_testing::LogCapture;

use super::*;

/// Samples of a piece.
const SECOND: usize = PIECE;

/// What a phone hears and says in its `n`th 20 ms.
fn frames(n: usize) -> (Frame, Frame) {
    let n = i16::try_from(n).unwrap();
    ([n + 1; FRAME_SAMPLES], [-n - 1; FRAME_SAMPLES])
}

/// A call of so many frames, recorded to a disk that answers when the gate is dropped.
struct Call {
    recording: Recording,
    recordings: Recordings,
    dir: tempfile::TempDir,
    frames: usize,
}

impl Call {
    fn on(disk: impl FnOnce(&Path) -> Result<Files, hound::Error> + Send + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let recordings = Recordings::in_folder(dir.path().to_owned());
        let stem = dir.path().join("leg");
        let recording = Recording::begin(CallId::from_bits(7), recordings.ended.clone(), move || disk(&stem));
        Self { recording, recordings, dir, frames: 0 }
    }

    fn on_stuck_disk() -> (Self, gate::Sender<()>) {
        let (answers, waits) = gate::channel::<()>();
        let call = Self::on(move |stem| {
            assert!(waits.recv().is_err(), "the gate is dropped");
            Files::create(stem)
        });
        (call, answers)
    }

    fn goes_on_for(&mut self, seconds: usize) {
        for _ in 0..seconds * SECOND / FRAME_SAMPLES {
            let (heard, said) = frames(self.frames);
            self.recording.said(&said);
            self.recording.heard(&heard);
            self.frames += 1;
        }
    }

    async fn ends(self, lines: Vec<SaidLine>) -> tempfile::TempDir {
        self.recording.end(lines);
        self.recordings.on_disk().await;
        self.dir
    }
}

fn read(dir: &tempfile::TempDir, what: &str) -> Vec<i16> {
    let reader = hound::WavReader::open(dir.path().join(format!("leg-{what}"))).unwrap();
    reader.into_samples().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn what_a_disk_has_no_room_for_is_silent_and_told_once() {
    let log = LogCapture::default();
    let to_log = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    let _logged = tracing::subscriber::set_default(to_log);
    let (mut call, stuck) = Call::on_stuck_disk();
    // One piece is with the writer as soon as it comes to it; as many as may wait are kept beside it.
    call.goes_on_for(1);
    while call.recording.pieces.capacity() < WAITING {
        tokio::task::yield_now().await;
    }
    let (kept, lost) = (1 + WAITING, 7);
    call.goes_on_for(WAITING + lost);
    drop(stuck);
    while call.recording.pieces.capacity() < WAITING {
        tokio::task::yield_now().await;
    }
    call.goes_on_for(3);
    let all = call.frames;
    let dir = call.ends(Vec::new()).await;
    let (heard, said) = (read(&dir, "heard.wav"), read(&dir, "said.wav"));
    assert_eq!((heard.len(), said.len()), (all * FRAME_SAMPLES, all * FRAME_SAMPLES));
    let silent = kept * SECOND..(kept + lost) * SECOND;
    for at in (0..all * FRAME_SAMPLES).step_by(FRAME_SAMPLES) {
        let (in_heard, in_said) = frames(at / FRAME_SAMPLES);
        let expected = if silent.contains(&at) { (0, 0) } else { (in_heard[0], in_said[0]) };
        assert_eq!((heard[at], said[at]), expected, "{at}");
    }
    let told: Vec<String> = log.text().lines().filter(|line| line.contains("silent")).map(str::to_owned).collect();
    assert!(told.len() == 1 && told[0].contains("lost_s=7"), "{told:?}");
}

#[tokio::test]
async fn the_end_of_a_call_waits_for_no_disk_and_what_it_lost_last_is_silent_too() {
    let (mut call, stuck) = Call::on_stuck_disk();
    call.goes_on_for(WAITING + 5);
    let (heard, said) = frames(call.frames);
    call.recording.said(&said);
    call.recording.heard(&heard);
    let all = (call.frames + 1) * FRAME_SAMPLES;
    assert_eq!(call.recording.lost, 5 * SECOND as u64);
    let ended = tokio::spawn(call.ends(Vec::new()));
    drop(stuck);
    let dir = ended.await.unwrap();
    let audio = read(&dir, "heard.wav");
    assert_eq!(audio.len(), all);
    assert_eq!((audio[all - FRAME_SAMPLES - 1], audio[all - 1]), (0, heard[0]), "the last 20 ms come after the gap");
}

#[tokio::test]
async fn the_files_are_whole_before_the_end_and_lines_that_were_cut_off_end_with_it() {
    let mut call = Call::on(Files::create);
    call.goes_on_for(2);
    let whole = |dir: &tempfile::TempDir| {
        let reader = hound::WavReader::open(dir.path().join("leg-said.wav"));
        reader.is_ok_and(|reader| reader.duration() == 2 * SECOND as u32)
    };
    while !whole(&call.dir) {
        tokio::task::yield_now().await;
    }
    let line = |start, end| SaidLine { text: "Hello.".to_owned(), start, end };
    let end = 2 * SECOND as u64;
    let dir = call.ends(vec![line(0, 100), line(end - 1, end + 500), line(end, end + 1)]).await;
    let lines: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.path().join("leg-lines.json")).unwrap()).unwrap();
    let at = |n: usize| (lines[n]["start"].as_u64(), lines[n]["end"].as_u64());
    assert_eq!((at(0), at(1), lines.as_array().unwrap().len()), ((Some(0), Some(100)), (Some(end - 1), Some(end)), 2));
}

#[tokio::test]
async fn a_disk_that_fails_costs_the_recording_and_nothing_else() {
    let log = LogCapture::default();
    let to_log = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    let _logged = tracing::subscriber::set_default(to_log);
    let mut call = Call::on(|_| Err(io::Error::other("full").into()));
    call.goes_on_for(1);
    while !call.recording.pieces.is_closed() {
        tokio::task::yield_now().await;
    }
    call.goes_on_for(WAITING + 5);
    drop(call.ends(Vec::new()).await);
    let told = log.text();
    assert_eq!(told.lines().filter(|line| line.contains("could not be written")).count(), 1, "{told}");
    assert!(!told.contains("silent"), "{told}");
}
