//! Whose turn it is: one line's ears and mouth together.

mod facts;
mod recognitions;
mod strain;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod timing;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use warmline_call::Speaker as Who;
use warmline_telephony::{Clock, Ear, FRAME_TIME, Heard, Line, Live, Mouth, SILENCE};

use self::{
    facts::Facts,
    recognitions::{Recognised, Recognitions},
    strain::Strains,
};
use crate::{
    Expect, Fact, Speech, SpeechError, Spoken, Strain, Utterance, VoiceStyle,
    brain::Step,
    listener::{Echo, HeardTurn, Job, Listener, Outcome},
    speaker::{Progress, Said, Script, Speaker},
};

pub(crate) use self::timing::Timing;

/// A line that sends nothing for so long while somebody speaks is taken to be silent: 200 ms.
const GAP: Duration = Duration::from_millis(200);
/// How long the last facts of a line wait for whoever takes them.
const LAST_FACTS: Duration = Duration::from_secs(1);
/// Frames with less energy than this are silence, though not to a trained ear: −48 dBFS, as mean square.
const SOUND: i64 = 130 * 130;

/// What happens between two people on a line, one of whom is the agent.
#[derive(Debug)]
pub(crate) enum Event {
    /// A key.
    Key(char),
    /// Somebody speaks; the agent has fallen silent if it may be interrupted.
    Voice,
    /// What was said so far.
    Partial(String, Instant),
    /// What the turn is, if the silence that has begun ends it.
    Guess(String),
    /// They went on.
    Withdrawn,
    /// A turn is over. Its words were reported. The agent may be held: release or interrupt it.
    Turn(HeardTurn),
    /// Something was said that could not be recognised.
    Deaf(SpeechError),
    /// What seemed to be speech was none.
    Nothing,
    /// The agent is heard.
    Began {
        /// When the brain had the first sentence.
        thought: Instant,
        /// When its first audio was there.
        audio: Instant,
        /// When it was on the line.
        at: Instant,
    },
    /// The agent has said what it had to say. Its words were reported.
    Spoke(Said),
    /// The leg is gone, or nobody listens to what happens here.
    Gone,
}

/// One line's ears and mouth, and what is reported of them.
pub(crate) struct Floor {
    ear: Ear,
    listener: Listener,
    echo: Echo,
    speaker: Speaker,
    recognitions: Recognitions,
    strains: Strains,
    /// When the agent was told to say what it says.
    told: Instant,
    speech: Speech,
    style: VoiceStyle,
    timing: Timing,
    clock: Clock,
    who: Who,
    facts: Facts,
    utterances: u64,
    /// The agent's utterance that is heard now.
    agent: Option<Open>,
    /// The person's utterance of which a partial was reported.
    person: Option<Open>,
    /// What kind of answer the person was asked for.
    pub(crate) expect: Expect,
    /// Where what is heard is passed on to.
    pub(crate) passed_on: Option<Live>,
    last_frame: Instant,
    last_sound: Instant,
}

/// An utterance that was begun and not yet closed.
#[derive(Debug)]
struct Open {
    utterance: u64,
    began: Instant,
    text: String,
}

impl Floor {
    pub(crate) fn new(
        line: Line,
        who: Who,
        speech: Speech,
        style: VoiceStyle,
        clock: Clock,
        facts: mpsc::Sender<Fact>,
        timing: Timing,
    ) -> Self {
        Self {
            ear: line.ear,
            listener: Listener::new(timing),
            echo: Echo::default(),
            speaker: Speaker::new(line.mouth),
            recognitions: Recognitions::default(),
            strains: Strains::default(),
            told: Instant::now(),
            speech,
            style,
            timing,
            clock,
            who,
            facts: Facts::new(facts),
            utterances: 0,
            agent: None,
            person: None,
            expect: Expect::Anything,
            passed_on: None,
            last_frame: Instant::now(),
            last_sound: Instant::now(),
        }
    }

