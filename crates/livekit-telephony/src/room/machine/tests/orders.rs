//! Every order in which a merge's requests can be carried out, answered, lost or late, with everything that can come between.

use std::time::Duration;

use warmline_call::LegRef;

use super::{
    super::{Request, RequestId},
    world::{Act, Fate, World},
};

/// Makes every choice in turn: each run follows the choices of before up to the last that has an alternative left.
struct Choices {
    made: Vec<(usize, usize)>,
    at: usize,
}

impl Choices {
    fn pick(&mut self, of: usize) -> usize {
        if self.at == self.made.len() {
            self.made.push((0, of));
        }
        assert_eq!(self.made[self.at].1, of, "the same choices lead to the same state");
        self.at += 1;
        self.made[self.at - 1].0
    }

    /// `false`: all have been made.
    fn next(&mut self) -> bool {
        self.at = 0;
        while let Some((pick, of)) = self.made.pop() {
            if pick + 1 < of {
                self.made.push((pick + 1, of));
                return true;
            }
        }
        false
    }
}

/// One thing that can happen next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Meets(RequestId, Fate),
    /// All revocations that are pending.
    Revokes(Fate),
    Acts,
    Late,
    /// Until the next thing is due.
    Tick,
    /// For as long as a call waits for a merge.
    Waits,
}

/// What can happen: a request has its fate, the next act is done, time goes by.
fn options(world: &World, acts: usize) -> Vec<Next> {
    let mut options = Vec::new();
    let mut revokes = false;
    for (id, (request, _)) in &world.pending {
        let fates = match request {
            Request::Hear { may: true, .. } => &[Fate::Done, Fate::Unheard, Fate::Late][..],
            Request::Hear { .. } => {
                revokes = true;
                continue;
            }
            _ => &[Fate::Done, Fate::Lost],
        };
        options.extend(fates.iter().map(|fate| Next::Meets(*id, *fate)));
    }
    if revokes {
        options.extend([Next::Revokes(Fate::Done), Next::Revokes(Fate::Lost)]);
    }
    if acts > 0 {
        options.extend([Next::Acts, Next::Waits]);
    }
    if !world.late.is_empty() {
        options.push(Next::Late);
    }
    options.push(Next::Tick);
    options
}

/// Goes through all that can happen within so many steps, and lets each end well. How many ways there were.
fn explore(acts: &[Act], depth: usize) -> usize {
    let mut choices = Choices { made: Vec::new(), at: 0 };
    let mut ways = 0;
    loop {
        let mut world = World::consulting();
        world.merge(1);
        let mut left = acts.iter();
        for _ in 0..depth {
            let options = options(&world, left.len());
            match options[choices.pick(options.len())] {
                Next::Meets(id, fate) => world.meets(id, fate),
                Next::Revokes(fate) => world.revokes(fate),
                Next::Acts => {
                    if let Some(act) = left.next() {
                        world.act(*act);
                    }
                }
                Next::Late => world.late_effect(0),
                Next::Tick => world.tick(),
                Next::Waits => world.waits(Duration::from_secs(3)),
            }
        }
        for act in left {
            world.act(*act);
        }
        world.ends_well();
        ways += 1;
        if !choices.next() {
            return ways;
        }
    }
}

const SUPERVISOR: LegRef = LegRef::Supervisor(1);

/// Each order of requests, with that in between.
fn nobody_hears_whom_they_must_not(acts: &[Act]) {
    let ways = explore(acts, DEPTH);
    println!("{acts:?}: {ways} ways");
    assert!(ways > 500, "{ways}");
}

/// Steps in which everything is tried: both halves, the look at who is there, and an act. (Five take two minutes, and held.)
const DEPTH: usize = 4;

macro_rules! orders {
    ($($name:ident: [$($act:expr),*];)*) => { $(
        #[test]
        fn $name() {
            nobody_hears_whom_they_must_not(&[$($act),*]);
        }
    )* };
}

orders! {
    a_merge: [];
    a_merge_that_is_given_up: [Act::Separate];
    a_merge_that_nobody_waits_for: [Act::DropMerge];
    the_supervisor_is_hung_up: [Act::HangUp(SUPERVISOR)];
    the_customer_is_hung_up: [Act::HangUp(LegRef::Customer)];
    the_supervisor_leaves: [Act::Gone(SUPERVISOR)];
    the_customer_leaves: [Act::Gone(LegRef::Customer)];
    the_next_is_dialled: [Act::Dial(2)];
    the_agent_leaves: [Act::Leave];
    the_call_is_closed: [Act::Close];
    given_up_and_the_next_is_dialled: [Act::Separate, Act::Dial(2)];
    given_up_and_hung_up: [Act::Separate, Act::HangUp(SUPERVISOR)];
    hung_up_and_the_next_is_dialled: [Act::HangUp(SUPERVISOR), Act::Dial(2)];
    the_agent_leaves_and_it_is_given_up_too_late: [Act::Leave, Act::Separate];
}
