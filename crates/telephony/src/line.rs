use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{mpsc, watch};

use crate::{FRAME_SAMPLES, Frame, SILENCE};

/// What is spoken live waits for at most 120 ms. Where more has come together, the oldest is left out. Samples.
const LIVE_SAMPLES: usize = 6 * FRAME_SAMPLES;

/// Frames that wait for an ear that is busy: 2 s. Past that, what is heard is lost, and counted.
const EAR_FRAMES: usize = 100;

/// One leg's audio, both ways, as the agent has it.
#[derive(Debug)]
pub struct Line {
    /// What comes from that leg alone.
    pub ear: Ear,
    /// What that leg alone hears.
    pub mouth: Mouth,
}

/// What comes from a leg.
#[allow(clippy::large_enum_variant, reason = "nearly all of them are frames, and a frame must not cost an allocation")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// 20 ms of sound.
    Frame(Frame),
    /// A key: `0`–`9`, `*`, `#`.
    Key(char),
}

/// The receiving half of a [`Line`].
#[derive(Debug)]
pub struct Ear {
    heard: mpsc::Receiver<Heard>,
}

/// The sending half of a [`Line`]. Clones speak on the same line, one [`Playback`] after the other.
#[derive(Clone, Debug)]
pub struct Mouth {
    queue: Arc<Mutex<Queue>>,
}

/// One utterance on a [`Mouth`]: audio is added as it is made and played as soon as its turn has come.
#[derive(Debug)]
pub struct Playback {
    id: u64,
    queue: Arc<Mutex<Queue>>,
    progress: watch::Receiver<Played>,
}

/// Somebody who speaks on a [`Mouth`] at this moment: what they say is heard at once, or not at all. Dropping it ends that.
#[derive(Debug)]
pub struct Live(Playback);

/// How much of a [`Playback`] was really put on the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Samples put on the line.
    pub samples: u64,
    /// Nothing more will follow: all was played, or it was cleared.
    pub over: bool,
    /// It was cleared before all was played.
    pub cut: bool,
}

/// The backend's end of a [`Line`]: it takes a frame every 20 ms and hands over what it hears.
#[derive(Debug)]
pub struct LineEnd {
    queue: Arc<Mutex<Queue>>,
    ear: mpsc::Sender<Heard>,
}

/// Asked for each frame as it is due; `None` is silence.
pub type Source = dyn FnMut() -> Option<Frame> + Send;

#[derive(Default)]
struct Queue {
    speeches: VecDeque<Queued>,
    between: Option<Between>,
    next_id: u64,
    closed: bool,
}

#[derive(Debug)]
struct Queued {
    id: u64,
    samples: VecDeque<i16>,
    finished: bool,
    played: u64,
    progress: watch::Sender<Played>,
}

/// What is heard whenever nothing is said.
enum Between {
    Music(Music),
    Source(Box<Source>),
}

#[derive(Debug)]
struct Music {
    track: Arc<[i16]>,
    at: usize,
}

impl Line {
    /// A line, and the backend's end of it.
    #[must_use]
    pub fn new() -> (Self, LineEnd) {
        let queue = Arc::new(Mutex::new(Queue::default()));
        let (tx, rx) = mpsc::channel(EAR_FRAMES);
        let line = Self { ear: Ear { heard: rx }, mouth: Mouth { queue: Arc::clone(&queue) } };
        (line, LineEnd { queue, ear: tx })
    }
}

impl Ear {
    /// The next thing heard; `None` once the leg is gone.
    pub async fn hear(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }
}

impl Mouth {
    /// Begins an utterance. It is played after those begun before it.
    #[must_use]
    pub fn begin(&self) -> Playback {
        let mut queue = lock(&self.queue);
        let id = queue.next_id;
        queue.next_id += 1;
        let (tx, rx) = watch::channel(Played::default());
        if queue.closed {
            tx.send_replace(Played { samples: 0, over: true, cut: true });
        } else {
            let fresh = Queued { id, samples: VecDeque::new(), finished: false, played: 0, progress: tx };
            queue.speeches.push_back(fresh);
        }
        Playback { id, queue: Arc::clone(&self.queue), progress: rx }
    }

    /// Lets somebody speak live, after the utterances begun before.
    #[must_use]
    pub fn begin_live(&self) -> Live {
        Live(self.begin())
    }

    /// Stops speaking at once: whatever is queued is thrown away.
    pub fn clear(&self) {
        let mut queue = lock(&self.queue);
        for speech in queue.speeches.drain(..) {
            speech.over(true);
        }
    }

