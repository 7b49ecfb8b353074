//! Thousands of whole calls through one program: what they leave behind. Personas talk with the agent and with each other, in
//! real time and many at once; speech is the stand-in's.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};
use warmline::calls::Calls;
use warmline_call::{CallId, CallView, OperatorAction, Phase, TransferOutcome};
use warmline_testing::StandIn;

use crate::{
    Context,
    report::{Row, number},
    stand::Stand,
    stats,
};

/// Customers: who asks for a human, talks with one and hangs up, in other words too; who accepts the offer of one; who says
/// goodbye, never mind; who hangs up in each phase; who says nothing; who can't be reached.
const CUSTOMERS: [&str; 16] = [
    "+15550100001",
    "+15550100001",
    "+15550100001",
    "+15550100001",
    "+15550100003",
    "+15550100005",
    "+15550100006",
    "+15550100004",
    "+15550100010",
    "+15550100011",
    "+15550100012",
    "+15550100013",
    "+15550100014",
    "+15550100015",
    "+15550100017",
    "+15550100019",
];

/// One supervisor of so many is told at the console to decline.
const DECLINES: usize = 7;

/// The latest ended calls are kept in memory (1,000): from then on nothing has a reason to grow.
const WARM_UP: usize = 1_100;
/// A second beginning, from idle: so many dials at once take memory that the allocator then keeps, and what is measured begins
/// with them too.
const SECOND: usize = 300;
const CALLS: usize = 2_000;
const AT_ONCE: usize = 150;

/// A call takes less; one that takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(180);

/// What is on its way has arrived by then, or is left behind.
const SETTLED: Duration = Duration::from_secs(30);

/// What is there when no call is.
#[derive(Clone, Copy, Debug)]
struct Inventory {
    megabytes: f64,
    tasks: usize,
    descriptors: usize,
    rooms: usize,
    open: usize,
}

pub(crate) async fn run(context: &Context) -> anyhow::Result<Vec<Row>> {
    let stand = Arc::new(Stand::on_exchange(StandIn::speech()).await?);
    let at_once = context.pick(AT_ONCE, CUSTOMERS.len());
    live(&stand, context.pick(WARM_UP, 0), at_once).await?;
    settled(&stand).await?;
    live(&stand, context.pick(SECOND, 0), at_once).await?;
    let before = settled(&stand).await?;
    let begun = Instant::now();
    let outcomes = live(&stand, context.pick(CALLS, CUSTOMERS.len()), at_once).await?;
    let took = begun.elapsed();
    let after = settled(&stand).await?;
    let calls: usize = outcomes.values().sum();
    let merged =
        outcomes.iter().filter(|(outcome, _)| outcome.ends_with("connected")).map(|(_, calls)| calls).sum::<usize>();
    ensure!(merged > calls / 5, "hardly any call was merged: {outcomes:?}");
    let drift = 100.0 * (after.megabytes - before.megabytes) / before.megabytes;
    let left = |name: &str, before: usize, after: usize, goal: &str| {
        let more = after.saturating_sub(before) as f64;
        Row::new(format!("{name} left by {calls} whole calls"), format!("{} more: {before} → {after}", number(more)))
            .value("left", more)
            .at_most("left", more, 0.0, goal)
    };
    Ok(vec![
        Row::new(
            format!("memory after {calls} whole calls"),
            format!("{} % drift: {} MB → {} MB", number(drift), number(before.megabytes), number(after.megabytes)),
        )
        .value("drift_percent", drift)
        .at_most("drift", drift, 2.0, "%")
        .why(format!(
            "in {} s, {at_once} at once, {merged} of them merged: {outcomes:?}",
            number(took.as_secs_f64().round())
        )),
        left("tasks", before.tasks, after.tasks, "tasks"),
        left("descriptors", before.descriptors, after.descriptors, "descriptors"),
        left("the exchange's rooms", 0, after.rooms, "rooms"),
        left("open calls", 0, after.open, "calls"),
    ])
}

/// Lives so many calls to their ends; how they ended, and what became of their transfers.
async fn live(stand: &Arc<Stand>, calls: usize, at_once: usize) -> anyhow::Result<BTreeMap<String, usize>> {
    let lives = (1..=calls).map(|n| {
        let stand = Arc::clone(stand);
        async move {
            let life = tokio::spawn(async move { tokio::time::timeout(PATIENCE, one(&stand, n)).await });
            life.await?.with_context(|| format!("call {n} did not end within {PATIENCE:?}"))?
        }
    });
    let ends: Vec<String> = stream::iter(lives).buffer_unordered(at_once).try_collect().await?;
    let mut outcomes = BTreeMap::new();
    for end in ends {
        *outcomes.entry(end).or_default() += 1;
    }
    Ok(outcomes)
}

/// A call from its dial to its end.
async fn one(stand: &Stand, n: usize) -> anyhow::Result<String> {
    let call = stand.place_with_escalation(CUSTOMERS[n % CUSTOMERS.len()]).await?;
    let view =
        if n.is_multiple_of(DECLINES) { declined(&stand.calls, &call).await } else { stand.calls.ended(&call).await };
    let view = view.context("a call is not known")?;
    let end = view.end.as_ref().with_context(|| format!("{call} is over without an end"))?;
    ensure!(view.phase == Phase::Ended, "{call} is over in phase {}", view.phase);
    let outcome = view.attempts.last().and_then(|attempt| attempt.outcome).map(TransferOutcome::as_str);
    Ok(format!("{}, {}", end.reason.as_str(), outcome.unwrap_or("no transfer")))
}

/// The same, where the console declines while the supervisor is briefed.
async fn declined(calls: &Calls, call: &CallId) -> Option<CallView> {
    let mut events = calls.store().subscribe();
    loop {
        let view = calls.store().view(call).await?;
        if view.phase == Phase::Briefing {
            let action = OperatorAction::Decline { reason: Some("a meeting".into()) };
            // Whoever has decided meanwhile was first.
            let _ = calls.act(call, action, "bench".into()).await;
            return calls.ended(call).await;
        }
        if view.end.is_some() {
            return Some(view);
        }
        // Whoever has missed events looks at the call all the same.
        while events.recv().await.is_ok_and(|event| event.recorded.call != *call) {}
    }
}

/// What is there once nothing more goes away.
async fn settled(stand: &Stand) -> anyhow::Result<Inventory> {
    let deadline = Instant::now() + SETTLED;
    let mut last = inventory(stand)?;
    loop {
        sleep(Duration::from_secs(2)).await;
        let now = inventory(stand)?;
        let still = now.tasks == last.tasks && now.descriptors == last.descriptors && now.rooms + now.open == 0;
        if still || Instant::now() > deadline {
            return Ok(now);
        }
        last = now;
    }
}

fn inventory(stand: &Stand) -> anyhow::Result<Inventory> {
    Ok(Inventory {
        megabytes: stats::memory(None)?,
        tasks: Handle::current().metrics().num_alive_tasks(),
        descriptors: fs::read_dir("/proc/self/fd")?.count(),
        rooms: stand.exchange.open_rooms(),
        open: stand.calls.open_count(),
    })
}
