//! What participants cost that talk and listen: one to a hundred in a process of their own, beside LiveKit's Python SDK
//! doing the same, on one server in the same run.

use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::Context as _;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{sleep, timeout},
};
use warmline_livekit::{AutoSubscribe, Options, Participant, TrackOptions};

use super::{
    server::{Server, python},
    subject::{TALKER, voice},
};
use crate::{
    Context,
    report::{Row, number},
    stats::{self, Samples},
};

/// Participants that listen to one talker, and are in one room with it.
const A_ROOM: usize = 10;

/// Frames of a hundred that may be late or missing.
const LATE_PERCENT: f64 = 0.5;

/// A process in which so many are late has had more than it can do: more participants would say nothing.
const HOPELESS_PERCENT: f64 = 5.0;

const PATIENCE: Duration = Duration::from_secs(60);

/// A process of participants.
struct Subject {
    name: &'static str,
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    joined: Samples,
    /// Megabytes before the first joined.
    base: f64,
}

/// What was measured with so many participants.
struct Step {
    participants: usize,
    /// Cores of the process, and of the server meanwhile.
    cores: f64,
    server: f64,
    megabytes: f64,
    late_percent: f64,
    sound_percent: f64,
}

pub(crate) async fn run(context: &Context, server: &Server) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let url = server.url();
    let mut ours = Command::new(std::env::current_exe()?);
    ours.args(["--participants-at", &url]);
    rows.extend(ladder(context, server, Subject::start(OURS, ours).await?, &[1, 10, 50, 100]).await?);
    let Some(python) = python() else {
        let how = "not measured: cargo xtask livekit installs it";
        rows.push(Row::new("the same with LiveKit's Python SDK", how));
        return Ok(rows);
    };
    let mut sdk = Command::new(python);
    sdk.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("participants.py")).arg(&url);
    rows.extend(ladder(context, server, Subject::start("Python SDK", sdk).await?, &[1, 10, 50, 100]).await?);
    Ok(rows)
}

async fn ladder(context: &Context, server: &Server, mut subject: Subject, steps: &[usize]) -> anyhow::Result<Vec<Row>> {
    let (mut talkers, mut measured, mut beyond) = (Vec::new(), Vec::<Step>::new(), None);
    for &participants in context.pick(steps, &[1]) {
        match subject.step(context, server, participants, &mut talkers).await {
            Ok(step) => measured.push(step),
            Err(error) => {
                beyond = Some(Row::new(subject.what(participants), format!("more than it can do: {error:#}")));
                break;
            }
        }
        if measured.last().is_some_and(|step| step.late_percent > HOPELESS_PERCENT) {
            break;
        }
    }
    let mut rows = subject.rows(&measured);
    rows.extend(beyond);
    subject.end().await;
    for talker in talkers {
        talker.close().await;
    }
    Ok(rows)
}

/// Somebody of this process who talks in a room, and hears nobody.
async fn talker(server: &Server, room: &str) -> anyhow::Result<Participant> {
    let mut options = Options::new(server.url(), server.token(room, TALKER)?);
    options.subscribe = AutoSubscribe::Nothing;
    let (talker, events) = Participant::connect(options).await?;
    // Nobody reads what happens in the room: without a receiver nothing is kept of it.
    drop(events);
    talker.publish_source(TrackOptions::new("voice"), voice()).await?;
    Ok(talker)
}

impl Subject {
    async fn start(name: &'static str, mut command: Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("the process for {name} cannot be started"))?;
        let orders = child.stdin.take().context("no standard input")?;
        let answers = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let mut subject = Self { name, child, orders, answers, joined: Samples::default(), base: 0.0 };
        // When it answers it has loaded what it needs before anybody joins.
        subject.order("measure 0.1").await?;
        subject.base = stats::memory(Some(subject.process()?))?;
        Ok(subject)
    }

    fn process(&self) -> anyhow::Result<u32> {
        self.child.id().with_context(|| format!("the process for {} has ended", self.name))
    }

