//! How far a fetch is, for whoever looks at it.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use warmline_speech_local::models::{Progress, Stage};

/// Lines that wait to be read; more are left out.
const WAITING: usize = 32;

/// A line that moves does so at most this often.
const PACE: Duration = Duration::from_millis(100);

/// How long the last lines may take.
const LAST_LINES: Duration = Duration::from_millis(1_500);

/// Shows on standard error how far a fetch is: one moving line on a terminal, one line a stage elsewhere. A thread of its own
/// writes it: whoever fetches waits for nobody who reads, and a standard error that is closed costs the lines and nothing else.
pub struct ProgressBar {
    lines: SyncSender<String>,
    written: Receiver<()>,
    moving: bool,
    shown: Option<(String, Instant)>,
}

impl ProgressBar {
    /// One on standard error.
    #[must_use]
    pub fn on_standard_error() -> Self {
        Self::on(stderr(), stderr().is_terminal())
    }

    fn on(mut out: impl Write + Send + 'static, moving: bool) -> Self {
        let (lines, taken) = sync_channel::<String>(WAITING);
        let (done, written) = sync_channel(1);
        // Without a thread there is nothing to see, and nothing else is wrong.
        let _thread = thread::Builder::new().name("progress".into()).spawn(move || {
            for line in taken {
                // A closed pipe is nobody's failure.
                let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
            }
            let _ = done.send(());
        });
        Self { lines, written, moving, shown: None }
    }

    /// Shows that, and returns at once.
    pub fn show(&mut self, progress: &Progress) {
        let stage = format!("{} {:?}", progress.package, progress.stage);
        let same = self.shown.as_ref().is_some_and(|(last, _)| *last == stage);
        let soon = self.shown.as_ref().is_some_and(|(_, at)| at.elapsed() < PACE);
        if same && (!self.moving || soon) {
            return;
        }
        let line = described(progress);
        let line = match (self.moving, progress.stage) {
            (true, Stage::Done) => format!("\r\x1b[K{line}\n"),
            (true, _) => format!("\r\x1b[K{line}"),
            (false, _) => format!("{line}\n"),
        };
        // What nobody reads is left out.
        let _ = self.lines.try_send(line);
        self.shown = Some((stage, Instant::now()));
    }

    /// Waits a little until the last line is written: for a command that has more to say.
    pub fn finish(self) {
        let Self { lines, written, .. } = self;
        drop(lines);
        let _ = written.recv_timeout(LAST_LINES);
    }
}

fn described(progress: &Progress) -> String {
    let what = match progress.stage {
        Stage::Fetching => "fetching",
        Stage::Checking => "checking",
        Stage::Converting => "converting",
        Stage::Done => "done",
    };
    if progress.total == 0 || matches!(progress.stage, Stage::Done) {
        return format!("{:22} {what}", progress.package);
    }
    format!("{:22} {what} {:.1} of {:.1} MB", progress.package, megabytes(progress.bytes), megabytes(progress.total))
}

#[allow(clippy::cast_precision_loss, reason = "for show, to a tenth")]
pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::mpsc::{Sender, channel},
    };

    use warmline_testing::LogCapture;

    use super::*;

    fn at(stage: Stage, bytes: u64) -> Progress {
        Progress { package: "a-voice", stage, bytes, total: 2_000_000 }
    }

    /// Takes no line before its gate is dropped.
    struct Stuck(Receiver<()>, LogCapture);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stuck() -> (Stuck, Sender<()>, LogCapture) {
        let ((gate, waits), out) = (channel(), LogCapture::default());
        (Stuck(waits, out.clone()), gate, out)
    }

    #[test]
    fn whoever_fetches_waits_for_nobody_who_reads() {
        let (to, gate, out) = stuck();
        let mut bar = ProgressBar::on(to, false);
        // More stages than may wait: all of them come back.
        for _ in 0..WAITING {
            bar.show(&at(Stage::Fetching, 0));
            bar.show(&at(Stage::Checking, 2_000_000));
        }
        assert_eq!(out.text(), "");
        drop(gate);
        bar.finish();
        let lines = out.text().lines().count();
        assert!((WAITING..=WAITING + 1).contains(&lines), "{lines}");
    }

    #[test]
    fn a_line_a_stage_is_shown_and_on_a_terminal_one_that_moves() {
        let out = LogCapture::default();
        let mut bar = ProgressBar::on(out.clone(), false);
        for bytes in [0, 1_000_000, 2_000_000] {
            bar.show(&at(Stage::Fetching, bytes));
        }
        bar.show(&at(Stage::Done, 2_000_000));
        bar.finish();
        let name = format!("{:22}", "a-voice");
        assert_eq!(out.text(), format!("{name} fetching 0.0 of 2.0 MB\n{name} done\n"));

        let out = LogCapture::default();
        let mut bar = ProgressBar::on(out.clone(), true);
        bar.show(&at(Stage::Fetching, 0));
        bar.show(&at(Stage::Done, 2_000_000));
        bar.finish();
        assert_eq!(out.text(), format!("\r\x1b[K{name} fetching 0.0 of 2.0 MB\r\x1b[K{name} done\n"));
    }

    #[test]
    fn a_closed_standard_error_is_nobodys_failure() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let mut bar = ProgressBar::on(Closed, false);
        bar.show(&at(Stage::Fetching, 0));
        bar.show(&at(Stage::Done, 0));
        bar.finish();
    }
}