    /// Plays a track in a loop, from its beginning, whenever nothing is said.
    pub fn play_music(&self, track: Arc<[i16]>) {
        lock(&self.queue).between = (!track.is_empty()).then_some(Between::Music(Music { track, at: 0 }));
    }

    /// Plays what is fetched from there, whenever nothing is said, in the place of music. It is fetched when it is due, so
    /// that nothing waits here.
    pub fn play_source(&self, source: Box<Source>) {
        lock(&self.queue).between = Some(Between::Source(source));
    }

    /// Stops the music at once.
    pub fn stop_music(&self) {
        lock(&self.queue).between = None;
    }

    /// Whether something is being said or waits to be.
    #[must_use]
    pub fn is_speaking(&self) -> bool {
        lock(&self.queue).speeches.iter().any(|s| !s.samples.is_empty() || !s.finished)
    }
}

impl Playback {
    /// Adds audio (16 kHz mono).
    pub fn push(&self, audio: &[i16]) {
        if let Some(speech) = lock(&self.queue).speeches.iter_mut().find(|s| s.id == self.id) {
            speech.samples.extend(audio);
        }
    }

    /// No more audio will come.
    pub fn finish(&self) {
        let mut queue = lock(&self.queue);
        if let Some(speech) = queue.speeches.iter_mut().find(|s| s.id == self.id) {
            speech.finished = true;
        }
        queue.retire();
    }

    /// Takes back what of it has not been played yet.
    pub fn cut(&self) {
        let mut queue = lock(&self.queue);
        if let Some(at) = queue.speeches.iter().position(|s| s.id == self.id)
            && let Some(speech) = queue.speeches.remove(at)
        {
            speech.over(true);
        }
    }

    /// How much of it was played so far.
    #[must_use]
    pub fn played(&self) -> Played {
        *self.progress.borrow()
    }

    /// Waits until its first sample is on the line, or it is over.
    pub async fn started(&mut self) -> Played {
        self.wait(|p| p.over || p.samples > 0).await
    }

    /// Waits until it is over, played or cut.
    pub async fn over(&mut self) -> Played {
        self.wait(|p| p.over).await
    }

    async fn wait(&mut self, enough: impl FnMut(&Played) -> bool) -> Played {
        if let Ok(played) = self.progress.wait_for(enough).await {
            return *played;
        }
        Played { over: true, cut: true, ..self.played() }
    }
}

impl Live {
    /// Says this now. Lost once the mouth was cleared.
    pub fn push(&self, audio: &[i16]) {
        let mut queue = lock(&self.0.queue);
        if let Some(speech) = queue.speeches.iter_mut().find(|s| s.id == self.0.id) {
            speech.samples.extend(audio);
            let late = speech.samples.len().saturating_sub(LIVE_SAMPLES);
            speech.samples.drain(..late);
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.cut();
    }
}

impl LineEnd {
    /// Waits until nobody listens on this line any more: it is of no use then.
    pub async fn forsaken(&self) {
        self.ear.closed().await;
    }

    /// The next 20 ms that the leg is to hear.
    #[must_use]
    pub fn next_frame(&self) -> Frame {
        lock(&self.queue).next_frame()
    }

    /// Hands over what the leg said. Lost if nobody has listened for 2 s.
    pub fn hear(&self, frame: Frame) {
        if self.ear.try_send(Heard::Frame(frame)).is_err() {
            tracing::debug!("a frame was lost: nobody listens on this line");
        }
    }

    /// Hands over a key.
    pub fn key(&self, key: char) {
        if self.ear.try_send(Heard::Key(key)).is_err() {
            tracing::warn!("a key was lost: nobody listens on this line");
        }
    }
}

impl Drop for LineEnd {
    fn drop(&mut self) {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        queue.between = None;
        for speech in queue.speeches.drain(..) {
            speech.over(true);
        }
    }
}

impl Queue {
    fn next_frame(&mut self) -> Frame {
        let mut frame = SILENCE;
        let mut filled = 0;
        for speech in &mut self.speeches {
            let take = speech.samples.len().min(FRAME_SAMPLES - filled);
            for (to, from) in frame[filled..].iter_mut().zip(speech.samples.drain(..take)) {
                *to = from;
            }
            filled += take;
            if take > 0 {
                speech.played += take as u64;
                speech.progress.send_replace(Played { samples: speech.played, over: false, cut: false });
            }
            if !speech.finished || filled == FRAME_SAMPLES {
                break;
            }
        }
        self.retire();
        if filled == 0 && self.speeches.is_empty() {
            match &mut self.between {
                Some(Between::Music(music)) => music.fill(&mut frame),
                Some(Between::Source(source)) => frame = source().unwrap_or(SILENCE),
                None => {}
            }
        }
        frame
    }

