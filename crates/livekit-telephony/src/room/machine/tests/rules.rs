//! Single rules, each as a short story.

use std::time::Duration;

use warmline_call::{LeftCause, LegFact, LegRef};
use warmline_livekit::services::ServiceError;

use super::{
    super::{Answer, Request, RequestId},
    world::{Act, CUSTOMER, Fate, World, supervisor},
};

const SUPERVISOR: LegRef = LegRef::Supervisor(1);

/// The pending requests about what a leg hears: whose, and which way.
fn hearing(world: &World, may: bool) -> Vec<(RequestId, String)> {
    let hears = world.pending.iter().filter_map(|(id, (request, _))| match request {
        Request::Hear { who, may: asked, .. } if *asked == may => Some((*id, who.clone())),
        _ => None,
    });
    hears.collect()
}

fn grants(world: &World) -> Vec<RequestId> {
    hearing(world, true).into_iter().map(|(id, _)| id).collect()
}

fn look(world: &World) -> RequestId {
    *world.pending.iter().find(|(_, (request, _))| matches!(request, Request::Look(_))).expect("it is looked").0
}

#[test]
fn both_halves_are_asked_for_at_once_and_then_it_is_looked_who_is_there() {
    let mut world = World::consulting();
    let ticket = world.merge(1);
    let halves: Vec<String> = hearing(&world, true).into_iter().map(|(_, who)| who).collect();
    assert_eq!(halves, [CUSTOMER.to_owned(), supervisor(1)]);
    assert_eq!(world.pending.len(), 2, "nothing else: {:?}", world.pending);
    for id in grants(&world) {
        assert!(world.merges.is_empty());
        world.meets(id, Fate::Done);
    }
    let id = look(&world);
    world.meets(id, Fate::Done);
    assert_eq!(world.merges[&ticket], Ok(()));
}

#[test]
fn half_a_merge_is_undone_and_the_other_half_too_when_its_answer_comes() {
    let mut world = World::consulting();
    let ticket = world.merge(1);
    let [one, other] = grants(&world)[..] else { panic!("two halves") };
    world.meets(one, Fate::Lost);
    assert_eq!(hearing(&world, false).len(), 2, "both directions are taken back at once");
    world.settle_hearing(false);
    assert!(!world.merges.contains_key(&ticket), "the other half may still come into force");
    // It does, after everything that was taken back.
    world.meets(other, Fate::Done);
    assert_eq!(world.heard.len(), 1);
    world.settle_hearing(false);
    assert!(world.heard.is_empty());
    assert!(world.merges[&ticket].as_ref().is_err_and(|why| why.contains("did not answer in time")));
    world.ends_well();
}

#[test]
fn a_merge_that_was_given_up_is_undone_while_a_request_of_it_stalls() {
    let mut world = World::consulting();
    world.merge(1);
    let [one, stalled] = grants(&world)[..] else { panic!("two halves") };
    world.meets(one, Fate::Done);
    world.waits(Duration::from_secs(3));
    world.act(Act::Separate);
    assert_eq!(hearing(&world, false).len(), 2);
    world.act(Act::HangUp(SUPERVISOR));
    world.act(Act::Dial(2));
    world.settle_but(&[stalled]);
    // The leg is gone, and with it whatever was granted to it: the next is dialled though the request is still under way.
    assert!(world.facts.contains(&(SUPERVISOR, LegFact::Left(super::super::dialling::released()))));
    assert_eq!(world.dialled.last(), Some(&LegRef::Supervisor(2)));
    world.pick_up(LegRef::Supervisor(2));
    world.meets(stalled, Fate::Done);
    world.settle_but(&[]);
    assert!(world.heard.is_empty());
    world.ends_well();
}

#[test]
fn the_next_supervisor_is_not_dialled_while_the_one_before_may_be_heard() {
    let mut world = World::consulting();
    world.merge(1);
    let [one, other] = grants(&world)[..] else { panic!("two halves") };
    world.act(Act::Dial(2));
    world.settle_but(&[one, other]);
    assert!(!world.dialled.contains(&LegRef::Supervisor(2)), "two grants are in doubt");
    world.meets(one, Fate::Done);
    world.meets(other, Fate::Late);
    assert!(!world.dialled.contains(&LegRef::Supervisor(2)), "and not taken back for certain");
    world.settle_but(&[]);
    assert!(world.dialled.contains(&LegRef::Supervisor(2)));
    world.ends_well();
}

