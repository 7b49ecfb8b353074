//! How a call's commands are carried out. What takes time runs on a task of its own and reports back as a message.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;
use warmline_call::{Audience, Command, Event, FixedLine, Input, Left, Leg, LegFact, LegRef, Private};
use warmline_telephony::{Dial, DialError, Dialled, Line};
use warmline_voice::{Consult, Conversation, Fact, Setup, StandIn, VoiceStyle, prepare_briefing};

use super::driver::{Begun, Driver, Message, Source};

/// Facts of one line that wait for the call's task.
const FACTS: usize = 64;

impl Driver {
    pub(super) async fn execute(&mut self, command: Command) {
        if is_for_the_agents_voice(&command) {
            self.stand_in = None;
        }
        match command {
            Command::Dial { leg, phone, ring } => self.dial(leg, phone, ring),
            Command::StartConversation => self.with_customer(|c| c.start()),
            Command::PauseConversation => self.with_customer(|c| c.pause()),
            Command::ResumeConversation { because } => self.with_customer(|c| c.resume(because)),
            Command::StopConversation => self.stop_talking(),
            Command::Say { line, to } => {
                self.said_to_both = to == Audience::Both;
                self.say(line, to);
            }
            Command::PlayMusic => {
                let track = Arc::clone(&self.inner.parts.hold_music);
                self.with_customer(|c| c.music(Some(track)));
            }
            Command::StopMusic => self.with_customer(|c| c.music(None)),
            Command::PrepareBriefing { attempt } => self.prepare_briefing(attempt),
            Command::Brief { attempt } => self.brief(attempt),
            Command::Merge { attempt } => self.merge(attempt),
            Command::Leave => {
                self.room.leave().await;
                self.with_customer(|c| c.listen_only());
                if let Some((_, consult)) = &self.consult {
                    consult.listen_only();
                }
            }
            Command::SayText(text) => self.with_customer(|c| c.say(text)),
            Command::TakeOver => self.take_over(),
            Command::GiveBack => self.with_customer(|c| c.give_back()),
            Command::Nudge(text) => self.with_customer(|c| c.nudge(text)),
            Command::HangUp(leg) => self.hang_up(leg).await,
            Command::Close => {
                self.stop_talking();
                self.room.close().await;
            }
        }
    }

