//! The log is not on anybody's way: a standard error that is closed, or that nobody reads, holds up no request and no end.

use rustix::process::Signal;

use crate::program::{Errors, Program};

/// More lines than fit into a pipe and into the log's buffer: each request writes at least one.
const REQUESTS: usize = 6_000;

fn chatty() -> Vec<(&'static str, String)> {
    vec![("WARMLINE_LOG", "debug".to_owned())]
}

async fn next_with(lines: &mut Errors, words: &str) -> String {
    let found = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("the log goes on");
            if line.contains(words) {
                return line;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), found)
        .await
        .unwrap_or_else(|_| panic!("no line has '{words}'"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_reads_holds_up_nothing_and_says_later_what_was_lost() {
    let (mut program, mut lines) = Program::start_unread(chatty()).await;
    for n in 0..REQUESTS {
        assert!(program.is_healthy().await, "request {n}");
    }
    program.try_a_call().await;
    // Somebody reads again.
    let told = next_with(&mut lines, "log lines were dropped").await;
    let dropped = program.text("/metrics").await;
    let counted = dropped.lines().find_map(|line| line.strip_prefix("warmline_log_lines_dropped_total ")).unwrap();
    assert!(counted.parse::<u64>().unwrap() > 0, "{told}: {counted}");
    // And nobody again: the end does not wait for them.
    for _ in 0..1_000 {
        assert!(program.is_healthy().await);
    }
    program.signal(Signal::TERM);
    assert_eq!(program.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_closed_holds_up_nothing() {
    let (mut program, lines) = Program::start_unread(chatty()).await;
    drop(lines);
    for n in 0..50 {
        assert!(program.is_healthy().await, "request {n}");
    }
    program.try_a_call().await;
    program.signal(Signal::TERM);
    assert_eq!(program.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_is_closed_ends_nothing() {
    let (mut program, mut lines) = Program::start_unread(Vec::new()).await;
    for _ in 0..2 {
        program.signal(Signal::HUP);
        next_with(&mut lines, "SIGHUP").await;
        assert!(program.is_healthy().await);
    }
    program.signal(Signal::TERM);
    next_with(&mut lines, "Warmline has stopped").await;
    assert_eq!(program.ended().await, Some(0));
}