#[test]
fn a_dial_that_is_held_back_for_too_long_fails_and_nobody_was_dialled() {
    let mut world = World::consulting();
    world.merge(1);
    let [one, other] = grants(&world)[..] else { panic!("two halves") };
    world.act(Act::Dial(2));
    world.settle_but(&[one, other]);
    world.waits(Duration::from_secs(11));
    let [(LegRef::Supervisor(2), why)] = &world.refused[..] else { panic!("{:?}", world.refused) };
    assert!(why.contains("nobody was dialled"), "{why}");
    assert!(!world.dialled.contains(&LegRef::Supervisor(2)));
}

#[test]
fn a_revocation_of_before_that_overtakes_a_grant_is_made_good() {
    let mut world = World::consulting();
    // The isolation is just being asserted when the merge is ordered.
    world.tick();
    while hearing(&world, false).is_empty() {
        world.tick();
    }
    let asserted: Vec<_> = hearing(&world, false).into_iter().map(|(id, _)| id).collect();
    let ticket = world.merge(1);
    for id in grants(&world) {
        world.meets(id, Fate::Done);
    }
    for id in asserted {
        world.meets(id, Fate::Done);
    }
    assert!(!world.merges.contains_key(&ticket), "what was granted is undone by now");
    world.settle();
    assert_eq!(world.merges[&ticket], Ok(()));
    assert_eq!(world.heard.len(), 2);
}

#[test]
fn a_hang_up_that_is_not_answered_ends_the_leg_in_time_and_is_tried_again() {
    let mut world = World::consulting();
    world.act(Act::HangUp(SUPERVISOR));
    assert!(world.facts.iter().all(|(_, fact)| !matches!(fact, LegFact::Left(_))));
    let removals = |world: &World| world.pending.values().filter(|(r, _)| matches!(r, Request::Remove { .. })).count();
    assert_eq!(removals(&world), 1);
    world.waits(Duration::from_secs(3));
    let (leg, LegFact::Left(left)) = world.facts.last().expect("it is taken for gone") else { panic!("it has left") };
    assert_eq!((*leg, left.cause), (SUPERVISOR, LeftCause::Released));
    let id = *world.pending.iter().find(|(_, (r, _))| matches!(r, Request::Remove { .. })).expect("still under way").0;
    world.meets(id, Fate::Lost);
    world.waits(Duration::from_secs(1));
    assert_eq!(removals(&world), 1, "tried again");
    world.ends_well();
}

#[test]
fn closing_is_tried_a_number_of_times_and_the_legs_are_released_in_time() {
    let mut world = World::consulting();
    world.act(Act::Close);
    world.act(Act::Close);
    let deletions = |world: &World| -> Vec<RequestId> {
        world.pending.iter().filter(|(_, (r, _))| matches!(r, Request::Delete(_))).map(|(id, _)| *id).collect()
    };
    assert_eq!(deletions(&world).len(), 1);
    assert!(world.facts.iter().all(|(_, fact)| !matches!(fact, LegFact::Left(_))));
    world.waits(Duration::from_secs(3));
    assert_eq!(world.facts.iter().filter(|(_, fact)| matches!(fact, LegFact::Left(_))).count(), 2);
    let mut tries = 0;
    while let Some(id) = deletions(&world).first().copied() {
        tries += 1;
        world.answer(id, Answer::Failed(ServiceError::Timeout));
        world.waits(Duration::from_secs(40));
    }
    assert_eq!((tries, world.over), (6, true));
    world.act(Act::HangUp(SUPERVISOR));
    let ticket = world.merge(1);
    assert!(world.merges[&ticket].is_err());
}

#[test]
fn a_supervisor_who_can_not_be_kept_apart_is_hung_up() {
    let mut world = World::consulting();
    world.resubscribes();
    for _ in 0..40 {
        let asked: Vec<_> = hearing(&world, false).into_iter().map(|(id, _)| id).collect();
        for id in asked {
            world.meets(id, Fate::Lost);
        }
        world.waits(Duration::from_millis(100));
    }
    assert!(world.facts.iter().any(|(leg, fact)| {
        *leg == SUPERVISOR && matches!(fact, LegFact::Left(left) if left.cause == LeftCause::MediaLost)
    }));
    world.ends_well();
}
