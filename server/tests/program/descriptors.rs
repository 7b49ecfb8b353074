//! More connections than the process may have descriptors.

use std::time::Duration;

use tokio::{io::AsyncWriteExt, net::TcpStream, process::Command, time::timeout};

use crate::program::Program;

/// Open files that the program may have; the test has more.
const DESCRIPTORS: usize = 256;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_say_nothing_take_no_descriptor_from_anybody() {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {DESCRIPTORS} && exec \"$0\""), env!("CARGO_BIN_EXE_warmline")]);
    let (program, mut lines) = Program::start_as(shell, Vec::new()).await;
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let mut silent = Vec::new();
    for n in 0..2 * DESCRIPTORS {
        let mut stream =
            timeout(Duration::from_secs(30), TcpStream::connect(program.address())).await.unwrap().unwrap();
        stream.write_all(&b"PRI * HTTP/2"[..n % 12]).await.unwrap();
        silent.push(stream);
        if n % 32 == 0 {
            assert!(program.is_healthy().await, "with {n} others");
        }
    }
    assert!(program.is_healthy().await);
    program.try_a_call().await;
}
