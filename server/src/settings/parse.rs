//! From text to a value; an error says what the value should be.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use warmline_api::PhoneNumber;
use warmline_call::VoicemailPolicy;
use warmline_livekit_telephony::ConsultIn;

use super::{Carrier, LogFormat, value::masked_number};

pub(super) type Parsed<T> = Result<T, String>;

/// `127.0.0.1:8000`, `localhost:8000`, `:8000` or `8000`.
pub(super) fn addr(text: &str) -> Parsed<SocketAddr> {
    let text = text.trim();
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    if let Ok(port) = port.parse::<u16>() {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    text.parse().map_err(|_| "an IP address and a port, such as 127.0.0.1:8000".to_owned())
}

pub(super) fn hosts(text: &str) -> Parsed<Vec<String>> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let names: Vec<_> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if !names.is_empty() && names.iter().all(|name| name.chars().all(plain)) {
        Ok(names)
    } else {
        Err("host names without scheme and port, such as calls.example.com, separated by commas".to_owned())
    }
}

pub(super) fn seconds(text: &str) -> Parsed<Duration> {
    let number: f64 = text.trim().parse().map_err(|_| "a number of seconds, such as 30".to_owned())?;
    if (0.1..=86_400.0).contains(&number) {
        Ok(Duration::from_secs_f64(number))
    } else {
        Err("a number of seconds from 0.1 to 86400".to_owned())
    }
}

pub(super) fn max_calls(text: &str) -> Parsed<usize> {
    let number = text.trim().parse().ok().filter(|n| (1..=10_000).contains(n));
    number.ok_or_else(|| "a whole number from 1 to 10000".to_owned())
}

pub(super) fn max_connections(text: &str) -> Parsed<usize> {
    let number = text.trim().parse().ok().filter(|n| (1..=1_000_000).contains(n));
    number.ok_or_else(|| "a whole number from 1 to 1000000".to_owned())
}

pub(super) fn yes_or_no(text: &str) -> Parsed<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}

pub(super) fn voicemail(text: &str) -> Parsed<VoicemailPolicy> {
    match text.trim() {
        "hang_up" => Ok(VoicemailPolicy::HangUp),
        "leave_message" => Ok(VoicemailPolicy::LeaveMessage),
        _ => Err("hang_up or leave_message".to_owned()),
    }
}

pub(super) fn carrier(text: &str) -> Parsed<Carrier> {
    match text.trim() {
        "sip" => Ok(Carrier::Sip),
        "simulated" => Ok(Carrier::Simulated),
        _ => Err("sip or simulated".to_owned()),
    }
}

pub(super) fn consult_in(text: &str) -> Parsed<ConsultIn> {
    match text.trim() {
        "auto" => Ok(ConsultIn::Auto),
        "same-room" => Ok(ConsultIn::SameRoom),
        "own-room" => Ok(ConsultIn::OwnRoom),
        _ => Err("auto, same-room or own-room".to_owned()),
    }
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    match text.trim() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("text or json".to_owned()),
    }
}

pub(super) fn log_filter(text: &str) -> Parsed<String> {
    let text = text.trim();
    match text.parse::<tracing_subscriber::filter::Targets>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("a level (error, warn, info, debug, trace) or filters such as warmline=debug,info".to_owned()),
    }
}

/// Comma-separated numbers; the first that is none is named by its place.
pub(super) fn numbers(text: &str) -> Parsed<Vec<PhoneNumber>> {
    let mut numbers = Vec::new();
    for (at, part) in text.split(',').map(str::trim).filter(|p| !p.is_empty()).enumerate() {
        numbers.push(part.parse().map_err(|_| {
            let which = format!("number {} ({})", at + 1, masked_number(part));
            format!("E.164 numbers, '+' with country code, comma-separated, such as +15550100002; {which} is none")
        })?);
    }
    if numbers.len() > 20 { Err("at most 20 numbers".to_owned()) } else { Ok(numbers) }
}

pub(super) fn number(text: &str) -> Parsed<PhoneNumber> {
    text.parse().map_err(|_| "an E.164 number, '+' with country code, such as +15550100002".to_owned())
}

/// An address with one of these schemes and a host.
pub(super) fn url(text: &str, schemes: &[&str]) -> Parsed<String> {
    let text = text.trim();
    let host = text.split_once("://").filter(|(scheme, _)| schemes.contains(scheme)).map(|(_, rest)| rest);
    match host {
        Some(host) if !host.is_empty() && !host.starts_with('/') && !host.contains(char::is_whitespace) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(format!(
            "an address that begins with {}",
            schemes.iter().map(|s| format!("{s}://")).collect::<Vec<_>>().join(" or ")
        )),
    }
}

pub(super) fn database(text: &str) -> Parsed<String> {
    let text = text.trim();
    if text.starts_with("sqlite:") {
        Ok(text.to_owned())
    } else {
        Err("a SQLite file, such as sqlite:///var/lib/warmline/warmline.db".to_owned())
    }
}

pub(super) fn language(text: &str) -> Parsed<String> {
    let text = text.trim();
    let plausible =
        (2..=16).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if plausible { Ok(text.to_owned()) } else { Err("a language code, such as en or es".to_owned()) }
}

/// A path; a leading `~/` is the home directory, as `.env` files are not read by a shell.
pub(super) fn path(text: &str, home: Option<&str>) -> PathBuf {
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(text),
    }
}
