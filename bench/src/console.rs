//! How many events a second reach consoles, how late, and what one that reads nothing does to the others.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::ensure;
use futures::StreamExt as _;
use tokio::{
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};
use warmline::store::WrittenDown;
use warmline_call::{CallId, Event, Side, Speaker};
use warmline_telephony::Clock;

use crate::{
    Context,
    report::{Row, number},
    speech::Scripted,
    stand::Stand,
    stats::{self, Samples},
};

/// Events a second that are tried, one after the other.
const RATES: [u64; 9] = [200, 400, 800, 1_200, 1_600, 2_400, 3_200, 4_800, 6_400];

/// Events are written so often, several at a time, as busy calls write them.
const BEAT: Duration = Duration::from_millis(5);

/// A delivery may take so long at the 99th percentile.
const GOOD_MS: f64 = 50.0;

/// One console in so many measures how late events are; the others only count them.
const SAMPLED: usize = 20;

/// How little a stalled console's system takes in before it is full.
const TINY_BUFFER: u32 = 4_096;

/// What consoles saw.
struct Seen {
    start: Instant,
    deliveries: AtomicU64,
    delays: Mutex<Vec<f64>>,
}

/// What came of a rate.
struct Step {
    rate: f64,
    delivered: f64,
    expected: f64,
    own_cores: f64,
    delays: Samples,
}

pub(crate) async fn run(context: &Context) -> anyhow::Result<Vec<Row>> {
    let stand = Stand::on_busy_network(Scripted::speech(Arc::from([0; 320])), true).await?;
    let address = stand.serve().await?;
    let call = place(&stand).await?;
    let seen = Arc::new(Seen { start: Instant::now(), deliveries: AtomicU64::new(0), delays: Mutex::default() });
    let consoles = context.pick(200, 8);
    let mut tasks = Vec::new();
    for number in 0..consoles {
        tasks.push(console(context, address, &seen, number % SAMPLED == 0).await?);
    }
    let mut steps = Vec::<Step>::new();
    for &rate in context.pick(&RATES[..], &RATES[..1]) {
        let step = measure(context, &stand, &call, &seen, rate, consoles).await?;
        let good = step.is_good();
        steps.push(step);
        if !good {
            break;
        }
    }
    let rows =
        vec![rate_row(&steps, consoles)?, stalled_row(context, &stand, &call, &seen, address, &steps, consoles).await?];
    let gone = tasks.iter().filter(|task| task.is_finished()).count();
    ensure!(gone == 0, "{gone} consoles were closed");
    tasks.iter().for_each(JoinHandle::abort);
    Ok(rows)
}

/// A call in the log that nobody is on.
async fn place(stand: &Stand) -> anyhow::Result<CallId> {
    let call = CallId::from_bits(1);
    let placed = Event::CallPlaced {
        phone_number: "+15550100001".into(),
        name: None,
        language: "en".into(),
        emotion: "Calm".into(),
        has_dynamic_instruction: false,
        escalation_enabled: false,
    };
    let placed = stand.calls.store().place(&call, Clock::start().now(), placed, None).await?;
    ensure!(matches!(placed, WrittenDown::New(_)), "the call was there already");
    Ok(call)
}

async fn connect(address: SocketAddr, buffer: Option<u32>) -> anyhow::Result<WebSocketStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    let stream = socket.connect(address).await?;
    Ok(client_async(format!("ws://{address}/ws/console"), stream).await?.0)
}

/// A console that reads. Connected when this returns; it has its snapshot.
async fn console(
    context: &Context,
    address: SocketAddr,
    seen: &Arc<Seen>,
    sampled: bool,
) -> anyhow::Result<JoinHandle<()>> {
    let seen = Arc::clone(seen);
    let socket = context.load.spawn(connect(address, None)).await??;
    Ok(context.load.spawn(read(socket, seen, sampled)))
}

async fn read(mut socket: WebSocketStream<TcpStream>, seen: Arc<Seen>, sampled: bool) {
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        if !text.starts_with(r#"{"type":"event""#) {
            continue;
        }
        seen.deliveries.fetch_add(1, Relaxed);
        if sampled && let Some(written) = written(&text) {
            let delay = seen.start.elapsed().as_secs_f64() * 1_000.0 - written;
            seen.delays.lock().unwrap_or_else(PoisonError::into_inner).push(delay);
        }
    }
}

/// The moment an event was handed to the store, in milliseconds: it is what the event says.
fn written(text: &str) -> Option<f64> {
    let stamp = text.split_once("stamp ")?.1;
    stamp.split(' ').next()?.parse().ok()
}

