use futures::{StreamExt as _, stream};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use warmline_call::{DecidedBy, FixedLine, Private, Speaker as Who};
use warmline_telephony::{Clock, Line};

use super::answers::{Answer, read};
use crate::{
    Expect, Fact, Setup, Speech,
    brain::Step,
    intent, lines,
    listener::HeardTurn,
    turn::{Event, Floor, Timing},
};

/// A supervisor's questions are answered so many times; then the agent only listens.
const MOST_ANSWERS: u32 = 6;
/// Points told in one answer.
const POINTS: usize = 3;

/// What a [`super::Consult`] can be told.
pub(super) enum Order {
    Brief(Private<String>, Vec<Private<String>>),
    SayFixed(FixedLine, oneshot::Sender<()>),
    ListenOnly,
}

/// How far the consult is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing to say yet.
    Waiting,
    /// They have just answered: their 'hello?' is let pass, so that nobody talks over it.
    Opening {
        /// When the briefing begins if nobody speaks.
        at: Instant,
    },
    /// The briefing is being said. The question begins after so many words.
    Briefing {
        /// Words before the question.
        before: usize,
    },
    /// The question was put.
    Asked,
    /// It is decided, or not to be decided here.
    Over,
}

/// The agent in private with a supervisor.
pub(super) struct Actor {
    floor: Floor,
    timing: Timing,
    stage: Stage,
    summary: String,
    points: Vec<String>,
    fixed: Option<oneshot::Sender<()>>,
    mute: bool,
    began: Instant,
    quiet_since: Instant,
    asked_again: usize,
    answered: u32,
}

impl Actor {
    pub(super) fn new(
        line: Line,
        setup: Setup,
        speech: Speech,
        clock: Clock,
        facts: mpsc::Sender<Fact>,
        timing: Timing,
    ) -> Self {
        Self {
            floor: Floor::new(line, Who::Supervisor, speech, setup.style, clock, facts, timing),
            timing,
            stage: Stage::Waiting,
            summary: String::new(),
            points: Vec::new(),
            fixed: None,
            mute: false,
            began: Instant::now(),
            quiet_since: Instant::now(),
            asked_again: 0,
            answered: 0,
        }
    }

