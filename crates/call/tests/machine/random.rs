//! Random calls: true, late, doubled and senseless inputs, and timers that fire or don't.
//!
//! Two million steps by default, which takes some seconds in a debug build; `WARMLINE_RANDOM_STEPS=20000000` asks for more
//! (or for fewer). The number of steps really taken is printed (`cargo test -p warmline-call random -- --nocapture`).

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    env,
    time::Duration,
};

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config as RunnerConfig, TestRunner},
};
use warmline_call::{Config, VoicemailPolicy};

use crate::{
    scene::config,
    simulator::{Simulator, Step},
};

const DEFAULT_STEPS: u64 = 2_000_000;

fn configs() -> impl Strategy<Value = Config> {
    (0_usize..4, prop::bool::weighted(0.85), any::<bool>(), 5_u64..4000).prop_map(
        |(supervisors, escalation, message, longest)| {
            let mut config = config(supervisors);
            config.escalation = escalation;
            config.voicemail = if message { VoicemailPolicy::LeaveMessage } else { VoicemailPolicy::HangUp };
            config.timers.max_duration = Duration::from_secs(longest);
            config
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => (any::<u8>(), prop::bool::weighted(0.1)).prop_map(|(which, again)| Step::Answer { which, again }),
        2 => any::<(u8, u8)>().prop_map(|(what, which)| Step::Anything { what, which }),
        2 => any::<u16>().prop_map(|ms| Step::Wait { ms: ms / 8 }),
        1 => Just(Step::Fire),
    ];
    vec(step, 1..80)
}

#[test]
fn whatever_happens_every_call_holds_what_it_must() {
    let wanted = env::var("WARMLINE_RANDOM_STEPS").map_or(DEFAULT_STEPS, |steps| steps.parse().expect("a number"));
    let taken = Cell::new(0);
    let ends = RefCell::new(BTreeMap::<String, u64>::new());
    let runner = || TestRunner::new(RunnerConfig { cases: 500, failure_persistence: None, ..RunnerConfig::default() });
    while taken.get() < wanted {
        let outcome = runner().run(&(configs(), steps()), |(config, steps)| {
            let mut world = Simulator::new(config);
            steps.into_iter().for_each(|step| world.step(step));
            world.run_out();
            taken.set(taken.get() + world.steps);
            *ends.borrow_mut().entry(world.end()).or_default() += 1;
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("after {} steps: {failure}", taken.get());
        }
    }
    println!("{} random steps; how the calls came out: {:?}", taken.get(), ends.borrow());
    assert!(ends.borrow().keys().any(|end| end.contains("connected")), "random calls must get as far as a merge");
}
