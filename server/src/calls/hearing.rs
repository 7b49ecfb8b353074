//! What is heard on a call's lines: inputs for the machine, and the transcript.

use std::{collections::HashMap, time::Duration};

use tokio::sync::mpsc;
use warmline_call::{DecidedBy, Event, Input, LegRef, MediaCause, Phase, Private, Rejected, SeatFact, Side, Speaker};
use warmline_voice::{Fact, Spoken, Strain};

use super::driver::{Driver, Message, Source};

/// How long a call's end waits for the last words to be recognised.
const LAST_WORDS: Duration = Duration::from_millis(800);

impl Driver {
    /// What that means for the machine, if anything. What was said is written down.
    pub(super) fn heard(&mut self, source: Source, fact: Fact) -> Option<Input> {
        Some(match (source, fact) {
            (_, Fact::Spoken(spoken)) => {
                self.on_spoken(source, spoken);
                return None;
            }
            (_, Fact::Gone) => {
                self.listening.retain(|s| *s != source);
                match source {
                    // It tells the same, with the cause.
                    Source::Leg(_) => return None,
                    Source::Seat(seat) => Input::Seat(seat, SeatFact::Left),
                }
            }
            (_, Fact::Turn(times)) => {
                let event = Event::TurnMetrics {
                    endpointing_ms: times.endpointing_ms,
                    stt_ms: times.stt_ms,
                    llm_first_token_ms: times.llm_first_token_ms,
                    tts_first_audio_ms: times.tts_first_audio_ms,
                    response_ms: times.response_ms,
                };
                self.write(vec![event]);
                return None;
            }
            (Source::Seat(seat), Fact::Ready) => Input::Seat(seat, SeatFact::Ready),
            (Source::Leg(leg), Fact::Machine) => Input::MachineDetected(leg),
            (Source::Leg(leg), Fact::Strained { cause }) => Input::Strain {
                leg,
                cause: Some(match cause {
                    Strain::Hearing => MediaCause::Hearing,
                    Strain::Speaking => MediaCause::Speaking,
                }),
            },
            (Source::Leg(leg), Fact::Eased) => Input::Strain { leg, cause: None },
            (Source::Leg(LegRef::Customer), fact) => match fact {
                Fact::HumanRequested { by, reason } => Input::HumanRequested { by, reason },
                Fact::ChangedMind => Input::CustomerChangedMind,
                Fact::Finished => Input::ConversationFinished,
                Fact::Failed { detail } => Input::AgentFailed { detail },
                Fact::Inaudible => Input::CustomerInaudible,
                Fact::ColleagueSilent => Input::Seat(self.colleague.as_ref()?.0, SeatFact::Silent),
                fact => return self.meaningless(source, &fact),
            },
            (Source::Leg(LegRef::Supervisor(attempt)), fact) => match fact {
                Fact::Accepted { by } => Input::SupervisorAccepted { attempt, by },
                Fact::Declined { by, reason } => Input::SupervisorDeclined { attempt, by, reason },
                Fact::Failed { detail } => {
                    let reason = Some(Private::from(detail));
                    Input::SupervisorDeclined { attempt, by: DecidedBy::Timeout, reason }
                }
                fact => return self.meaningless(source, &fact),
            },
            (source, fact) => return self.meaningless(source, &fact),
        })
    }

    fn meaningless(&self, source: Source, fact: &Fact) -> Option<Input> {
        tracing::debug!(call = %self.call, ?source, ?fact, "a fact that means nothing on this line");
        None
    }

    /// What was said just before the end is still being recognised: it belongs before the end.
    pub(super) async fn last_words(&mut self, messages: &mut mpsc::Receiver<Message>) {
        let patience = tokio::time::sleep(LAST_WORDS);
        tokio::pin!(patience);
        while !self.listening.is_empty() {
            let message = tokio::select! {
                // What came in time is heard.
                biased;
                message = messages.recv() => message,
                () = &mut patience => return,
            };
            match message {
                Some(Message::Heard(source, Fact::Spoken(spoken))) => self.on_spoken(source, spoken),
                Some(Message::Heard(source, Fact::Gone) | Message::Over(source)) => {
                    self.listening.retain(|s| *s != source);
                }
                Some(Message::Act { reply, .. } | Message::TakeOver { reply, .. } | Message::Listen { reply, .. }) => {
                    let detail = "This is not possible any more: the call is ending.".into();
                    let _ = reply.send(Err(Rejected { phase: Phase::Ended, detail }));
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    fn on_spoken(&mut self, source: Source, spoken: Spoken) {
        let side = match source {
            Source::Seat(_) | Source::Leg(LegRef::Customer) => Side::Call,
            Source::Leg(LegRef::Supervisor(_)) => {
                let since = self.machine.together_since().map(|after| self.moment(after));
                match since.is_some_and(|since| spoken.started_at >= since) {
                    // What the agent says to both of them is said on both lines, and was said once.
                    true if spoken.speaker == Speaker::Agent => return,
                    true => Side::Call,
                    false => Side::Consult,
                }
            }
        };
        let utterance = self.utterances.number(source, spoken.utterance, spoken.r#final);
        if let Source::Leg(leg) = source {
            self.show(leg, utterance, &spoken);
        }
        let event = Event::Utterance {
            side,
            speaker: spoken.speaker,
            utterance,
            text: spoken.text,
            r#final: spoken.r#final,
            interrupted: spoken.interrupted,
            started_at: spoken.started_at,
            ended_at: spoken.ended_at,
        };
        self.write(vec![event]);
    }
}

/// Numbers the utterances of a call's several lines through.
#[derive(Default)]
pub(super) struct Utterances {
    under_way: HashMap<(Source, u64), u64>,
    pub(super) last: u64,
}

impl Utterances {
    fn number(&mut self, source: Source, utterance: u64, r#final: bool) -> u64 {
        let number = *self.under_way.entry((source, utterance)).or_insert_with(|| {
            self.last += 1;
            self.last
        });
        if r#final {
            self.under_way.remove(&(source, utterance));
        }
        number
    }
}
