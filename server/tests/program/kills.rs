//! The program is killed at random moments, with some twenty calls open and more being placed, and started again on the same
//! data: no call that was acknowledged is lost, nobody is dialled twice, and no call is left without an owner.
//!
//! `WARMLINE_KILLS` says how often (`cargo xtask kills`), `WARMLINE_KILLS_SEED` repeats a run's choices.

mod checks;
mod crowd;
mod point;
mod told;

use std::time::Duration;

use futures::future::join_all;

use self::point::{Tally, World};

/// Kills without a wish: as many as CI has time for.
const KILLS: usize = 8;

/// Programs that are killed side by side, each with its own calls.
const PROGRAMS: usize = 4;

/// The start is to take no longer, all but once in a hundred times.
const READY: Duration = Duration::from_secs(1);

/// So many starts that one in a hundred means something.
const ENOUGH: usize = 100;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}: '{text}' is no number")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_a_random_moment_it_loses_no_call_and_dials_nobody_twice() {
    let kills = number("WARMLINE_KILLS").map_or(KILLS, |kills| kills as usize);
    let seed = number("WARMLINE_KILLS_SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    println!("{kills} kills, WARMLINE_KILLS_SEED={seed}");
    let programs = (0..PROGRAMS.min(kills)).map(|n| async move {
        let mut world = World::new(n, seed).await;
        for _ in (n..kills).step_by(PROGRAMS) {
            world.point().await;
        }
        world.done().await
    });
    let tally = join_all(programs).await.into_iter().fold(Tally::default(), Tally::and);
    println!("{tally}");
    assert_eq!(tally.kills(), kills);
    assert!(tally.acknowledged > 10 * kills, "so few calls that nothing was tried: {tally}");
    if kills >= ENOUGH {
        assert!(tally.ready(0.99) <= READY, "{tally}");
    }
}
