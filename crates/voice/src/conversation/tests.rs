mod interruptions;
mod orders;
mod turns;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{StreamExt as _, stream, stream::BoxStream};
use tokio::time::sleep;
use warmline_call::Speaker as Who;
use warmline_telephony::Clock;

use super::{Brake, Conversation, mind::Mind};
use crate::{
    CustomerAgent, Role, Turn,
    brain::Step,
    turn::{
        Floor, Timing,
        testing::{Phone, setup},
    },
};

const GREETING: &str = "Hello, this is the support team.";
const ANSWER: &str = "I can help with that. Let me look at your account now.";

/// A brain that says what a test wants, and remembers what it was asked.
#[derive(Clone, Default)]
struct Scripted {
    replies: Arc<Mutex<Vec<Vec<Step>>>>,
    asked: Arc<Mutex<Vec<Vec<Turn>>>>,
}

impl Scripted {
    /// What was said by persons, as the brain was told, each time it was asked.
    fn asked(&self) -> Vec<Vec<String>> {
        let persons =
            |turns: &Vec<Turn>| turns.iter().filter(|t| t.role == Role::Person).map(|t| t.text.clone()).collect();
        self.asked.lock().unwrap().iter().map(persons).collect()
    }

    /// The next answer that is not the usual one.
    fn next(&self, steps: &[Step]) {
        self.replies.lock().unwrap().push(steps.to_vec());
    }
}

impl Mind for Scripted {
    fn greet(&self) -> BoxStream<'static, Step> {
        stream::iter([say(GREETING)]).boxed()
    }

    fn reply(&self, turns: &[Turn]) -> BoxStream<'static, Step> {
        self.asked.lock().unwrap().push(turns.to_vec());
        let steps = self.replies.lock().unwrap().pop();
        assert_ne!(steps, Some(vec![]), "a brain that breaks down");
        let steps = steps.unwrap_or_else(|| ANSWER.split_inclusive(". ").map(say).collect());
        stream::once(sleep(Duration::from_millis(100))).flat_map(move |()| stream::iter(steps.clone())).boxed()
    }

    fn go_on(&self, _turns: &[Turn]) -> BoxStream<'static, Step> {
        stream::iter([say("Let's go on.")]).boxed()
    }
}

fn say(text: &str) -> Step {
    Step::Say(text.trim().to_owned())
}

/// A call that was answered; nothing has been ordered yet.
fn call() -> (Phone, Conversation, Scripted) {
    let (phone, line, speech, facts) = Phone::new();
    phone.knows(600, "I have a problem.");
    phone.knows(1300, "I have a problem with my invoice.");
    phone.knows(400, "Mhm.");
    phone.knows(800, "I want to talk to a human.");
    phone.knows(1000, "Never mind, I found it.");
    phone.knows(1600, "You have reached the voicemail of Jane.");
    phone.knows(2000, "Stop, that is not my account.");
    let brake = Brake::new(line.mouth.clone());
    let style = setup().style;
    let floor = Floor::new(line, Who::Customer, speech, style, Clock::start(), facts, Timing::default());
    let brain = Scripted::default();
    let conversation = Conversation::think(floor, Box::new(brain.clone()), true, brake);
    (phone, conversation, brain)
}

/// A call in which the greeting was heard.
async fn greeted() -> (Phone, Conversation, Scripted) {
    let (mut phone, conversation, brain) = call();
    conversation.start();
    phone.until(|f| crate::turn::testing::agent_said(f, GREETING)).await;
    phone.run(200).await;
    (phone, conversation, brain)
}