    /// Drops the speeches at the front that have been played to their end.
    fn retire(&mut self) {
        while self.speeches.front().is_some_and(|s| s.finished && s.samples.is_empty()) {
            if let Some(speech) = self.speeches.pop_front() {
                speech.over(false);
            }
        }
    }
}

impl Queued {
    fn over(&self, cut: bool) {
        self.progress.send_replace(Played { samples: self.played, over: true, cut });
    }
}

impl Music {
    fn fill(&mut self, frame: &mut Frame) {
        for sample in frame {
            *sample = self.track[self.at];
            self.at = (self.at + 1) % self.track.len();
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("Queue");
        it.field("speeches", &self.speeches).field("closed", &self.closed).finish_non_exhaustive()
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeches_play_in_order_and_report_what_was_played() {
        let (line, end) = Line::new();
        let (first, second) = (line.mouth.begin(), line.mouth.begin());
        second.push(&[2; 320]);
        second.finish();
        assert_eq!(end.next_frame(), SILENCE, "the second waits for the first");
        first.push(&[1; 480]);
        first.finish();
        assert_eq!(end.next_frame(), [1; 320]);
        let mixed = end.next_frame();
        assert_eq!((mixed[159], mixed[160]), (1, 2));
        assert_eq!(first.played(), Played { samples: 480, over: true, cut: false });
        assert_eq!(second.played(), Played { samples: 160, over: false, cut: false });
    }

    #[test]
    fn clear_is_heard_in_the_very_next_frame() {
        let (line, end) = Line::new();
        let speech = line.mouth.begin();
        speech.push(&[1; 16_000]);
        assert_eq!(end.next_frame(), [1; 320]);
        line.mouth.clear();
        assert_eq!(end.next_frame(), SILENCE);
        assert_eq!(speech.played(), Played { samples: 320, over: true, cut: true });
    }

    #[test]
    fn music_loops_when_nothing_is_said() {
        let (line, end) = Line::new();
        line.mouth.play_music(Arc::from([7, 8, 9]));
        assert_eq!(end.next_frame()[..4], [7, 8, 9, 7]);
        line.mouth.stop_music();
        assert_eq!(end.next_frame(), SILENCE);
    }

    #[test]
    fn a_source_is_asked_when_a_frame_is_due_and_nothing_is_said() {
        let (line, end) = Line::new();
        let mut next = 0;
        line.mouth.play_source(Box::new(move || {
            next += 1;
            (next < 3).then_some([next; FRAME_SAMPLES])
        }));
        assert_eq!(end.next_frame(), [1; FRAME_SAMPLES]);
        let speech = line.mouth.begin();
        speech.push(&[9; FRAME_SAMPLES]);
        speech.finish();
        assert_eq!(end.next_frame(), [9; FRAME_SAMPLES]);
        assert_eq!(end.next_frame(), [2; FRAME_SAMPLES]);
        assert_eq!(end.next_frame(), SILENCE);
    }

    #[test]
    fn what_is_said_live_is_never_late_and_ends_with_its_speaker() {
        let (line, end) = Line::new();
        let live = line.mouth.begin_live();
        for n in 0..10 {
            live.push(&[n; FRAME_SAMPLES]);
        }
        assert_eq!(end.next_frame(), [4; FRAME_SAMPLES], "the oldest 80 ms are left out");
        let after = line.mouth.begin();
        after.push(&[99; FRAME_SAMPLES]);
        drop(live);
        assert_eq!(end.next_frame(), [99; FRAME_SAMPLES]);
    }

    #[tokio::test]
    async fn a_line_that_nobody_listens_on_is_noticed() {
        let (line, end) = Line::new();
        drop(line);
        tokio::time::timeout(std::time::Duration::from_secs(1), end.forsaken()).await.unwrap();
    }

    #[tokio::test]
    async fn a_leg_that_goes_away_closes_both_halves() {
        let (mut line, end) = Line::new();
        end.hear([3; 320]);
        end.key('1');
        let mut speech = line.mouth.begin();
        drop(end);
        assert_eq!(line.ear.hear().await, Some(Heard::Frame([3; 320])));
        assert_eq!(line.ear.hear().await, Some(Heard::Key('1')));
        assert_eq!(line.ear.hear().await, None);
        assert!(speech.over().await.cut);
        assert!(line.mouth.begin().over().await.cut);
    }
}
