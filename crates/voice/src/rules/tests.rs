use futures::{FutureExt as _, StreamExt as _};
use warmline_call::RequestedBy;

use super::*;
use crate::{VoiceStyle, brain::Brain};

fn setup(dynamic: Option<&str>) -> Setup {
    Setup {
        name: Some("John Doe".into()),
        caller_name: None,
        instructions: "You are a helpful customer support agent for LiveKit.".to_owned(),
        dynamic_instruction: dynamic.map(Into::into),
        escalation: true,
        style: VoiceStyle { language: "en".to_owned(), emotion: "Calm".to_owned(), voice: 0 },
    }
}

/// A conversation with the brain that has no model.
struct Talking {
    brain: Brain,
    turns: Vec<Turn>,
}

impl Talking {
    fn with(setup: Setup) -> Self {
        let mut talking = Self { brain: Brain::new(setup, None), turns: Vec::new() };
        let greeting: Vec<Step> = talking.brain.greet().collect().now_or_never().unwrap();
        talking.keep(&greeting);
        talking
    }

    fn about(dynamic: &str) -> Self {
        Self::with(setup(Some(dynamic)))
    }

    fn keep(&mut self, steps: &[Step]) -> String {
        let said = said(steps);
        if !said.is_empty() {
            self.turns.push(Turn { role: Role::Agent, text: said.clone() });
        }
        said
    }

    fn hears_all(&mut self, text: &str) -> Vec<Step> {
        self.turns.push(Turn { role: Role::Person, text: text.to_owned() });
        let steps: Vec<Step> = self.brain.reply(&self.turns).collect().now_or_never().unwrap();
        self.keep(&steps);
        steps
    }

    fn hears(&mut self, text: &str) -> String {
        said(&self.hears_all(text))
    }

    fn last(&self) -> &str {
        self.turns.last().map_or("", |t| t.text.as_str())
    }
}

fn said(steps: &[Step]) -> String {
    let sentences = steps.iter().filter_map(|s| if let Step::Say(text) = s { Some(text.as_str()) } else { None });
    sentences.collect::<Vec<_>>().join(" ")
}

fn escalated(steps: &[Step]) -> Option<(RequestedBy, &str)> {
    steps.iter().find_map(|s| if let Step::Escalate { by, reason } = s { Some((*by, reason.as_str())) } else { None })
}

const OFFER: &str = "Would you like me to connect you with a human supervisor?";
const APPOINTMENT: &str = "You are calling to remind about an upcoming appointment. Be friendly and helpful. \
    The appointment is on Tuesday at 3 pm. Tell them to bring their insurance card.";

#[test]
fn given_no_instruction_then_it_greets_as_the_guide_does() {
    let mut nameless = setup(None);
    nameless.name = None;
    assert_eq!(Talking::with(nameless).last(), "Hello, this is the LiveKit support team. How can I help you today?");
    assert_eq!(
        Talking::with(setup(None)).last(),
        "Hello John Doe, this is the LiveKit support team. How can I help you today?"
    );
}

#[test]
fn given_instructions_then_it_says_why_it_calls() {
    for (instruction, why) in [
        (
            "You are calling to remind about an upcoming appointment. Be friendly.",
            "I'm calling to remind you about an upcoming appointment.",
        ),
        (
            "You are calling to follow up on a support ticket about login issues.",
            "I'm calling to follow up on a support ticket about login issues.",
        ),
        ("You are calling to provide an update on their order.", "I'm calling to provide an update on your order."),
        ("You are a support agent following up on a ticket.", "I'm following up on a ticket."),
        ("Call the customer to confirm John's delivery.", "I'm calling to confirm your delivery."),
        ("You're calling about the invoice of May", "I'm calling about the invoice of May."),
    ] {
        let said = Talking::about(instruction);
        assert_eq!(
            said.last(),
            format!("Hello John Doe, this is the LiveKit support team. {why} Do you have a moment?")
        );
    }
    assert_eq!(
        Talking::about("Remind John about the dentist on Friday. Ask if he will come.").last(),
        "Hello John Doe, this is the LiveKit support team. I'd like to remind you about the dentist on Friday. Do you have a moment?"
    );
    let mut caller = setup(Some("You are calling to say hello."));
    caller.caller_name = Some("Acme Dental".to_owned());
    assert_eq!(
        Talking::with(caller).last(),
        "Hello John Doe, this is an assistant calling on behalf of Acme Dental. I'm calling to say hello. Do you have a moment?"
    );
}

