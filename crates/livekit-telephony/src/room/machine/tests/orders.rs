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
    Acts,
    Late,
    /// Until the next thing is due, or for as long as the call waits for a merge.
    Tick,
    Waits,
}

/// What can happen: the oldest request of each kind has its fate, the next act is done, time goes by.
fn options(world: &World, acts: usize) -> Vec<Next> {
    let mut options = Vec::new();
    let mut known: Vec<(std::mem::Discriminant<Request>, Option<(&str, bool)>)> = Vec::new();
    for (id, (request, _)) in &world.pending {
        let of = if let Request::Hear { who, may, .. } = request { Some((who.as_str(), *may)) } else { None };
        let kind = (std::mem::discriminant(request), of);
        if known.contains(&kind) {
            continue;
        }
        known.push(kind);
        let fates = match request {
            Request::Hear { may: true, .. } => &[Fate::Done, Fate::Unheard, Fate::Lost, Fate::Late][..],
            _ => &[Fate::Done, Fate::Lost],
        };
        options.extend(fates.iter().map(|fate| Next::Meets(*id, *fate)));
    }
    if acts > 0 {
        options.push(Next::Acts);
    }
    if !world.late.is_empty() {
        options.push(Next::Late);
    }
    options.extend([Next::Tick, Next::Waits]);
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

/// What a call, or the people in it, can do meanwhile.
fn acts() -> Vec<Vec<Act>> {
    use Act::{Close, Dial, DropMerge, Gone, HangUp, Leave, Separate};
    vec![
        vec![],
        vec![Separate],
        vec![DropMerge],
        vec![HangUp(SUPERVISOR)],
        vec![HangUp(LegRef::Customer)],
        vec![Gone(SUPERVISOR)],
        vec![Gone(LegRef::Customer)],
        vec![Dial(2)],
        vec![Leave],
        vec![Close],
        vec![Separate, Dial(2)],
        vec![Separate, HangUp(SUPERVISOR)],
        vec![HangUp(SUPERVISOR), Dial(2)],
        vec![Leave, Separate],
        vec![Leave, Gone(LegRef::Customer)],
    ]
}

#[test]
fn whatever_the_server_does_nobody_hears_whom_they_must_not() {
    let mut ways = 0;
    for acts in acts() {
        ways += explore(&acts, 4);
    }
    println!("{ways} ways");
    assert!(ways > 10_000, "{ways}");
}
