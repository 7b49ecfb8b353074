//! What becomes of a dial.

use std::time::Duration;

use warmline_call::{LeftCause, LegFact, LegRef};
use warmline_livekit::services::{DialFailure, ServiceError};

use super::{
    super::{Answer, Input, Request},
    world::{Act, Fate, World},
};

const SUPERVISOR: LegRef = LegRef::Supervisor(1);

#[test]
fn a_leg_that_is_hung_up_before_its_phone_rings_is_never_dialled() {
    let mut world = World::new();
    world.prompt = false;
    world.dial(LegRef::Customer);
    assert!(world.dialled.is_empty(), "it is looked first whether it is there");
    world.act(Act::HangUp(LegRef::Customer));
    world.settle();
    assert!(world.dialled.is_empty());
    assert_eq!(world.refused.len(), 1);
}

#[test]
fn nobody_is_dialled_into_a_room_that_is_being_closed() {
    let mut world = World::consulting();
    world.act(Act::Dial(2));
    world.act(Act::Close);
    world.settle();
    assert!(world.over && !world.dialled.contains(&LegRef::Supervisor(2)));
    assert_eq!(world.refused.len(), 1);
}

#[test]
fn a_leg_is_dialled_once() {
    let mut world = World::new();
    world.dial(LegRef::Customer);
    world.dial(LegRef::Customer);
    assert_eq!(world.dialled, [LegRef::Customer]);
    assert!(world.refused[0].1.contains("already"));
}

#[test]
fn a_supervisor_s_leg_ends_with_the_sip_status_of_the_answer_though_the_participant_left_first() {
    let mut world = World::consulting();
    world.prompt = true;
    world.act(Act::HangUp(SUPERVISOR));
    world.dial(LegRef::Supervisor(2));
    world.joins(LegRef::Supervisor(2));
    world.act(Act::Gone(LegRef::Supervisor(2)));
    let left = |world: &World| {
        world.facts.iter().find_map(|(leg, fact)| match fact {
            LegFact::Left(left) if *leg == LegRef::Supervisor(2) => Some(left.clone()),
            _ => None,
        })
    };
    assert_eq!(left(&world), None, "the reason may still come");
    world.dial_answered(Answer::Failed(ServiceError::Dial(DialFailure::Busy)));
    let left = left(&world).expect("it has left");
    assert_eq!((left.cause, left.sip_status), (LeftCause::Busy, Some(486)));
}

#[test]
fn a_dial_whose_participant_never_comes_is_given_up_and_its_late_participant_is_taken_out() {
    let mut world = World::new();
    world.dial(LegRef::Customer);
    world.waits(Duration::from_secs(11));
    assert!(world.refused[0].1.contains("livekit-sip"), "{:?}", world.refused);
    world.settle();
    world.prompt = false;
    world.joins(LegRef::Customer);
    assert!(world.pending.values().any(|(request, _)| matches!(request, Request::Remove { .. })));
    world.tell(Input::Close);
    world.settle();
    assert!(world.over);
}

/// A removal that the server has not carried out yet would hit the next one of that name.
#[test]
fn a_leg_is_not_dialled_anew_while_the_one_of_before_is_being_removed() {
    let mut world = World::new();
    world.dial(LegRef::Customer);
    world.prompt = false;
    world.waits(Duration::from_secs(11));
    assert_eq!(world.refused.len(), 1);
    let removals = |world: &World| -> Vec<_> {
        let removal = |request: &Request| matches!(request, Request::Remove { .. });
        world.pending.iter().filter(|(_, (request, _))| removal(request)).map(|(id, _)| *id).collect()
    };
    world.dial(LegRef::Customer);
    while let Some(id) = world.pending.keys().copied().find(|id| !removals(&world).contains(id)) {
        world.meets(id, Fate::Done);
    }
    assert_eq!((world.dialled.len(), removals(&world).len()), (1, 1));
    world.meets(removals(&world)[0], Fate::Done);
    world.settle();
    assert_eq!(world.dialled.len(), 2);
}