    /// Lives until the leg is gone.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            let ask_at = self.next_words();
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.on_order(order),
                    None => return,
                },
                event = self.floor.next() => match event {
                    Event::Gone => {
                        self.floor.cut();
                        self.floor.tell(Fact::Gone);
                        return self.floor.deliver_all().await;
                    }
                    event => self.on_event(event),
                },
                () = sleep_until(ask_at.unwrap_or(self.quiet_since)), if ask_at.is_some() => self.on_quiet(),
            }
        }
    }

    fn on_order(&mut self, order: Order) {
        match order {
            Order::Brief(summary, points) => self.on_brief(summary, points),
            Order::SayFixed(line, done) => self.on_say_fixed(line, done),
            Order::ListenOnly => {
                self.floor.cut();
                self.fixed = None;
                (self.stage, self.mute) = (Stage::Over, true);
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Key('1') => self.decide(Fact::Accepted { by: DecidedBy::Dtmf }),
            Event::Key('2') => self.decide(Fact::Declined { by: DecidedBy::Dtmf, reason: None }),
            Event::Voice => self.expect_answer(),
            Event::Partial(text, began) => self.look_for_machine(&text, began),
            Event::Turn(turn) => self.on_turn(&turn),
            Event::Deaf(_) => self.on_unclear(),
            Event::Spoke(_) => self.on_spoke(),
            Event::Key(_) | Event::Guess(_) | Event::Withdrawn | Event::Nothing | Event::Began { .. } | Event::Gone => {
            }
        }
    }

    fn on_brief(&mut self, summary: Private<String>, points: Vec<Private<String>>) {
        if self.stage != Stage::Waiting {
            return;
        }
        self.summary = summary.into_inner();
        self.points = points.into_iter().map(Private::into_inner).collect();
        self.began = Instant::now();
        self.stage = Stage::Opening { at: self.began + self.timing.greeting };
    }

    fn on_say_fixed(&mut self, line: FixedLine, done: oneshot::Sender<()>) {
        if self.mute {
            return;
        }
        self.floor.cut();
        self.floor.say_text(lines::fixed(line), false);
        self.fixed = Some(done);
        if self.stage != Stage::Waiting {
            self.stage = Stage::Over;
        }
    }

    fn on_turn(&mut self, turn: &HeardTurn) {
        self.quiet_since = Instant::now();
        self.look_for_machine(&turn.text, turn.began);
        if matches!(self.stage, Stage::Waiting | Stage::Over) {
            return self.floor.release();
        }
        let asked = self.was_asked();
        match read(&turn.text, asked) {
            Answer::Yes => self.decide(Fact::Accepted { by: DecidedBy::Voice }),
            Answer::No => {
                let reason = Some(turn.text.clone().into());
                self.decide(Fact::Declined { by: DecidedBy::Voice, reason });
            }
            _ if matches!(self.stage, Stage::Opening { .. }) => self.brief(),
            _ if !asked => self.floor.release(),
            question @ (Answer::Again | Answer::Who | Answer::What) => self.answer(question),
            Answer::Unclear => self.on_unclear(),
        }
    }

    fn on_spoke(&mut self) {
        self.quiet_since = Instant::now();
        if let Some(done) = self.fixed.take() {
            let _gone = done.send(());
        }
        if matches!(self.stage, Stage::Briefing { .. }) {
            self.stage = Stage::Asked;
        }
        self.expect_answer();
    }

    /// They said something, after the question, that is neither an answer nor a question.
    fn on_unclear(&mut self) {
        match self.stage {
            Stage::Asked if !self.floor.speaker().is_busy() => self.ask_again(),
            _ => self.floor.release(),
        }
    }

    fn brief(&mut self) {
        self.say_then_ask(&[lines::consult_intro(), &self.summary.clone()]);
    }

    fn answer(&mut self, question: Answer) {
        self.answered += 1;
        if self.answered > MOST_ANSWERS {
            return self.floor.release();
        }
        let summary = self.summary.clone();
        let answer = match question {
            Answer::Who => match self.points.first() {
                Some(who) => format!("{}.", who.trim_start_matches("Who: ").trim_end_matches('.')),
                None => summary,
            },
            Answer::What if !self.points.is_empty() => {
                let points = self.points.iter().take(POINTS).map(|p| p.trim_end_matches('.'));
                format!("{}.", points.collect::<Vec<_>>().join(". "))
            }
            _ => summary,
        };
        self.say_then_ask(&[&answer]);
    }

    fn ask_again(&mut self) {
        let Some(text) = lines::consult_again().get(self.asked_again).copied() else { return };
        self.asked_again += 1;
        self.floor.cut();
        self.floor.say_text(text, true);
    }

    fn say_then_ask(&mut self, before: &[&str]) {
        let words = before.iter().map(|s| s.split_whitespace().count()).sum();
        let steps: Vec<Step> =
            before.iter().chain([&lines::consult_question()]).map(|s| Step::Say((*s).to_owned())).collect();
        self.floor.cut();
        let script = self.floor.prepare(stream::iter(steps).boxed());
        self.floor.say(script, true);
        self.stage = Stage::Briefing { before: words };
    }

    /// The first decision wins; there is no other.
    fn decide(&mut self, fact: Fact) {
        if self.stage == Stage::Over {
            return;
        }
        self.stage = Stage::Over;
        self.floor.cut();
        self.floor.expect = Expect::Anything;
        self.floor.tell(fact);
    }

    fn look_for_machine(&mut self, text: &str, began: Instant) {
        let early = began.saturating_duration_since(self.began) <= self.timing.machine;
        if early && intent::is_machine_greeting(text) {
            self.decide(Fact::Machine);
        }
    }

    /// Whether the question was put to them, at least in part.
    fn was_asked(&self) -> bool {
        match self.stage {
            Stage::Asked => true,
            Stage::Briefing { before } => self.floor.speaker().heard().split_whitespace().count() > before,
            Stage::Waiting | Stage::Opening { .. } | Stage::Over => false,
        }
    }

    fn expect_answer(&mut self) {
        self.floor.expect = if self.was_asked() { Expect::YesOrNo } else { Expect::Anything };
    }

    /// When to begin, or to ask again. Not while anybody speaks.
    fn next_words(&self) -> Option<Instant> {
        if self.floor.speaker().is_busy() || self.floor.hears_somebody() {
            return None;
        }
        match self.stage {
            Stage::Opening { at } => Some(at),
            Stage::Asked if self.asked_again < lines::consult_again().len() => {
                Some(self.quiet_since + self.timing.ask_again)
            }
            _ => None,
        }
    }

    fn on_quiet(&mut self) {
        match self.stage {
            Stage::Opening { .. } => self.brief(),
            _ => self.ask_again(),
        }
    }
}
