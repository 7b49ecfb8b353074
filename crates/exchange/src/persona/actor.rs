//! A persona on the phone: answers, listens, follows its script, hangs up.

use std::{f32::consts::TAU, sync::Arc};

use futures::future::BoxFuture;
use regex_lite::Regex;
use tokio::time::{Duration, Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use warmline_telephony::{FRAME_TIME, SAMPLE_RATE};
use warmline_voice::{Expect, SpeechError, SpeechToText, Urgency, Utterance};

use super::{
    Voices,
    ears::Ears,
    script::{Moment, Persona, Role, Step, Wait},
};
use crate::phone::{Phone, PhoneEvent, PhoneHandle};

/// The RMS of an ordinary voice on the telephone: −22 dBFS. Noise is set against it.
const ORDINARY_VOICE: f32 = 2_600.0;

/// Frames of speech after which an impatient persona breaks in: 1 s.
const BREAK_IN: u32 = 50;

/// How long an impatient persona waits for somebody to break in on.
const NOBODY_SPEAKS: Duration = Duration::from_secs(15);

/// Longer than any call.
const FOR_EVER: Duration = Duration::from_secs(48 * 3600);

/// A voicemail's tone.
const BEEP: Duration = Duration::from_millis(500);

/// The call is over.
struct Over;

/// Plays one persona in one call.
pub(crate) struct Actor {
    persona: Arc<Persona>,
    phone: Phone,
    handle: PhoneHandle,
    ears: Ears,
    voices: Arc<Voices>,
    stt: Arc<dyn SpeechToText>,
    recognising: Option<BoxFuture<'static, Result<String, SpeechError>>>,
    /// What was understood since the script last waited for words.
    understood: Vec<String>,
    answered: bool,
    spoke: bool,
    /// The script has been followed to its end.
    done: bool,
}

impl Actor {
    pub(crate) fn new(persona: Arc<Persona>, phone: Phone, voices: Arc<Voices>, stt: Arc<dyn SpeechToText>) -> Self {
        let ears = Ears::new(persona.needs_words());
        let handle = phone.handle();
        Self {
            persona,
            phone,
            handle,
            ears,
            voices,
            stt,
            recognising: None,
            understood: Vec::new(),
            answered: false,
            spoke: false,
            done: false,
        }
    }

    /// From the ringing to the end of the call.
    pub(crate) async fn run(mut self) {
        let _rehearsal = self.rehearse();
        // Whatever ends the call ends the script: there is nothing else to do about it.
        let _: Result<(), Over> = self.play().await;
    }

    /// Renders the lines ahead of time, in order, so that an answer does not wait for them.
    fn rehearse(&self) -> AbortOnDropHandle<()> {
        let (persona, voices) = (Arc::clone(&self.persona), Arc::clone(&self.voices));
        AbortOnDropHandle::new(tokio::spawn(async move {
            for text in persona.texts() {
                if voices.render(text, &persona.style()).await.is_err() {
                    return;
                }
            }
        }))
    }

    async fn play(&mut self) -> Result<(), Over> {
        self.until(self.persona.answers_after(), |_| false).await?;
        self.handle.answer();
        self.until(FOR_EVER, |me| me.answered).await?;
        if let Some(decibels) = self.persona.noise {
            self.handle.noise(ORDINARY_VOICE * gain(-decibels));
        }
        let persona = Arc::clone(&self.persona);
        for step in &persona.script {
            self.step(step).await?;
        }
        self.done = true;
        self.until(FOR_EVER, |_| false).await?;
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), Over> {
        match step {
            Step::Say { text, barge_in } => {
                if *barge_in {
                    self.until(NOBODY_SPEAKS, |me| me.ears.speaking_for() >= BREAK_IN).await?;
                }
                self.say(text).await
            }
            Step::Recording { path, audio } => self.put_on_the_line(path, audio).await,
            Step::Beep => self.put_on_the_line("(beep)", &beep()).await,
            Step::Wait { until, within } => self.wait(until, *within).await,
            Step::Key(key) => {
                self.handle.dtmf(*key);
                self.handle.note(format!("(key {key})"));
                Ok(())
            }
            Step::HangUp => self.hang_up(),
        }
    }

    async fn say(&mut self, text: &str) -> Result<(), Over> {
        let (voices, style, line) = (Arc::clone(&self.voices), self.persona.style(), text.to_owned());
        let mut rendering = tokio::spawn(async move { voices.render(&line, &style).await });
        let _stop = OnDrop(rendering.abort_handle());
        let rendered = loop {
            tokio::select! {
                done = &mut rendering => break done,
                over = self.listen() => over?,
            }
        };
        match rendered {
            Ok(Ok(audio)) => self.put_on_the_line(text, &audio).await,
            Ok(Err(error)) => {
                tracing::warn!(%error, persona = self.persona.name(), "a persona could not speak");
                self.handle.note("(no voice)".to_owned());
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }

    async fn put_on_the_line(&mut self, text: &str, audio: &[i16]) -> Result<(), Over> {
        let volume = gain(self.persona.volume_db);
        if volume == 1.0 {
            self.handle.say(text, audio);
        } else {
            let scaled: Vec<i16> = audio.iter().map(|&s| (f32::from(s) * volume).round() as i16).collect();
            self.handle.say(text, &scaled);
        }
        self.until(FOR_EVER, |me| !me.handle.is_speaking()).await?;
        self.spoke = true;
        Ok(())
    }

    async fn wait(&mut self, until: &Wait, within: Duration) -> Result<(), Over> {
        match until {
            Wait::Time(_) => self.until(within, |_| false).await,
            Wait::Voice { quiet } => {
                let heard = self.ears.utterances();
                let quiet = (quiet.as_millis() / FRAME_TIME.as_millis()) as u32;
                self.until(within, |me| me.ears.utterances() > heard && me.ears.silent_for() >= quiet).await
            }
            Wait::Music => self.until(within, |me| me.ears.music_for() > 0).await,
            Wait::Words(words) => {
                self.understood.clear();
                self.until(within, |me| me.understands(words)).await
            }
        }
    }

    fn understands(&self, words: &Regex) -> bool {
        self.understood.iter().any(|text| words.is_match(text))
    }

    fn hang_up(&self) -> Result<(), Over> {
        self.handle.hang_up();
        Err(Over)
    }

    /// Listens until something is so, but not longer than `within`.
    async fn until(&mut self, within: Duration, enough: impl Fn(&Self) -> bool) -> Result<(), Over> {
        let deadline = Instant::now() + within;
        while !enough(self) {
            tokio::select! {
                over = self.listen() => over?,
                () = sleep_until(deadline) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Takes in the next thing that the phone or the recognition tells. Cancel-safe.
    async fn listen(&mut self) -> Result<(), Over> {
        let recognised = async {
            match &mut self.recognising {
                Some(recognising) => recognising.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = self.phone.event() => self.on_event(event),
            text = recognised => {
                self.recognising = None;
                match text {
                    Ok(text) => self.understood.push(text),
                    Err(error) => tracing::debug!(%error, "a persona did not understand"),
                }
                Ok(())
            }
        }
    }

    fn on_event(&mut self, event: PhoneEvent) -> Result<(), Over> {
        match event {
            PhoneEvent::Ringing { .. } => Ok(()),
            PhoneEvent::Answered => {
                self.answered = true;
                Ok(())
            }
            PhoneEvent::Ended { .. } => Err(Over),
            PhoneEvent::Audio(frame) => {
                self.ears.hear(&frame);
                self.recognise();
                if self.has_enough() { self.hang_up() } else { Ok(()) }
            }
        }
    }

    /// Sends the last utterance to be recognised, one at a time; the newest wins.
    fn recognise(&mut self) {
        let Some(audio) = self.ears.take_utterance() else { return };
        let stt = Arc::clone(&self.stt);
        let language = self.persona.style().language;
        let utterance = Utterance { audio, language, urgency: Urgency::Final, expect: Expect::Anything };
        self.recognising = Some(Box::pin(async move { stt.recognise(utterance).await }));
    }

    /// Whether the moment has come at which this persona hangs up.
    fn has_enough(&self) -> bool {
        let speech = self.ears.speaking_for();
        match self.persona.hangs_up_in {
            None => false,
            Some(Moment::Greeting) => speech >= 50,
            Some(Moment::Conversation) => self.spoke && !self.handle.is_speaking() && speech >= 50,
            Some(Moment::Hold) => self.ears.music_for() >= 150,
            Some(Moment::Merged) => self.done || (self.ears.music_is_over() && speech >= 50),
            Some(Moment::Briefing) if self.persona.role() == Role::Customer => self.ears.music_for() >= 400,
            Some(Moment::Briefing) => self.spoke && speech >= 100,
        }
    }
}

/// Stops a task when its result is no longer wanted.
struct OnDrop(tokio::task::AbortHandle);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn gain(decibels: f32) -> f32 {
    10.0_f32.powf(decibels / 20.0)
}

fn beep() -> Vec<i16> {
    let samples = (BEEP.as_secs_f32() * SAMPLE_RATE as f32) as usize;
    (0..samples).map(|n| (6_000.0 * (TAU * 1_000.0 * n as f32 / SAMPLE_RATE as f32).sin()) as i16).collect()
}
