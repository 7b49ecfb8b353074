//! How many conversations a core carries: real rooms, lines, codec, voice detection, turn-taking, runtime and store, with
//! providers that answer at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::ensure;
use futures::future::join_all;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use warmline_telephony::FRAME_TIME;

use crate::{
    Context,
    phone::Phone,
    report::{Row, number},
    speech::{Scripted, say, say_all, voice},
    stand::Stand,
    stats,
};

/// A frame that comes more than so long after its time is late: whoever plays it has had to play silence instead.
const LATE: Duration = FRAME_TIME;

/// Late frames of a hundred that are still good.
const LATE_PERCENT: f64 = 0.5;

/// A talking session of the stack that this replaces takes at least so much of a core, in percent; a tenth is wanted.
const PEER_PERCENT: f64 = 20.0;

/// How many sessions talk at once, step by step.
const STEPS: [usize; 12] = [10, 25, 50, 75, 100, 125, 150, 200, 250, 300, 400, 500];

const SAID: [&str; 3] = [
    "I can't log in to my account since yesterday, and I need it for work.",
    "I tried to reset the password, but the mail never arrives.",
    "It happens on my phone and on my computer as well.",
];

/// What phones notice.
#[derive(Default)]
struct Frames {
    heard: AtomicU64,
    late: AtomicU64,
}

/// One step of the ladder.
struct Step {
    sessions: usize,
    late_percent: f64,
    cores: f64,
    own_cores: f64,
    memory: f64,
    turns: usize,
}

pub(crate) async fn run(context: &Context) -> anyhow::Result<Vec<Row>> {
    let (_, tts) = context.local().await?;
    let said: Arc<[_]> = say_all(&tts, &SAID, &voice(1)).await?.into();
    let reply = say(&tts, "I see, and then?", &voice(0)).await?;
    let stand = Stand::on_exchange(Scripted::speech(reply.into())).await?;
    let frames = Arc::new(Frames::default());
    let before = stats::memory(None)?;
    let (mut phones, mut steps) = (Vec::new(), Vec::<Step>::new());
    for &sessions in context.pick(&STEPS[..], &[3]) {
        while phones.len() < sessions {
            phones.push(start(context, &stand, phones.len(), &said, &frames).await?);
        }
        let step = measure(context, &stand, sessions, &frames).await?;
        let late = step.late_percent > LATE_PERCENT;
        steps.push(step);
        if late {
            break;
        }
    }
    ensure!(steps.iter().any(|step| step.turns > 0), "no turn was answered: nobody talked");
    let open = stand.calls.open_count();
    ensure!(open == phones.len(), "only {open} of {} calls went on", phones.len());
    phones.iter().for_each(JoinHandle::abort);
    join_all(phones).await;
    let mut rows = rows(&steps, before);
    rows.push(local(context, &said).await?);
    Ok(rows)
}

/// A call, and a phone that talks in it.
async fn start(
    context: &Context,
    stand: &Stand,
    number: usize,
    said: &Arc<[Arc<[i16]>]>,
    frames: &Arc<Frames>,
) -> anyhow::Result<JoinHandle<()>> {
    let number = format!("+1555030{number:04}");
    let phone = Phone::open(&stand.exchange, &number)?;
    stand.place(&number).await?;
    Ok(context.load.spawn(talk(phone, Arc::clone(said), Arc::clone(frames))))
}

/// Talks, listens to the answer, and talks again.
async fn talk(mut phone: Phone, said: Arc<[Arc<[i16]>]>, frames: Arc<Frames>) {
    let mut due: Option<Instant> = None;
    let mut silent_since = Instant::now();
    let mut next = 0;
    while let Ok(Some(tick)) = phone.tick().await {
        frames.heard.fetch_add(1, Relaxed);
        // Frames are counted from the earliest: one that came early moves what is due.
        let expected = due.map_or(tick.at, |due| (due + FRAME_TIME).min(tick.at));
        if tick.at - expected > LATE {
            frames.late.fetch_add(1, Relaxed);
        }
        due = Some(expected);
        if tick.audible || !phone.is_silent() {
            silent_since = tick.at;
        }
        if tick.at - silent_since > Duration::from_millis(800) {
            phone.say(&said[next % said.len()]);
            next += 1;
        }
    }
}

