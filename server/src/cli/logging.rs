use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt};

use super::terminal::Terminal;
use crate::{
    doctor::Style,
    settings::{LogFormat, LogSettings},
};

/// Sends logs to standard error. A second start, as in tests, changes nothing.
pub(super) fn start(settings: &LogSettings, terminal: &Terminal) {
    let filter = EnvFilter::try_new(&settings.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    drop(match settings.format {
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
        LogFormat::Text => {
            builder.with_target(false).with_ansi(terminal.error_style == Style::Colour).finish().try_init()
        }
    });
}
