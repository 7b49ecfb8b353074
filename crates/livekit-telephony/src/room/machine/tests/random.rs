//! Long random calls on a server that does what it likes, with several supervisors after each other.

use std::time::Duration;

use proptest::prelude::*;
use warmline_call::LegRef;

use super::{
    super::Request,
    world::{Act, Fate, World},
};

#[derive(Clone, Debug)]
enum Op {
    /// Something pending has its fate.
    Meets(usize, Fate),
    Late(usize),
    Pass(u64),
    Merge,
    PickUp,
    Separate,
    DropMerge,
    HangUp,
    HangUpCustomer,
    Next,
    SupervisorGone,
    Leave,
    Resubscribes,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![6 => Just(Fate::Done), 1 => Just(Fate::Unheard), 1 => Just(Fate::Lost), 1 => Just(Fate::Late)]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        24 => (0_usize..8, fate()).prop_map(|(at, fate)| Op::Meets(at, fate)),
        2 => (0_usize..4).prop_map(Op::Late),
        6 => (0_u64..1_500).prop_map(Op::Pass),
        5 => Just(Op::Merge),
        5 => Just(Op::PickUp),
        2 => Just(Op::Separate),
        1 => Just(Op::DropMerge),
        2 => Just(Op::HangUp),
        1 => Just(Op::HangUpCustomer),
        3 => Just(Op::Next),
        1 => Just(Op::SupervisorGone),
        1 => Just(Op::Leave),
        1 => Just(Op::Resubscribes),
    ]
}

fn run(ops: &[Op]) {
    let mut world = World::consulting();
    let mut attempt = 1;
    for op in ops {
        match op {
            Op::Meets(at, fate) => {
                let id = world.pending.keys().nth(at % world.pending.len().max(1)).copied();
                let Some(id) = id else { continue };
                let grant = matches!(world.pending[&id].0, Request::Hear { may: true, .. });
                world.meets(id, if *fate == Fate::Late && !grant { Fate::Lost } else { *fate });
            }
            Op::Late(at) => world.late_effect(*at),
            Op::Pass(ms) => world.waits(Duration::from_millis(*ms)),
            Op::Merge => drop(world.merge(attempt)),
            Op::PickUp => world.pick_up(LegRef::Supervisor(attempt)),
            Op::Separate => world.act(Act::Separate),
            Op::DropMerge => world.act(Act::DropMerge),
            Op::HangUp => world.act(Act::HangUp(LegRef::Supervisor(attempt))),
            Op::HangUpCustomer => world.act(Act::HangUp(LegRef::Customer)),
            // As a call does it: the next after the one before was hung up.
            Op::Next if attempt < 5 && !world.left => {
                world.act(Act::HangUp(LegRef::Supervisor(attempt)));
                attempt += 1;
                world.act(Act::Dial(attempt));
            }
            Op::Next => {}
            Op::SupervisorGone => world.act(Act::Gone(LegRef::Supervisor(attempt))),
            Op::Leave => world.act(Act::Leave),
            Op::Resubscribes => world.resubscribes(),
        }
    }
    world.ends_well();
}

/// Somebody picks up after they were hung up, is taken out in vain, and the next is there already.
#[test]
fn who_is_to_be_out_and_is_not_yet_hears_nobody() {
    let lost = |at| Op::Meets(at, Fate::Lost);
    let done = |at| Op::Meets(at, Fate::Done);
    run(&[
        Op::PickUp,
        Op::HangUpCustomer,
        done(0),
        Op::Next,
        done(0),
        done(0),
        Op::HangUp,
        Op::PickUp,
        lost(0),
        done(0),
        Op::Pass(500),
        lost(0),
        done(0),
        Op::Pass(19),
        done(0),
        done(0),
        Op::Pass(981),
        Op::Next,
        done(5),
        lost(0),
        Op::Pass(660),
        Op::PickUp,
        Op::Pass(1_340),
        lost(0),
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_hears_whom_they_must_not(ops in prop::collection::vec(op(), 1..120)) {
        run(&ops);
    }
}