    /// The next thing that happens. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Event {
        loop {
            if let Some(outcome) = self.listener.poll() {
                let event = self.on_outcome(outcome);
                self.recognitions.keep(|job| self.listener.wants(job));
                if let Some(event) = event {
                    return event;
                }
                continue;
            }
            let silent_at = self.last_frame + GAP;
            tokio::select! {
                heard = self.ear.hear() => match heard {
                    Some(Heard::Frame(frame)) => self.on_frame(&frame),
                    Some(Heard::Key(key)) => return Event::Key(key),
                    None => return Event::Gone,
                },
                recognised = self.recognitions.next() => self.on_recognised(recognised),
                progress = self.speaker.next() => {
                    if let Some(event) = self.on_progress(progress) {
                        return event;
                    }
                }
                delivered = self.facts.deliver() => if !delivered {
                    return Event::Gone;
                },
                () = sleep_until(silent_at), if self.listener.hears_somebody() => {
                    self.listener.hear(&SILENCE, Instant::now());
                    self.last_frame += FRAME_TIME;
                }
            }
        }
    }

    /// Reports a fact.
    pub(crate) fn tell(&mut self, fact: Fact) {
        self.facts.tell(fact);
    }

    /// Hands over what still waits to be reported, as far as somebody takes it within a second.
    pub(crate) async fn deliver_all(&mut self) {
        let _given_up = tokio::time::timeout(LAST_FACTS, self.facts.deliver_all()).await;
    }

    /// Begins to make speech of what the brain says, to be said later or never.
    pub(crate) fn prepare(&self, steps: stream::BoxStream<'static, Step>) -> Script {
        Script::make(steps, Arc::clone(&self.speech.tts), self.style.clone(), self.timing)
    }

    /// Says a script. What is being said must have been cut before.
    pub(crate) fn say(&mut self, script: Script, breakable: bool) {
        self.told = Instant::now();
        self.speaker.say(script, breakable);
    }

    /// Says one sentence.
    pub(crate) fn say_text(&mut self, text: &str, breakable: bool) {
        let script = self.prepare(stream::iter([Step::Say(text.to_owned())]).boxed());
        self.say(script, breakable);
    }

    /// Cuts what is being said, for good. Gives what was said; its words were reported.
    pub(crate) fn cut(&mut self) -> Option<Said> {
        let said = self.speaker.cut();
        self.close_agent(said.as_ref());
        said
    }

    /// Leaves out what follows the sentence that is heard now. Gives what was said if that is all already.
    pub(crate) fn finish_sentence(&mut self) -> Option<Said> {
        let said = self.speaker.finish_sentence();
        self.close_agent(said.as_ref());
        said
    }

    /// The agent goes on where it was held.
    pub(crate) fn release(&mut self) {
        self.speaker.release();
    }

    /// The agent's voice.
    pub(crate) fn speaker(&self) -> &Speaker {
        &self.speaker
    }

    /// The line's mouth, for music and for silence.
    pub(crate) fn mouth(&self) -> &Mouth {
        self.speaker.mouth()
    }

    /// Whether somebody speaks, or has spoken and is not understood yet.
    pub(crate) fn hears_somebody(&self) -> bool {
        self.listener.hears_somebody() || self.listener.awaits_text()
    }

    /// When the line last carried a sound, be it speech or a tone.
    pub(crate) fn last_sound(&self) -> Instant {
        self.last_sound
    }

    fn on_frame(&mut self, frame: &[i16]) {
        let now = Instant::now();
        self.last_frame = now;
        if let Some(live) = &self.passed_on {
            live.push(frame);
        }
        if frame.iter().map(|sample| i64::from(*sample).pow(2)).sum::<i64>() > SOUND * frame.len() as i64 {
            self.last_sound = now;
        }
        self.echo.observe(frame, &self.speaker.played());
        self.listener.hear(frame, now);
    }

    fn on_outcome(&mut self, outcome: Outcome) -> Option<Event> {
        match outcome {
            Outcome::Onset => None,
            Outcome::Voice => self.on_voice(),
            Outcome::Recognise(job) => {
                self.recognise(job);
                None
            }
            Outcome::Partial { text, began } => {
                self.report_partial(text.clone(), began);
                Some(Event::Partial(text, began))
            }
            Outcome::Guess(text) => Some(Event::Guess(text)),
            Outcome::Withdrawn => Some(Event::Withdrawn),
            Outcome::Turn(turn) => Some(self.on_turn(turn)),
            Outcome::Nothing => {
                self.release();
                Some(Event::Nothing)
            }
            Outcome::Failed(error) => Some(self.on_failed(error)),
        }
    }

    /// Somebody has spoken long enough to break in. The agent's own echo does not count.
    fn on_voice(&mut self) -> Option<Event> {
        if self.speaker.is_busy() && self.echo.is_echo() {
            self.listener.discard();
            return None;
        }
        if self.speaker.is_breakable() {
            self.speaker.hold();
        }
        Some(Event::Voice)
    }

    fn on_turn(&mut self, mut turn: HeardTurn) -> Event {
        let open = self.person.take();
        let utterance = open.as_ref().map(|o| o.utterance);
        if turn.text.is_empty() {
            // The last recognition found no words; an earlier one may have.
            turn.text = open.map(|o| o.text).unwrap_or_default();
        }
        if turn.text.is_empty() {
            self.release();
            return Event::Nothing;
        }
        let utterance = utterance.unwrap_or_else(|| self.next_utterance());
        let (who, text) = (self.who, turn.text.clone());
        self.report(who, utterance, text, turn.began, Some(turn.ended), false);
        Event::Turn(turn)
    }

    fn on_failed(&mut self, error: SpeechError) -> Event {
        let Some(open) = &self.person else {
            self.release();
            return Event::Deaf(error);
        };
        // What was understood on the way is better than nothing.
        let now = Instant::now();
        let turn = HeardTurn { text: open.text.clone(), began: open.began, ended: now, decided: now, known: now };
        self.on_turn(turn)
    }

    fn on_progress(&mut self, progress: Progress) -> Option<Event> {
        match progress {
            Progress::Started { text, thought, audio, at } => {
                let late = audio.saturating_duration_since(thought.max(self.told)) >= strain::LATE;
                self.note(Strain::Speaking, late);
                let utterance = self.next_utterance();
                self.agent = Some(Open { utterance, began: at, text: text.clone() });
                self.report(Who::Agent, utterance, text, at, None, false);
                Some(Event::Began { thought, audio, at })
            }
            Progress::Further { text } => {
                let (utterance, began) = self.agent.as_ref().map(|o| (o.utterance, o.began))?;
                self.report(Who::Agent, utterance, text, began, None, false);
                None
            }
            Progress::Over(said) => {
                self.close_agent(Some(&said));
                Some(Event::Spoke(said))
            }
        }
    }

    fn close_agent(&mut self, said: Option<&Said>) {
        let Some(said) = said else { return };
        if let Some(open) = self.agent.take() {
            let now = Some(Instant::now());
            self.report(Who::Agent, open.utterance, said.text.clone(), open.began, now, said.interrupted);
        }
    }

    fn report_partial(&mut self, text: String, began: Instant) {
        let known = self.person.as_ref().filter(|o| o.began == began).map(|o| o.utterance);
        let utterance = known.unwrap_or_else(|| self.next_utterance());
        self.person = Some(Open { utterance, began, text: text.clone() });
        self.report(self.who, utterance, text, began, None, false);
    }

    fn report(
        &mut self,
        speaker: Who,
        utterance: u64,
        text: String,
        began: Instant,
        ended: Option<Instant>,
        interrupted: bool,
    ) {
        self.facts.tell(Fact::Spoken(Spoken {
            speaker,
            utterance,
            text: text.into(),
            r#final: ended.is_some(),
            interrupted,
            started_at: self.clock.at(began),
            ended_at: ended.map(|at| self.clock.at(at)),
        }));
    }

    fn next_utterance(&mut self) -> u64 {
        self.utterances += 1;
        self.utterances
    }

    fn recognise(&mut self, job: Job) {
        let utterance = Utterance {
            audio: job.audio,
            language: self.style.language.clone(),
            urgency: job.urgency,
            expect: self.expect,
        };
        self.recognitions.ask(job.id, Arc::clone(&self.speech.stt), utterance, self.timing.recognition);
    }

    fn on_recognised(&mut self, recognised: Recognised) {
        if let Some(late) = recognised.late {
            self.note(Strain::Hearing, late);
        }
        self.listener.recognised(recognised.job, recognised.text, Instant::now());
    }

    fn note(&mut self, what: Strain, late: bool) {
        if let Some(fact) = self.strains.note(what, late) {
            self.facts.tell(fact);
        }
    }
}
