//! Recordings on a disk that does not answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod support;

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use support::*;
use tokio::time::{sleep, timeout};
use warmline_call::{Left, LeftCause, LegFact, LegRef};
use warmline_exchange::{Exchange, ExchangeOptions};

/// How long what waits for no disk may take on a machine that has other work.
const SOON: Duration = Duration::from_secs(5);

/// A file that whoever opens it waits for, until it is dropped: a pipe that nobody reads.
struct StuckFile(PathBuf);

impl StuckFile {
    fn new(path: PathBuf) -> Self {
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        Self(path)
    }
}

impl Drop for StuckFile {
    fn drop(&mut self) {
        // Open both ways, it waits for nobody, and lets whoever has waited go on, to no avail.
        drop(OpenOptions::new().read(true).write(true).open(&self.0));
    }
}

/// Waits until somebody has heard so many frames more.
async fn hears_on(talker: &Talker, frames: usize) {
    let enough = talker.heard().len() + frames;
    let heard = async {
        while talker.heard().len() < enough {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, heard).await.expect("the phone hears what is said to it");
}

fn recorded(dir: &Path, leg: &str, what: &str) -> Vec<i16> {
    let reader = hound::WavReader::open(dir.join(format!("{}-{leg}-{what}.wav", call()))).unwrap();
    reader.into_samples().collect::<Result<_, _>>().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_answer_holds_up_no_tick_no_hang_up_and_no_other_recording() {
    let dir = tempfile::tempdir().unwrap();
    let stuck = StuckFile::new(dir.path().join(format!("{}-supervisor-1-heard.wav", call())));
    let exchange = Exchange::new(ExchangeOptions { record: Some(dir.path().to_owned()), ..options() });
    let customer = Talker::on(exchange.register_phone(CUSTOMER).unwrap(), 1_150.0);
    let supervisor = Talker::on(exchange.register_phone(SUPERVISOR).unwrap(), 1_850.0);
    let room = open(&exchange).await;
    let mut to_customer = room.dial(to(LegRef::Customer, CUSTOMER)).await.unwrap();
    let mut to_supervisor = room.dial(to(LegRef::Supervisor(1), SUPERVISOR)).await.unwrap();
    answered(&mut to_customer).await;
    answered(&mut to_supervisor).await;
    let (_to_nobody, _nor_that) = (keep(to_customer.line.ear), keep(to_supervisor.line.ear));
    room.merge().await.unwrap();
    // A second of it and more: by then its file is being written to.
    hears_on(&supervisor, 75).await;

    let hang_up = tokio::spawn({
        let room = Arc::clone(&room);
        async move { room.hang_up(LegRef::Supervisor(1)).await }
    });
    timeout(SOON, hang_up).await.expect("a hang-up waits for no disk").unwrap();
    let released = Some(LegFact::Left(Left { cause: LeftCause::Released, sip_status: None }));
    assert_eq!(fact(&mut to_supervisor.progress).await, released);
    hears_on(&customer, 75).await;
    let close = tokio::spawn(async move { room.close().await });
    timeout(SOON, close).await.expect("nor does the end").unwrap();

    assert!(timeout(Duration::from_millis(200), exchange.recorded()).await.is_err(), "one is not on disk");
    drop(stuck);
    exchange.recorded().await;
    let (heard, said) = (recorded(dir.path(), "customer", "heard"), recorded(dir.path(), "customer", "said"));
    assert!(heard.len() == said.len() && heard.len() >= 150 * 320, "{} heard, {} said", heard.len(), said.len());
    assert!(amplitude(&heard[16_000..24_000], 1_850.0) > 2_000.0, "the customer's phone heard the supervisor");
    assert!(amplitude(&said[16_000..24_000], 1_150.0) > 2_000.0, "and said this");
}
