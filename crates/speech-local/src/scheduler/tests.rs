use std::future::Future;

use futures::{FutureExt, poll};
use tokio::time::{advance, sleep};

use super::*;

fn ask(need: Need) -> Ask {
    Ask { kind: Kind::Recognition, need, partial: false, speech: 2.0 }
}

fn partial() -> Ask {
    Ask { partial: true, ..ask(Need::now()) }
}

fn in_seconds(seconds: u64) -> Need {
    Need::by(Instant::now() + Duration::from_secs(seconds))
}

/// Its place is in the queue from now on.
async fn queued<'a>(scheduler: &'a Scheduler, ask: Ask) -> impl Future<Output = Result<Worker, SpeechError>> + use<'a> {
    let mut waiting = Box::pin(scheduler.worker(ask));
    assert!(poll!(&mut waiting).is_pending());
    waiting
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_first_is_computed_first_and_speculation_after_all_of_it() {
    let scheduler = Scheduler::new(1);
    let first = scheduler.worker(ask(Need::now())).await.unwrap();
    let perhaps = Need::speculative();
    let mut waiting = Vec::new();
    for (name, need) in [
        ("perhaps", perhaps.clone()),
        ("never", Need::speculative()),
        ("later", in_seconds(3)),
        ("soon", in_seconds(1)),
        ("now", Need::now()),
    ] {
        let place = queued(&scheduler, ask(need)).await;
        waiting.push(async move { (name, place.await) }.boxed());
    }
    // The turn is over: the reply that was made on speculation is waited for.
    perhaps.raise(Instant::now() + Duration::from_secs(2));
    drop(first);
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let ((name, worker), _, rest) = futures::future::select_all(waiting).await;
        order.push(name);
        waiting = rest;
        drop(worker.unwrap());
    }
    assert_eq!(order, ["now", "soon", "perhaps", "later", "never"]);
}

#[tokio::test(start_paused = true)]
async fn partials_are_left_out_where_somebody_waits_and_nothing_else_ever_is() {
    let scheduler = Scheduler::new(2);
    let workers =
        [scheduler.worker(ask(Need::now())).await.unwrap(), scheduler.worker(ask(Need::now())).await.unwrap()];
    let for_show = queued(&scheduler, partial()).await;
    assert!(!scheduler.is_pressed());
    let mut waiting = Vec::new();
    for _ in 0..50 {
        waiting.push(queued(&scheduler, ask(Need::now())).await);
        waiting.push(queued(&scheduler, ask(Need::speculative())).await);
    }
    assert!(scheduler.is_pressed());
    assert_eq!(for_show.await.err(), Some(busy()), "the partial makes room");
    assert_eq!(scheduler.worker(partial()).await.err(), Some(busy()), "and no other comes in");
    // However long it takes.
    sleep(Duration::from_secs(3_600)).await;
    drop(workers);
    for worker in futures::future::join_all(waiting.into_iter().map(|w| async { drop(w.await.unwrap()) })).await {
        let () = worker;
    }
    let load = scheduler.load();
    assert_eq!((load.busy, load.waiting, load.shed_partials, load.late), (0, 0, 2, 50));
}

#[tokio::test(start_paused = true)]
async fn a_partial_waits_for_a_worker_until_it_is_out_of_date() {
    let scheduler = Scheduler::new(2);
    let workers =
        [scheduler.worker(ask(Need::now())).await.unwrap(), scheduler.worker(ask(Need::now())).await.unwrap()];
    let start = Instant::now();
    assert_eq!(scheduler.worker(partial()).await.err(), Some(busy()));
    assert_eq!(start.elapsed(), PARTIAL_PATIENCE);
    let waiting = queued(&scheduler, partial()).await;
    drop(workers);
    assert!(waiting.await.is_ok());
    assert_eq!(scheduler.load().shed_partials, 1);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_leaves_a_worker_free() {
    let scheduler = Scheduler::new(2);
    let speculation = scheduler.worker(ask(Need::speculative())).await.unwrap();
    let _second = queued(&scheduler, ask(Need::speculative())).await;
    let _for_show = queued(&scheduler, partial()).await;
    assert!(scheduler.worker(ask(Need::now())).now_or_never().is_some());
    drop(speculation);
}

#[tokio::test(start_paused = true)]
async fn places_that_are_given_up_are_free_again_and_speculation_among_them_is_counted() {
    let scheduler = Scheduler::new(1);
    let worker = scheduler.worker(ask(Need::now())).await.unwrap();
    drop(queued(&scheduler, ask(Need::now())).await);
    drop(queued(&scheduler, ask(Need::speculative())).await);
    // Its turn comes, but it is gone before it takes it.
    let late = queued(&scheduler, ask(Need::now())).await;
    drop(worker);
    drop(late);
    let load = scheduler.load();
    assert_eq!((load.busy, load.waiting, load.shed_speculative, load.shed_partials), (0, 0, 1, 0));
    assert!(scheduler.worker(ask(Need::now())).now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn the_expected_wait_is_what_is_before_and_no_call_is_taken_on_while_it_is_too_long() {
    let scheduler = Scheduler::new(2);
    assert_eq!(scheduler.load().expected_wait, Duration::ZERO);
    let workers =
        [scheduler.worker(ask(Need::now())).await.unwrap(), scheduler.worker(ask(Need::now())).await.unwrap()];
    let before = scheduler.load();
    assert!(before.expected_wait > Duration::ZERO && !before.overloaded && before.has_room(1), "{before:?}");
    let _speculation = queued(&scheduler, ask(Need::speculative())).await;
    assert_eq!(scheduler.load().expected_wait, before.expected_wait, "speculation holds up nobody");
    let mut waiting = Vec::new();
    for _ in 0..6 {
        waiting.push(queued(&scheduler, ask(Need::now())).await);
    }
    let pressed = scheduler.load();
    assert!(
        pressed.expected_wait >= Duration::from_secs(1) && pressed.overloaded && !pressed.has_room(0),
        "{pressed:?}"
    );
    drop(waiting);
    drop(workers);
    assert!(scheduler.load().overloaded, "for a while yet");
    advance(Duration::from_secs(5)).await;
    assert!(!scheduler.load().overloaded);
}

#[tokio::test(start_paused = true)]
async fn estimates_may_be_wrong_but_an_overdue_wait_is_seen() {
    let scheduler = Scheduler::new(1);
    let short = Ask { speech: 0.0, ..ask(Need::now()) };
    let _worker = scheduler.worker(short.clone()).await.unwrap();
    let _waiting = queued(&scheduler, short).await;
    advance(Duration::from_secs(7)).await;
    assert!(scheduler.load().expected_wait >= Duration::from_secs(7) && scheduler.load().overloaded);
}

#[tokio::test(start_paused = true)]
async fn rates_and_failures_are_counted() {
    let scheduler = Scheduler::new(1);
    scheduler.worker(ask(Need::now())).await.unwrap().done(Kind::Synthesis, 3.0);
    scheduler.worker(ask(Need::now())).await.unwrap().failed();
    drop(scheduler.worker(ask(Need::now())).await.unwrap());
    let load = scheduler.load();
    assert_eq!((load.done, load.failed), (1, 1));
    assert!(load.synthesis_rate < Scheduler::new(1).load().synthesis_rate, "no time for three seconds of speech");
}