    async fn order(&mut self, order: &str) -> anyhow::Result<Value> {
        self.orders.write_all(format!("{order}\n").as_bytes()).await?;
        let answer = timeout(PATIENCE, self.answers.next_line()).await.context("no answer in a minute")??;
        Ok(serde_json::from_str(&answer.with_context(|| format!("the process for {} has ended", self.name))?)?)
    }

    /// Lets so many be there, and measures.
    async fn step(
        &mut self,
        context: &Context,
        server: &Server,
        participants: usize,
        talkers: &mut Vec<Participant>,
    ) -> anyhow::Result<Step> {
        while self.joined.len() < participants {
            let n = self.joined.len();
            let room = format!("{}-{}", self.name, n / A_ROOM);
            if n.is_multiple_of(A_ROOM) {
                talkers.push(talker(server, &room).await?);
            }
            let joined = self.order(&format!("join {}", server.token(&room, &format!("p{n}"))?)).await?;
            self.joined.push(joined["joined_ms"].as_f64().context("no time")?);
        }
        sleep(context.pick(Duration::from_secs(3), Duration::from_millis(500))).await;
        self.measure(server, participants, context.pick(10.0, 1.0)).await
    }

    fn what(&self, participants: usize) -> String {
        format!("{}: {participants} participants in one process, talking and listening", self.name)
    }

    async fn measure(&mut self, server: &Server, participants: usize, seconds: f64) -> anyhow::Result<Step> {
        let processes = [self.process()?, server.process().context("livekit-server has ended")?];
        let cpu = || processes.map(|process| stats::cpu_of(process).unwrap_or(f64::NAN));
        let before = cpu();
        let told = self.order(&format!("measure {seconds}")).await?;
        let after = cpu();
        let value = |name: &str| told[name].as_f64().with_context(|| format!("nothing was told of {name}"));
        let passed = value("seconds")?;
        let expected = passed * 50.0 * participants as f64;
        // Frames that never came are as bad as late ones; one may be under way at either end.
        let lost = (expected - value("heard")? - 2.0 * participants as f64).max(0.0);
        Ok(Step {
            participants,
            cores: (after[0] - before[0]) / passed,
            server: (after[1] - before[1]) / passed,
            megabytes: stats::memory(Some(processes[0]))?,
            late_percent: 100.0 * (value("late")? + lost) / expected,
            sound_percent: 100.0 * value("sound")? / expected,
        })
    }

    /// Lets everybody leave.
    async fn end(mut self) {
        drop(self.orders);
        let _ = timeout(Duration::from_secs(10), self.child.wait()).await;
    }

    fn rows(&self, steps: &[Step]) -> Vec<Row> {
        let mut rows = Vec::new();
        for step in steps {
            let (count, percent) = (step.participants as f64, 100.0 * step.cores / step.participants as f64);
            let megabytes = (step.megabytes - self.base) / count;
            let measured = format!(
                "{} % of a core and {} MB each · {} % of the frames late or lost",
                number(percent),
                number(megabytes),
                number(step.late_percent)
            );
            let mut row = Row::new(self.what(step.participants), measured)
                .value("participants", count)
                .value("percent_of_a_core_each", percent)
                .value("megabytes_each", megabytes)
                .value("late_percent", step.late_percent)
                .value("server_cores", step.server);
            if self.name == OURS && step.participants >= 50 {
                row = row
                    .at_least("a core", count / step.cores, 50.0, "participants")
                    .at_most("late", step.late_percent, LATE_PERCENT, "%")
                    .at_most("memory", megabytes, 2.0, "MB each");
            }
            rows.push(row.why(format!(
                "{} MB in all, {} before the first joined; {} % of the frames had sound; the server took {} cores",
                number(step.megabytes),
                number(self.base),
                number(step.sound_percent),
                number(step.server)
            )));
        }
        if !self.joined.is_empty() {
            let row = Row::times(format!("{}: joining a room, until media flows", self.name), &self.joined);
            rows.push(row.why("one after the other, on loopback"));
        }
        rows
    }
}

/// The name of ours, which the goals are for.
const OURS: &str = "Warmline";