    fn with_customer(&self, order: impl FnOnce(&Conversation)) {
        if let Some(conversation) = &self.conversation {
            order(conversation);
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
        self.dialling.push(leg);
        // Beginning can take seconds; whoever hangs up meanwhile does not wait for it.
        tokio::spawn(async move {
            let begun = room.dial(dial).await;
            if inbox.send(Message::Dialled(leg, begun)).await.is_err() {
                room.hang_up(leg).await;
            }
        });
    }

    /// A dial has begun, or could not.
    pub(super) async fn dialled(&mut self, leg: LegRef, dialled: Result<Dialled, DialError>) {
        let wanted = self.dialling.contains(&leg);
        self.dialling.retain(|other| *other != leg);
        match dialled {
            Ok(dialled) if wanted => {
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
                self.write(vec![Event::LegIdentified { leg, attempt, participant_id, sip_call_id }]).await;
            }
            Ok(dialled) => {
                tokio::spawn(report_progress(leg, dialled.progress, self.inbox.clone()));
                self.room.hang_up(leg).await;
            }
            Err(error) => {
                tracing::warn!(call = %self.call, ?leg, %error, "a dial could not begin");
                if let Some(begun) = self.begun.take() {
                    let _ = begun.send(Err(error.detail));
                }
                let left = Left { cause: error.cause, sip_status: error.sip_status };
                self.report(async move { Input::Leg(leg, LegFact::Left(left)) });
            }
        }
    }

    /// Puts the agent on a leg's line, and follows what becomes of it.
    pub(super) fn take_on(&mut self, leg: LegRef, line: Line, progress: mpsc::Receiver<LegFact>) {
        self.attend(leg, line);
        tokio::spawn(report_progress(leg, progress, self.inbox.clone()));
    }

    fn attend(&mut self, leg: LegRef, line: Line) {
        let parts = &self.inner.parts;
        let (facts, heard) = mpsc::channel(FACTS);
        let (setup, speech) = (self.setup(), parts.speech.clone());
        match leg {
            LegRef::Customer => {
                self.conversation = Some(Arc::new(Conversation::on(line, setup, speech, self.clock, facts)));
            }
            LegRef::Supervisor(attempt) => {
                let consult = Consult::on(line, setup, speech, self.clock, facts);
                if let Some((_, earlier)) = self.consult.replace((attempt, Arc::new(consult))) {
                    earlier.stop();
                }
            }
        }
        self.listen_to(Source::Leg(leg), heard);
    }

    /// Connects whoever asked for it with the customer, in the agent's place.
    fn take_over(&mut self) {
        let (Some(line), Some(conversation)) = (self.seat.take(), self.conversation.clone()) else { return };
        let parts = &self.inner.parts;
        let (facts, heard) = mpsc::channel(FACTS);
        let (speech, style) = (parts.speech.clone(), self.setup().style);
        self.stand_in = Some(StandIn::on(line, conversation, speech, style, self.clock, facts));
        self.stand_ins += 1;
        self.listen_to(Source::StandIn(self.stand_ins), heard);
    }

    fn listen_to(&mut self, source: Source, heard: mpsc::Receiver<Fact>) {
        self.listening.push(source);
        tokio::spawn(report_facts(source, heard, self.inbox.clone()));
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
        let customer = self.conversation.clone().filter(|_| to != Audience::Supervisor);
        let supervisor = self.consult.as_ref().map(|(_, c)| Arc::clone(c)).filter(|_| to != Audience::Customer);
        self.report(async move {
            let to_customer = async {
                if let Some(conversation) = customer {
                    conversation.say_fixed(line).await;
                }
            };
            let to_supervisor = async {
                if let Some(consult) = supervisor {
                    consult.say_fixed(line).await;
                }
            };
            tokio::join!(to_customer, to_supervisor);
            Input::Said(line)
        });
    }

    fn prepare_briefing(&self, attempt: u32) {
        let Some(conversation) = self.conversation.clone() else { return };
        let (setup, speech) = (self.setup(), self.inner.parts.speech.clone());
        let reason = match self.escalation_reason.reveal().trim() {
            "" => "somebody asked for a human".to_owned(),
            reason => reason.to_owned(),
        };
        self.report(async move {
            let turns = conversation.turns().await;
            let (summary, points) = prepare_briefing(&setup, &turns, &reason, &speech).await;
            Input::BriefingPrepared { attempt, summary, points }
        });
    }

    fn brief(&self, attempt: u32) {
        if let (Some((current, consult)), Some((summary, points))) = (&self.consult, &self.briefing)
            && *current == attempt
        {
            consult.brief(summary.clone(), points.clone());
        }
    }

    fn merge(&self, attempt: u32) {
        let room = Arc::clone(&self.room);
        self.report(async move {
            match room.merge().await {
                Ok(()) => Input::Merged { attempt },
                Err(error) => Input::MergeFailed { attempt, detail: error.to_string() },
            }
        });
    }

    async fn hang_up(&mut self, leg: LegRef) {
        self.dialling.retain(|other| *other != leg);
        match (leg, &self.consult) {
            (LegRef::Customer, _) => self.with_customer(|c| c.stop()),
            (LegRef::Supervisor(attempt), Some((current, consult))) if *current == attempt => consult.stop(),
            _ => {}
        }
        self.room.hang_up(leg).await;
    }

    fn stop_talking(&self) {
        self.with_customer(|c| c.stop());
        if let Some((_, consult)) = &self.consult {
            consult.stop();
        }
    }

    /// Runs something that ends in an input for this call.
    fn report(&self, work: impl Future<Output = Input> + Send + 'static) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            let _ = inbox.send(Message::Input(work.await)).await;
        });
    }
}

async fn report_progress(leg: LegRef, mut progress: mpsc::Receiver<LegFact>, inbox: mpsc::Sender<Message>) {
    while let Some(fact) = progress.recv().await {
        if inbox.send(Message::Input(Input::Leg(leg, fact))).await.is_err() {
            return;
        }
    }
}

async fn report_facts(source: Source, mut facts: mpsc::Receiver<Fact>, inbox: mpsc::Sender<Message>) {
    while let Some(fact) = facts.recv().await {
        if inbox.send(Message::Heard(source, fact)).await.is_err() {
            return;
        }
    }
    let _ = inbox.send(Message::Deaf(source)).await;
}

/// Whether the customer is to hear the agent, or nobody: whoever speaks in its place has to be out before.
fn is_for_the_agents_voice(command: &Command) -> bool {
    match command {
        Command::Say { to, .. } => *to != Audience::Supervisor,
        Command::StartConversation
        | Command::PauseConversation
        | Command::ResumeConversation { .. }
        | Command::StopConversation
        | Command::GiveBack
        | Command::Close => true,
        Command::HangUp(leg) => *leg == LegRef::Customer,
        Command::Dial { .. }
        | Command::PlayMusic
        | Command::StopMusic
        | Command::PrepareBriefing { .. }
        | Command::Brief { .. }
        | Command::Merge { .. }
        | Command::Leave
        | Command::SayText(_)
        | Command::Nudge(_)
        | Command::TakeOver => false,
    }
}
