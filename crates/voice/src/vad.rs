use earshot::Detector;

/// Samples that are judged at once: 16 ms.
pub(crate) const WINDOW: usize = 256;

/// A score from which silence becomes speech, and one down to which speech stays speech.
const ONSET_SCORE: f32 = 0.55;
const STAY_SCORE: f32 = 0.45;
/// Speech is so much louder than the noise around it.
const ABOVE_FLOOR: f32 = 1.8;
/// What is so much quieter than the loudest of this speech is its echo in the room, not speech.
const BELOW_PEAK: f32 = 0.02;
/// Nothing under this is speech, however clean the line (RMS of 16 bit samples, −56 dBFS).
const QUIETEST: f32 = 50.0;
/// The noise floor is the quietest window of the last one to two of these spans (1.5 s each).
const FLOOR_SPAN: u32 = 94;

/// Tells speech from everything else, 16 ms at a time.
///
/// The detector's network decides what is a voice; an adaptive noise floor decides when the voice has stopped, which the
/// network notices about 100 ms later.
pub(crate) struct Vad {
    detector: Box<Detector>,
    pending: Vec<i16>,
    speaking: bool,
    peak: f32,
    floor: Floor,
}

/// What [`Vad`] says about one window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The samples.
    pub(crate) audio: [i16; WINDOW],
    /// Whether there is speech in them.
    pub(crate) voiced: bool,
    /// Whether they stand out from the noise, voice or not: so do the consonants that many words begin with.
    pub(crate) loud: bool,
}

/// The quietest recent level, by two spans: one that fills and one that is full.
#[derive(Debug)]
struct Floor {
    filling: f32,
    full: f32,
    windows: u32,
}

impl Vad {
    pub(crate) fn new() -> Self {
        let floor = Floor { filling: f32::MAX, full: f32::MAX, windows: 0 };
        Self { detector: Box::default(), pending: Vec::with_capacity(2 * WINDOW), speaking: false, peak: 0.0, floor }
    }

    /// Takes audio in.
    pub(crate) fn push(&mut self, audio: &[i16]) {
        self.pending.extend_from_slice(audio);
    }

    /// The next judged window, once enough audio is there.
    pub(crate) fn pop(&mut self) -> Option<Window> {
        let audio: [i16; WINDOW] = self.pending.get(..WINDOW)?.try_into().ok()?;
        self.pending.drain(..WINDOW);
        let score = self.detector.predict_i16(&audio);
        let level = rms(&audio);
        self.floor.learn(level);
        let gate = QUIETEST.max(self.floor.level() * ABOVE_FLOOR).max(self.peak * BELOW_PEAK);
        let enough = if self.speaking { STAY_SCORE } else { ONSET_SCORE };
        let loud = level >= gate;
        self.speaking = loud && score >= enough;
        self.peak = if self.speaking { self.peak.max(level) } else { self.peak * 0.98 };
        Some(Window { audio, voiced: self.speaking, loud })
    }
}

impl Floor {
    fn learn(&mut self, level: f32) {
        self.filling = self.filling.min(level);
        self.windows += 1;
        if self.windows == FLOOR_SPAN {
            self.full = self.filling;
            self.filling = f32::MAX;
            self.windows = 0;
        }
    }

    fn level(&self) -> f32 {
        let floor = self.filling.min(self.full);
        if floor == f32::MAX { 0.0 } else { floor }
    }
}

/// Root mean square of samples.
pub(crate) fn rms(audio: &[i16]) -> f32 {
    if audio.is_empty() {
        return 0.0;
    }
    let power: f32 = audio.iter().map(|&s| f32::from(s).powi(2)).sum();
    (power / audio.len() as f32).sqrt()
}
