use std::time::Duration;

/// How long things take in a conversation. The defaults are what people on telephones are used to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Silence after which the recognition of a turn begins, in case that it is over (180 ms).
    pub(crate) speculate: Duration,
    /// Silence that ends a turn whose text looks complete (350 ms).
    pub(crate) complete: Duration,
    /// Silence that ends a turn whose text says nothing about it (500 ms).
    pub(crate) usual: Duration,
    /// Silence that ends a turn whose text looks unfinished, and any turn whose text has not come (900 ms).
    pub(crate) unfinished: Duration,
    /// Speech stops the agent so long after it began, if at least half of that was voice (200 ms).
    pub(crate) barge_in: Duration,
    /// Speech with less voice than this is a noise (90 ms).
    pub(crate) shortest: Duration,
    /// A partial recognition is made after so much more speech (700 ms).
    pub(crate) partial: Duration,
    /// Speech is recognised in pieces of at most so much (14 s).
    pub(crate) piece: Duration,
    /// A recognition takes at most so long, twice (6 s).
    pub(crate) recognition: Duration,
    /// A provider's next piece of audio takes at most so long (5 s).
    pub(crate) synthesis: Duration,
    /// The brain's next step takes at most so long (20 s).
    pub(crate) thought: Duration,
    /// A fixed sentence is waited for at most so long (8 s).
    pub(crate) sentence: Duration,
    /// A machine greets within so much of the answer (12 s).
    pub(crate) machine: Duration,
    /// A machine that has made no sound for so long awaits a message (1.5 s).
    pub(crate) tone: Duration,
    /// A machine is left a message after so long, whether or not it has fallen silent (20 s).
    pub(crate) machine_talks: Duration,
    /// After so much silence on both sides the agent asks whether somebody is there (10 s).
    pub(crate) still_there: Duration,
    /// After so much silence, though asked, nobody is (30 s).
    pub(crate) inaudible: Duration,
    /// A colleague in the agent's place who was never heard for so long has no microphone that works (20 s).
    pub(crate) colleague_mute: Duration,
    /// After so much silence of colleague and customer the agent is back (60 s).
    pub(crate) colleague_silent: Duration,
    /// A supervisor who has just answered has so long to begin a 'hello?' (500 ms).
    pub(crate) greeting: Duration,
    /// After so much silence a supervisor is asked again (6 s).
    pub(crate) ask_again: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            speculate: Duration::from_millis(180),
            complete: Duration::from_millis(350),
            usual: Duration::from_millis(500),
            unfinished: Duration::from_millis(900),
            barge_in: Duration::from_millis(200),
            shortest: Duration::from_millis(90),
            partial: Duration::from_millis(700),
            piece: Duration::from_secs(14),
            recognition: Duration::from_secs(6),
            synthesis: Duration::from_secs(5),
            thought: Duration::from_secs(20),
            sentence: Duration::from_secs(8),
            machine: Duration::from_secs(12),
            tone: Duration::from_millis(1_500),
            machine_talks: Duration::from_secs(20),
            still_there: Duration::from_secs(10),
            inaudible: Duration::from_secs(30),
            colleague_mute: Duration::from_secs(20),
            colleague_silent: Duration::from_secs(60),
            greeting: Duration::from_millis(500),
            ask_again: Duration::from_secs(6),
        }
    }
}