async fn measure(context: &Context, stand: &Stand, sessions: usize, frames: &Frames) -> anyhow::Result<Step> {
    sleep(context.pick(Duration::from_secs(4), Duration::from_secs(6))).await;
    let mut events = stand.calls.store().subscribe();
    let (cpu, own, start) = (stats::cpu()?, stats::own_cpu()?, Instant::now());
    let (heard, late) = (frames.heard.load(Relaxed), frames.late.load(Relaxed));
    let end = start + context.pick(Duration::from_secs(12), Duration::from_secs(8));
    let mut turns = 0;
    while let Ok(event) = tokio::time::timeout_at(end, events.recv()).await {
        turns += usize::from(event.is_ok_and(|e| matches!(e.recorded.event, warmline_call::Event::TurnMetrics { .. })));
    }
    let seconds = start.elapsed().as_secs_f64();
    let heard = frames.heard.load(Relaxed) - heard;
    let late = frames.late.load(Relaxed) - late;
    // Frames that never came are as bad as late ones.
    let expected = sessions as f64 * seconds / FRAME_TIME.as_secs_f64();
    let lost = (expected - heard as f64 - 2.0 * sessions as f64).max(0.0);
    Ok(Step {
        sessions,
        late_percent: 100.0 * (late as f64 + lost) / expected,
        cores: (stats::cpu()? - cpu) / seconds,
        own_cores: (stats::own_cpu()? - own) / seconds,
        memory: stats::memory(None)?,
        turns,
    })
}

fn rows(steps: &[Step], before: f64) -> Vec<Row> {
    let ladder: Vec<String> = steps
        .iter()
        .map(|s| {
            format!(
                "{}: {} cores, {} % late, {} turns",
                s.sessions,
                number(s.own_cores),
                number(s.late_percent),
                s.turns
            )
        })
        .collect();
    let good = steps.iter().rev().find(|step| step.late_percent <= LATE_PERCENT);
    let Some(best) = good else {
        let row =
            Row::new("talking sessions a core", "none without late frames").at_least("a core", 0.0, 50.0, "sessions");
        return vec![row.why(ladder.join(" · "))];
    };
    let sessions = best.sessions as f64;
    let (core, percent) = (sessions / best.own_cores, 100.0 * best.own_cores / sessions);
    let memory = (best.memory - before) / sessions;
    let what = "talking sessions a core, providers that answer at once";
    let measured = format!(
        "{} a core: {sessions} sessions took {} cores, {} % of their frames late ({} cores with the phones)",
        number(core),
        number(best.own_cores),
        number(best.late_percent),
        number(best.cores)
    );
    vec![
        Row::new(what, measured)
            .value("sessions_a_core", core)
            .value("sessions_at_once", sessions)
            .value("late_percent", best.late_percent)
            .at_least("a core", core, 50.0, "sessions")
            .at_most("late", best.late_percent, LATE_PERCENT, "%")
            .why(format!("late: more than {} ms after its time; steps {}", LATE.as_millis(), ladder.join(" · "))),
        Row::new("CPU of a talking session", format!("{} % of a core", number(percent)))
            .value("percent_of_a_core", percent)
            .at_most("a session", percent, PEER_PERCENT / 10.0, "% of a core"),
        Row::new("memory of a session", format!("{} MB", number(memory)))
            .value("megabytes", memory)
            .at_most("a session", memory, 2.0, "MB")
            .why(format!(
                "{} MB before, {} MB with {sessions} sessions and their phones",
                number(before),
                number(best.memory)
            )),
    ]
}

/// One call with everything on this machine, recognising and speaking included.
async fn local(context: &Context, said: &Arc<[Arc<[i16]>]>) -> anyhow::Result<Row> {
    let stand = Stand::on_exchange(context.local_speech().await?).await?;
    let frames = Arc::new(Frames::default());
    let phone = start(context, &stand, 0, said, &frames).await?;
    let step = measure(context, &stand, 1, &frames).await?;
    phone.abort();
    let percent = 100.0 * step.own_cores;
    let row = Row::new("CPU of one call with local speech", format!("{} % of a core", number(percent)));
    Ok(row.value("percent_of_a_core", percent).why(format!("{} turns were answered meanwhile", step.turns)))
}
