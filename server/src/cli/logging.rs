//! The log: to standard error, by a thread of its own. Whoever logs never waits for whoever reads, and a standard error that is
//! closed, or that nobody reads, costs lines of the log and nothing else.

use std::{
    fmt,
    io::stderr,
    panic,
    sync::{LazyLock, mpsc},
    thread,
    time::Duration,
};

use prometheus_client::metrics::counter::Counter;
use tracing::field::Field;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter,
    field::MakeExt,
    fmt as log,
    fmt::format::{Writer, debug_fn},
    util::SubscriberInitExt,
};

use super::terminal::Terminal;
use crate::{
    doctor::Style,
    settings::{LogFormat, LogSettings},
    text::escaped,
};

/// Lines that wait to be read; more are dropped.
const WAITING: usize = 4_096;

/// How often it is looked whether lines were dropped.
const LOOK: Duration = Duration::from_secs(5);

/// How long the last lines may take at the end of the program.
const LAST_LINES: Duration = Duration::from_millis(1_500);

static DROPPED: LazyLock<Counter> = LazyLock::new(Counter::default);

/// Counts the lines that nobody read in time.
#[must_use]
pub fn dropped_log_lines() -> Counter {
    DROPPED.clone()
}

/// The log's thread. Dropped at the end of the program, so that the last lines are written if somebody reads them.
pub(super) struct Log(Option<WorkerGuard>);

/// Libraries that log whole messages, and so what people say: nothing but their warnings is taken.
const TELL_TALES: [&str; 2] = ["tungstenite=warn", "tokio_tungstenite=warn"];

/// What is logged: as the settings say, but nobody's words.
fn filter(wanted: &str) -> EnvFilter {
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new("info"));
    TELL_TALES.iter().filter_map(|limit| limit.parse().ok()).fold(filter, EnvFilter::add_directive)
}

/// Sends logs to standard error. A second start, as in tests, changes nothing.
pub(super) fn start(settings: &LogSettings, terminal: &Terminal) -> Log {
    let filter = filter(&settings.filter);
    let writer = NonBlockingBuilder::default().buffered_lines_limit(WAITING).lossy(true).thread_name("log");
    let (writer, guard) = writer.finish(stderr());
    let dropped = writer.error_counter();
    let builder = log::fmt().with_env_filter(filter).with_writer(writer);
    let started = match settings.format {
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
        LogFormat::Text => {
            let builder = builder.with_target(false).with_ansi(terminal.error_style == Style::Colour);
            builder.fmt_fields(debug_fn(field).delimited(" ")).finish().try_init()
        }
    };
    if started.is_ok() {
        panic::set_hook(Box::new(panicked));
        tokio::spawn(tell_of(dropped));
    }
    Log(Some(guard))
}

/// A field of a line, or its message. Text from outside stays on the line, and is read as it is.
fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let (name, value) = (field.name(), escaped(&format!("{value:?}")));
    match name {
        "message" => write!(writer, "{value}"),
        // Where a line of another log library came from.
        name if name.starts_with("log.") => Ok(()),
        name if writer.has_ansi_escapes() => write!(writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}"),
        name => write!(writer, "{}={value}", name.trim_start_matches("r#")),
    }
}

/// A panic goes to the log: its usual way to standard error waits until somebody reads.
fn panicked(panic: &panic::PanicHookInfo<'_>) {
    let (text, place) = (panic.payload_as_str().unwrap_or("?"), panic.location().map(ToString::to_string));
    tracing::error!(place = place.unwrap_or_default(), "a task panicked: {text}");
}

/// Says, once there is room again, how much was lost.
async fn tell_of(dropped: ErrorCounter) {
    let (mut counted, mut told) = (0, 0);
    loop {
        tokio::time::sleep(LOOK).await;
        let all = dropped.dropped_lines();
        DROPPED.inc_by((all - counted) as u64);
        counted = all;
        if all > told {
            let lost = all - told;
            tracing::warn!("{lost} log lines were dropped: standard error is not read as fast as it is written");
            // That line may have been dropped itself.
            if dropped.dropped_lines() == all {
                told = all;
            }
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let Some(guard) = self.0.take() else { return };
        // It waits a little for the log's thread, and complains to standard output: neither may hold up the end.
        let (done, ended) = mpsc::channel();
        let last = thread::Builder::new().name("last log lines".into()).spawn(move || {
            drop(guard);
            let _ = done.send(());
        });
        if last.is_ok() {
            let _ = ended.recv_timeout(LAST_LINES);
        }
    }
}

#[cfg(test)]
mod tests {
    use warmline_testing::LogCapture;

    use super::*;

    fn logged(ansi: bool, log_it: impl FnOnce()) -> String {
        let out = LogCapture::default();
        let builder = log::fmt().with_writer(out.clone()).without_time().with_target(false).with_ansi(ansi);
        let subscriber = builder.fmt_fields(debug_fn(field).delimited(" ")).finish();
        tracing::subscriber::with_default(subscriber, log_it);
        out.text()
    }

    #[test]
    fn text_from_outside_stays_on_its_line_and_commands_no_terminal() {
        let evil = "Ann\u{1b}[2J\r\n2026 ERROR forged \u{202e}\u{9b}31m\u{2028}é";
        let lines = logged(false, || {
            let span = tracing::info_span!("http", route = evil);
            let _in = span.enter();
            tracing::info!(name = %evil, r#type = 5, said = ?evil, "said: {evil}");
        });
        assert_eq!(lines.lines().count(), 1, "{lines:?}");
        assert!(!lines.trim_end().chars().any(|c| c.is_control() || "\u{202e}\u{2028}".contains(c)), "{lines:?}");
        let seen = r"Ann\u{1b}[2J\r\n2026 ERROR forged \u{202e}\u{9b}31m\u{2028}é";
        assert!(lines.contains(&format!("said: {seen}")) && lines.contains(&format!("name={seen}")), "{lines}");
        assert!(lines.contains("type=5"), "{lines}");
    }

    #[test]
    fn colours_are_ours_alone() {
        let lines = logged(true, || tracing::warn!(name = %"\u{1b}[31mred", "hello"));
        assert!(
            lines.contains("hello") && lines.contains(r"\u{1b}[31mred") && !lines.contains("\u{1b}[31m"),
            "{lines:?}"
        );
    }

    #[test]
    fn what_is_said_over_a_socket_is_in_no_log_whatever_the_settings_want() {
        for wanted in ["trace", "tungstenite=trace", "debug,tungstenite=trace"] {
            let out = LogCapture::default();
            let log = log::fmt().with_env_filter(filter(wanted)).with_writer(out.clone()).finish();
            tracing::subscriber::with_default(log, || {
                tracing::trace!(target: "tungstenite", "Received message Marmalade");
                tracing::warn!(target: "tungstenite", "a warning");
            });
            let logged = out.text();
            assert!(logged.contains("a warning") && !logged.contains("Marmalade"), "{wanted}: {logged}");
        }
    }
}
