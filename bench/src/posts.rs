//! Durable, idempotent POSTs a second, and pages of the list a second, against the real server.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{bail, ensure};
use futures::{
    FutureExt as _,
    future::{BoxFuture, try_join_all},
};
use tokio::time::Instant;

use crate::{
    Context,
    http::{Answer, Client},
    peer::{self, Peer},
    report::{Row, number},
    speech::Scripted,
    stand::Stand,
    stats::{self, Samples},
};

const PATH: &str = "/calls/outbound-with-escalation";
const BODY: &str = r#"{"phone_number":"+15550100001","name":"Jordan","dynamic_instruction":"You are calling about a support ticket."}"#;

/// What some connections got done together.
struct Done {
    times: Samples,
    seconds: f64,
    own_cores: f64,
    /// Bytes of the last answer.
    length: usize,
}

pub(crate) async fn posts(context: &Context) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (fsync, goal) in [(true, 5_000.0), (false, 12_000.0)] {
        let how = if fsync { "with fsync" } else { "without fsync" };
        let stand = Stand::on_busy_network(Scripted::speech(Arc::from([0; 320])), fsync).await?;
        let address = stand.serve().await?;
        check(address).await?;
        let ours = hammer(context, address, context.pick(128, 8), keyed_posts()).await?;
        stand.all_ended().await?;
        drop(stand);
        let row = ours.row(
            &format!("durable, idempotent POSTs a second, {how}"),
            goal,
            "what becomes of a call that is busy is written too, here and there",
        );
        let Some(peer) = Peer::start(fsync).await? else {
            rows.push(row);
            let not =
                format!("not measured: no Python with {} (pip install them into the target's venv)", peer::PACKAGES);
            rows.push(Row::new(format!("the same of FastAPI and SQLite, {how}"), not));
            continue;
        };
        let theirs = hammer(context, peer.address, context.pick(128, 8), keyed_posts()).await?;
        rows.push(row.at_least("times FastAPI", ours.a_second() / theirs.a_second(), 4.0, "times"));
        let what = format!("the same of FastAPI and SQLite, {how}");
        rows.push(Row::new(what, theirs.show()).value("a_second", theirs.a_second()));
    }
    Ok(rows)
}

/// One call after the other, each with a key of its own.
fn keyed_posts() -> impl Fn(Client) -> BoxFuture<'static, anyhow::Result<(Client, Answer)>> + Clone + Send + 'static {
    let keys = Arc::new(AtomicUsize::new(0));
    move |mut client| {
        let key = keys.fetch_add(1, Relaxed);
        async move {
            let answer = client.post(PATH, &format!("idempotency-key: bench-{key}\r\n"), BODY).await?;
            Ok((client, answer))
        }
        .boxed()
    }
}

pub(crate) async fn list(context: &Context) -> anyhow::Result<Vec<Row>> {
    let stand = Stand::on_busy_network(Scripted::speech(Arc::from([0; 320])), false).await?;
    let address = stand.serve().await?;
    let mut client = Client::connect(address).await?;
    for _ in 0..context.pick(500, 60) {
        ensure!(client.post(PATH, "", BODY).await?.status == 200, "a call could not be placed");
    }
    stand.all_ended().await?;
    let done = hammer(context, address, context.pick(32, 4), |mut client| async move {
        let answer = client.get("/calls?limit=50").await?;
        Ok((client, answer))
    })
    .await?;
    let note = format!("an answer has {} kB", number(done.length as f64 / 1_000.0));
    Ok(vec![done.row("pages of 50 calls a second", 8_000.0, &note)])
}

/// The same key gives the same answer, and another request with it is refused: otherwise the rate would be of something
/// else.
async fn check(address: SocketAddr) -> anyhow::Result<()> {
    let mut client = Client::connect(address).await?;
    let key = "idempotency-key: check\r\n";
    let first = client.post(PATH, key, BODY).await?;
    let second = client.post(PATH, key, BODY).await?;
    ensure!(first.status == 200 && second.status == 200, "POSTs are answered {} and {}", first.status, second.status);
    ensure!(second.head.contains("idempotent-replayed: true"), "the second answer was not a replay");
    let other = client.post(PATH, key, r#"{"phone_number":"+15550100003"}"#).await?;
    ensure!(other.status == 422, "a key was used twice, and the answer is {}", other.status);
    Ok(())
}

/// Requests on so many connections at once, as fast as they are answered.
async fn hammer<F, Fut>(context: &Context, address: SocketAddr, connections: usize, request: F) -> anyhow::Result<Done>
where
    F: Fn(Client) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = anyhow::Result<(Client, Answer)>> + Send,
{
    let (warm_up, measured) = context.pick((1_000, 5_000), (100, 300));
    let begin = Instant::now() + Duration::from_millis(warm_up);
    let end = begin + Duration::from_millis(measured);
    let tasks = (0..connections).map(|_| {
        let request = request.clone();
        context.load.spawn(async move {
            let mut client = Client::connect(address).await?;
            let (mut times, mut length) = (Vec::new(), 0);
            loop {
                let start = Instant::now();
                if start >= end {
                    return anyhow::Ok((times, length));
                }
                let answer;
                (client, answer) = request(client).await?;
                if answer.status != 200 {
                    bail!("an answer is {}", answer.status);
                }
                length = answer.length;
                if start >= begin {
                    times.push(start.elapsed().as_secs_f64() * 1_000.0);
                }
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    tokio::time::sleep_until(begin).await;
    let own = stats::own_cpu()?;
    tokio::time::sleep_until(end).await;
    let own_cores = (stats::own_cpu()? - own) / (end - begin).as_secs_f64();
    let (mut times, mut length) = (Vec::new(), 0);
    for result in try_join_all(tasks).await? {
        let (some, last) = result?;
        times.extend(some);
        length = last;
    }
    Ok(Done { times: Samples::of(times), seconds: (end - begin).as_secs_f64(), own_cores, length })
}

impl Done {
    fn a_second(&self) -> f64 {
        self.times.len() as f64 / self.seconds
    }

    fn show(&self) -> String {
        format!("{} a second; {}", number(self.a_second()), self.times.show())
    }

    fn row(&self, what: &str, goal: f64, note: &str) -> Row {
        let rate = self.a_second();
        let each = self.own_cores / rate * 1e6;
        Row::new(what, self.show())
            .value("a_second", rate)
            .value("p99_ms", self.times.at(0.99))
            .value("server_cores", self.own_cores)
            .at_least("rate", rate, goal, "a second")
            .why(format!(
                "the server took {} of {} cores, {} µs each; the clients run on the same cores; {note}",
                number(self.own_cores),
                stats::cores(),
                number(each)
            ))
    }
}