fn partial(stamp: f64) -> Event {
    Event::Utterance {
        side: Side::Call,
        speaker: Speaker::Customer,
        utterance: 1,
        text: format!("stamp {stamp:.3} and about as much text as somebody says in one breath").into(),
        r#final: false,
        interrupted: false,
        started_at: Clock::start().now(),
        ended_at: None,
    }
}

/// Writes events at a rate and sees when they arrive.
async fn measure(
    context: &Context,
    stand: &Stand,
    call: &CallId,
    seen: &Seen,
    rate: u64,
    consoles: usize,
) -> anyhow::Result<Step> {
    seen.delays.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let (before, own, start) = (seen.deliveries.load(Relaxed), stats::own_cpu()?, Instant::now());
    let time = context.pick(Duration::from_secs(4), Duration::from_millis(500));
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut events: u64 = 0;
    while start.elapsed() < time {
        beats.tick().await;
        let due = ((start.elapsed().as_secs_f64() * rate as f64) as u64).saturating_sub(events);
        if due == 0 {
            continue;
        }
        let stamp = seen.start.elapsed().as_secs_f64() * 1_000.0;
        let written = (0..due).map(|_| partial(stamp)).collect();
        stand.calls.store().append(call, Clock::start().now(), written).await?;
        events += due;
    }
    let expected = events * consoles as u64;
    // What is still on its way arrives, or it is missing.
    let patience = Instant::now() + Duration::from_secs(3);
    while seen.deliveries.load(Relaxed) - before < expected && Instant::now() < patience {
        sleep(Duration::from_millis(2)).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    let delays = std::mem::take(&mut *seen.delays.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Step {
        rate: events as f64 / seconds,
        delivered: (seen.deliveries.load(Relaxed) - before) as f64 / seconds,
        expected: expected as f64 / seconds,
        own_cores: (stats::own_cpu()? - own) / seconds,
        delays: Samples::of(delays),
    })
}

impl Step {
    fn is_good(&self) -> bool {
        self.delivered >= self.expected && self.delays.at(0.99) <= GOOD_MS
    }

    fn show(&self) -> String {
        let missing = self.expected - self.delivered;
        let missing = if missing > 0.0 { format!(", {} a second missing", number(missing)) } else { String::new() };
        format!("{} a second at p99 {} ms{missing}", number(self.delivered), number(self.delays.at(0.99)))
    }
}

fn best(steps: &[Step]) -> Option<&Step> {
    steps.iter().rev().find(|step| step.is_good())
}

fn rate_row(steps: &[Step], consoles: usize) -> anyhow::Result<Row> {
    let shown: Vec<String> = steps.iter().map(Step::show).collect();
    let Some(best) = best(steps) else {
        let row = Row::new("console deliveries a second and core", "none in time");
        return Ok(row.at_least("rate", 0.0, 250_000.0, "a second and core").why(shown.join(" · ")));
    };
    let core = best.delivered / best.own_cores;
    let measured = format!(
        "{} a second and core: {} a second to {consoles} consoles on {} cores; delay {}",
        number(core),
        number(best.delivered),
        number(best.own_cores),
        best.delays.show()
    );
    Ok(Row::new("console deliveries a second and core", measured)
        .value("a_second_and_core", core)
        .value("a_second", best.delivered)
        .value("p99_ms", best.delays.at(0.99))
        .at_least("rate", core, 250_000.0, "a second and core")
        .at_most("p99", best.delays.at(0.99), GOOD_MS, "ms")
        .why(format!(
            "from the write, on disk, to the client; the clients' own cores are not counted; {}",
            shown.join(" · ")
        )))
}

/// The same rate with and without a console that reads nothing.
async fn stalled_row(
    context: &Context,
    stand: &Stand,
    call: &CallId,
    seen: &Seen,
    address: SocketAddr,
    steps: &[Step],
    consoles: usize,
) -> anyhow::Result<Row> {
    let rate = best(steps).map_or(RATES[0], |step| (step.rate / 2.0) as u64).max(1);
    let without = measure(context, stand, call, seen, rate, consoles).await?;
    let stalled = context.load.spawn(connect(address, Some(TINY_BUFFER))).await??;
    let with = measure(context, stand, call, seen, rate, consoles).await?;
    drop(stalled);
    let (usual, p99) = (without.delays.at(0.99), with.delays.at(0.99));
    let measured = format!("{} with it; {} without", with.show(), without.show());
    Ok(Row::new("a console that reads nothing, and the others", measured)
        .value("p99_with_ms", p99)
        .value("p99_without_ms", usual)
        .at_most("p99 with it", p99, usual * 1.25 + 2.0, "ms")
        .at_most("missing", (with.expected - with.delivered).max(0.0), 0.0, "a second"))
}
