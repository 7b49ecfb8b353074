//! How a call's commands are carried out. What takes time runs on a task of its own and reports back as a message.

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use tokio::sync::mpsc;
use warmline_call::{Audience, Command, Event, FixedLine, Input, Left, LeftCause, Leg, LegFact, LegRef, Private, Seat};
use warmline_telephony::{Dial, DialError, Dialled, Line};
use warmline_voice::{CustomerAgent, Fact, Setup, VoiceStyle};

use super::{
    children,
    driver::{Begun, Driver, Message, Source},
};

/// Facts of one line that wait for the call's task.
const FACTS: usize = 64;

/// A briefing is put together in so long, or it is the reason alone.
const BRIEFING: Duration = Duration::from_secs(12);

impl Driver {
    pub(super) fn execute(&mut self, command: Command) {
        match command {
            Command::Dial { leg, phone, ring } => self.dial(leg, phone, ring),
            Command::StartConversation => self.with_agent(|a| a.start()),
            Command::PauseConversation => self.with_agent(|a| a.pause()),
            Command::ResumeConversation { because } => self.with_agent(|a| a.resume(because)),
            Command::StopConversation => self.stop_talking(),
            Command::Say { line, to } => self.say(line, to),
            Command::PlayMusic => {
                let track = Arc::clone(&self.inner.parts.hold_music);
                self.with_agent(|a| a.music(Some(track)));
            }
            Command::StopMusic => self.with_agent(|a| a.music(None)),
            Command::PrepareBriefing { attempt, reason } => self.prepare_briefing(attempt, reason),
            Command::Brief { attempt, summary, points } => match &self.consult {
                Some((current, consult)) if *current == attempt => consult.brief(summary, points),
                _ => {}
            },
            Command::Merge { attempt } => self.merge(attempt),
            Command::Separate { .. } => self.room.separate(),
            Command::Leave => {
                let room = Arc::clone(&self.room);
                self.set_off(async move { room.leave().await });
                self.with_agent(|a| a.listen_only());
                if let Some((_, consult)) = &self.consult {
                    consult.listen_only();
                }
            }
            Command::SayText(text) => self.with_agent(|a| a.say(text)),
            Command::Nudge(text) => self.with_agent(|a| a.nudge(text)),
            Command::Seat(seat) => self.seat(seat),
            Command::TakeOver(seat) => {
                if let (Some((current, colleague)), Some(agent)) = (&mut self.colleague, &self.agent)
                    && *current == seat
                {
                    colleague.join(Arc::clone(agent));
                }
            }
            Command::Unseat(seat) => self.colleague = self.colleague.take().filter(|(current, _)| *current != seat),
            Command::HangUp(leg) => self.hang_up(leg),
            Command::Close => {
                self.stop_talking();
                let room = Arc::clone(&self.room);
                self.set_off(async move { room.close().await });
            }
            Command::Detach => {}
        }
    }

    fn with_agent(&self, order: impl FnOnce(&dyn CustomerAgent)) {
        if let Some(agent) = &self.agent {
            order(&**agent);
        }
    }

    fn dial(&mut self, leg: LegRef, phone: Private<String>, ring: Duration) {
        let identity = match leg {
            LegRef::Customer => format!("{}-customer", self.call),
            LegRef::Supervisor(_) => self.call.supervisor(),
        };
        // The machine ends a call that lasts too long, with a sentence; the backend's limit is the net below it.
        let timers = &self.inner.parts.policy.timers;
        let max_duration = timers.max_duration + timers.sentence + timers.hang_up;
        let dial = Dial { leg, number: phone, identity, ring, max_duration };
        let (room, inbox) = (Arc::clone(&self.room), self.inbox.clone());
        // Beginning can take seconds; whoever hangs up meanwhile does not wait for it.
        self.set_off(async move {
            let broken = || {
                let detail = "The dial broke down inside Warmline.".to_owned();
                Err(DialError { cause: LeftCause::TrunkFailure, sip_status: None, detail })
            };
            let begun = children::or_else(room.dial(dial), broken).await;
            if inbox.send(Message::Dialled(leg, begun)).await.is_err() {
                room.hang_up(leg).await;
            }
        });
    }

    /// A dial has begun, or could not: that ends the leg.
    pub(super) fn dialled(&mut self, leg: LegRef, dialled: Result<Dialled, DialError>) -> Option<Input> {
        match dialled {
            Ok(dialled) if self.machine.wants(leg) => {
                let (participant_id, sip_call_id) = (dialled.participant_id, dialled.sip_call_id);
                if let Some(begun) = self.begun.take() {
                    let _ = begun
                        .send(Ok(Begun { participant_id: participant_id.clone(), sip_call_id: sip_call_id.clone() }));
                }
                self.take_on(leg, dialled.line, dialled.progress);
                let (leg, attempt) = match leg {
                    LegRef::Customer => (Leg::Customer, None),
                    LegRef::Supervisor(attempt) => (Leg::Supervisor, Some(attempt)),
                };
                self.write(vec![Event::LegIdentified { leg, attempt, participant_id, sip_call_id }]);
                None
            }
            Ok(dialled) => {
                tokio::spawn(children::report_progress(leg, dialled.progress, self.inbox.clone()));
                self.release(leg);
                None
            }
            Err(error) => {
                tracing::warn!(call = %self.call, ?leg, %error, "a dial could not begin");
                if let Some(begun) = self.begun.take() {
                    let _ = begun.send(Err(error.detail));
                }
                let left = Left { cause: error.cause, sip_status: error.sip_status };
                Some(Input::Leg(leg, LegFact::Left(left)))
            }
        }
    }