#[test]
fn given_a_list_of_orders_then_only_what_can_be_said_is_said() {
    let list = "You're Maya, a friendly assistant from Sunrise Hotel.\n1. Greet the guest\n2. Ask about the stay\n- Tell them breakfast is at 8 am";
    let mut call = Talking::about(list);
    assert_eq!(call.last(), "Hello John Doe, this is the Sunrise Hotel team. Do you have a moment?");
    assert_eq!(call.hears("Yes"), "Thank you. May I ask about the stay?");
    assert_eq!(call.hears("It is lovely"), "Good. Breakfast is at 8 am.");
}

#[test]
fn given_the_guides_conversation_then_the_guides_lines() {
    let mut call = Talking::with(setup(None));
    let answer = call.hears("I'm having trouble with my account, and I need to speak to someone.");
    assert_eq!(answer, format!("I understand. {OFFER}"));
    let steps = call.hears_all("Yes, please.");
    let (by, reason) = escalated(&steps).expect("no human");
    assert_eq!((by, steps.len()), (RequestedBy::Customer, 1));
    assert!(reason.contains("trouble with my account"), "{reason}");
}

#[test]
fn given_a_plain_request_then_a_human_at_once() {
    let mut call = Talking::about(APPOINTMENT);
    let steps = call.hears_all("Can I talk to a representative?");
    assert!(matches!(escalated(&steps), Some((RequestedBy::Customer, _))) && steps.len() == 1, "{steps:?}");
}

#[test]
fn given_things_to_tell_then_one_by_one_as_they_are_confirmed() {
    let mut call = Talking::about(APPOINTMENT);
    assert_eq!(call.hears("yes"), "Thank you. The appointment is on Tuesday at 3 pm.");
    assert_eq!(call.hears("okay"), "Good. Please bring your insurance card.");
    assert_eq!(call.hears("I will"), "Thank you. Is there anything else I can help you with?");
    let steps = call.hears_all("No, that's all.");
    assert_eq!(said(&steps), "Thank you for your time. Goodbye.");
    assert_eq!(steps.last(), Some(&Step::EndCall));
}

#[test]
fn given_a_question_then_what_is_known_else_the_offer_in_changing_words() {
    let mut call = Talking::about(APPOINTMENT);
    assert_eq!(call.hears("What time is the appointment?"), "The appointment is on Tuesday at 3 pm.");
    assert_eq!(call.hears("How much does parking cost?"), format!("I don't have that information. {OFFER}"));
    assert_eq!(call.hears("no"), "All right. Please bring your insurance card.");
    assert_eq!(
        call.hears("Is there a lift?"),
        "I'm afraid I don't know that. Shall I connect you with a human supervisor?"
    );
    assert!(escalated(&call.hears_all("yes")).is_some());
}

#[test]
fn given_a_trouble_then_understanding_in_their_words_and_the_offer() {
    let mut call = Talking::with(setup(None));
    assert_eq!(
        call.hears("Hi. I can't log in to my account."),
        format!("I understand, you can't log in to your account. {OFFER}")
    );
    let refused = call.hears("No, not now.");
    assert!(refused.starts_with("All right."), "{refused}");
    let mut call = Talking::with(setup(None));
    assert_eq!(call.hears("This is ridiculous"), format!("I understand. {OFFER}"));
}