    /// Puts the agent on a leg's line, and follows what becomes of it.
    pub(super) fn take_on(&mut self, leg: LegRef, line: Line, progress: mpsc::Receiver<LegFact>) {
        let (facts, heard) = mpsc::channel(FACTS);
        let (agents, setup) = (&self.inner.agents, self.setup());
        match leg {
            LegRef::Customer => self.agent = Some(agents.converse(line, setup, self.clock, facts)),
            LegRef::Supervisor(attempt) => {
                let consult = agents.consult(line, setup, self.clock, facts);
                if let Some((_, earlier)) = self.consult.replace((attempt, consult)) {
                    earlier.stop();
                }
            }
        }
        self.listen_to(Source::Leg(leg), heard);
        tokio::spawn(children::report_progress(leg, progress, self.inbox.clone()));
    }

    /// Attends the line of whoever asked for that seat.
    fn seat(&mut self, seat: Seat) {
        let Some(line) = self.offered.take() else { return };
        let (facts, heard) = mpsc::channel(FACTS);
        self.colleague = Some((seat, self.inner.agents.attend(line, self.setup().style, self.clock, facts)));
        self.listen_to(Source::Seat(seat), heard);
    }

    fn listen_to(&mut self, source: Source, heard: mpsc::Receiver<Fact>) {
        self.listening.push(source);
        tokio::spawn(children::report_facts(source, heard, self.inbox.clone()));
    }

    fn setup(&self) -> Setup {
        let policy = &self.inner.parts.policy;
        Setup {
            name: self.order.name.clone(),
            caller_name: policy.caller_name.clone(),
            instructions: policy.instructions.clone(),
            dynamic_instruction: self.order.dynamic_instruction.clone(),
            escalation: self.order.escalation && !policy.supervisors.is_empty(),
            style: VoiceStyle { language: self.order.language.clone(), emotion: self.order.emotion.clone(), voice: 0 },
        }
    }

    fn say(&self, line: FixedLine, to: Audience) {
        let customer = self.agent.as_ref().filter(|_| to != Audience::Supervisor).map(|a| a.say_fixed(line));
        let supervisor = self.consult.as_ref().filter(|_| to != Audience::Customer).map(|(_, c)| c.say_fixed(line));
        let said = async move {
            let heard: futures::future::OptionFuture<_> = customer.into();
            tokio::join!(heard, async move {
                if let Some(heard) = supervisor {
                    heard.await;
                }
            });
            Input::Said(line, to)
        };
        self.report(said, Input::Said(line, to));
    }

    fn prepare_briefing(&self, attempt: u32, reason: Private<String>) {
        let reason = match reason.reveal().trim() {
            "" => "somebody asked for a human".to_owned(),
            reason => reason.to_owned(),
        };
        let summary = Private::from(format!("They need a person: {}.", reason.trim_end_matches('.')));
        let short = Input::BriefingPrepared { attempt, summary, points: Vec::new() };
        let (turns, setup) = (self.agent.as_ref().map(|agent| agent.turns()), self.setup());
        let (agents, otherwise) = (Arc::clone(&self.inner.agents), short.clone());
        let prepared = async move {
            let prepared = async {
                let turns = match turns {
                    Some(turns) => turns.await,
                    None => Vec::new(),
                };
                let (summary, points) = agents.prepare_briefing(setup, turns, reason).await;
                Input::BriefingPrepared { attempt, summary, points }
            };
            tokio::time::timeout(BRIEFING, prepared).await.unwrap_or(otherwise)
        };
        self.report(prepared, short);
    }

    fn merge(&self, attempt: u32) {
        let room = Arc::clone(&self.room);
        let merged = async move {
            match room.merge().await {
                Ok(()) => Input::Merged { attempt },
                Err(error) => Input::MergeFailed { attempt, detail: error.to_string() },
            }
        };
        let detail = "connecting the two broke down inside Warmline".to_owned();
        self.report(merged, Input::MergeFailed { attempt, detail });
    }

    fn hang_up(&mut self, leg: LegRef) {
        match (leg, &self.consult) {
            (LegRef::Customer, _) => self.with_agent(|a| a.stop()),
            (LegRef::Supervisor(attempt), Some((current, consult))) if *current == attempt => consult.stop(),
            _ => {}
        }
        self.release(leg);
    }

    /// Hangs up at the network, which may take as long as the network takes.
    fn release(&self, leg: LegRef) {
        let room = Arc::clone(&self.room);
        self.set_off(async move { room.hang_up(leg).await });
    }

    fn stop_talking(&self) {
        self.with_agent(|a| a.stop());
        if let Some((_, consult)) = &self.consult {
            consult.stop();
        }
    }

    /// Begins something at once, so that what is begun after it comes after it, and leaves the rest to a task of its own. The
    /// program waits for it before it ends.
    fn set_off(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut work = Box::pin(children::or_else(work, || tracing::error!("a task of a call broke down")));
        if work.as_mut().now_or_never().is_none() {
            self.inner.tasks.spawn(work);
        }
    }

    /// Runs something that ends in an input for this call: in that other one where it breaks down.
    fn report(&self, work: impl Future<Output = Input> + Send + 'static, broken: Input) {
        let inbox = self.inbox.clone();
        self.set_off(async move {
            let input = children::or_else(work, || broken).await;
            let _ = inbox.send(Message::Input(input)).await;
        });
    }
}