#[test]
fn given_questions_about_itself_then_the_plain_truth() {
    let mut call = Talking::about(APPOINTMENT);
    assert!(call.hears("Are you a robot?").starts_with("Yes, I'm an AI assistant, not a human."));
    assert_eq!(
        call.hears("Who is this?"),
        "This is the LiveKit support team. I'm calling to remind you about an upcoming appointment."
    );
    assert_eq!(
        call.hears("Sorry?"),
        "Of course. This is the LiveKit support team. I'm calling to remind you about an upcoming appointment."
    );
    assert_eq!(call.hears("hold on a second"), "Of course, take your time.");
    assert!(call.hears("Thank you").starts_with("You're welcome."));
}

#[test]
fn given_no_moment_then_it_takes_its_leave() {
    let mut call = Talking::about(APPOINTMENT);
    let steps = call.hears_all("No, not now.");
    assert_eq!(said(&steps), "No problem. Thank you for your time. Goodbye.");
    assert_eq!(steps.last(), Some(&Step::EndCall));
}

#[test]
fn given_a_goodbye_then_a_goodbye() {
    let mut call = Talking::with(setup(None));
    let steps = call.hears_all("Thanks, bye!");
    assert_eq!(steps, [Step::Say("Thank you for your time. Goodbye.".to_owned()), Step::EndCall]);
}

#[test]
fn given_two_answers_not_understood_then_a_human_is_offered() {
    let mut call = Talking::with(setup(None));
    assert_eq!(call.hears("purple monkeys in spring"), NOT_UNDERSTOOD[0]);
    assert_eq!(call.hears("seven green bottles"), NOT_UNDERSTOOD[1]);
    assert!(call.hears("hanging on the wall").ends_with(OFFER));
}

#[test]
fn given_the_same_words_again_then_never_the_same_answer_twice_in_a_row() {
    for text in [
        "blue",
        "yes",
        "no",
        "okay",
        "hm",
        "what is it worth?",
        "it is broken",
        "thank you",
        "wait a minute",
        "are you a robot",
        "who are you",
        "hello",
        "if",
    ] {
        for dynamic in [None, Some(APPOINTMENT)] {
            let mut call = Talking::with(Setup { escalation: false, ..setup(dynamic) });
            let mut before = call.last().to_owned();
            for _ in 0..8 {
                let steps = call.hears_all(text);
                let now = said(&steps);
                assert_ne!(now, before, "to '{text}'");
                assert!(!now.is_empty());
                if steps.contains(&Step::EndCall) {
                    break;
                }
                before = now;
            }
        }
    }
}

#[test]
fn given_no_escalation_then_no_human_is_ever_offered_and_a_note_is_taken() {
    let mut call = Talking::with(Setup { escalation: false, ..setup(None) });
    let steps = call.hears_all("I want to talk to a human.");
    assert_eq!(escalated(&steps), None);
    assert_eq!(
        said(&steps),
        "I'm sorry, no human can be reached on this line. I can take a note for the team. What should I write down?"
    );
    assert_eq!(
        call.hears("My router blinks red."),
        "Thank you, that is on the record of this call. Is there anything else I can help you with?"
    );
    for text in [
        "It does not work",
        "Is there a lift?",
        "yes",
        "this is ridiculous",
        "are you a robot",
        "blah",
        "blah blah",
        "blah blah blah",
    ] {
        let steps = call.hears_all(text);
        assert!(escalated(&steps).is_none() && !said(&steps).contains("supervisor"), "{text}: {steps:?}");
    }
}

#[test]
fn given_a_failed_transfer_or_a_nudge_then_it_goes_on() {
    let mut call = Talking::about(APPOINTMENT);
    call.turns.push(Turn { role: Role::Note, text: "The supervisor did not answer.".to_owned() });
    let go_on = |call: &Talking| said(&call.brain.go_on(&call.turns).collect::<Vec<_>>().now_or_never().unwrap());
    assert_eq!(go_on(&call), "The appointment is on Tuesday at 3 pm.");
    call.turns.push(Turn { role: Role::Note, text: "Offer them a discount of 10%. Be brief.".to_owned() });
    assert_eq!(go_on(&call), "I can offer you a discount of 10%.");
}
