//! From what the layers came to, to typed settings.

use std::path::{Path, PathBuf};

use warmline_api::PhoneNumber;
use warmline_call::Timers;
use warmline_livekit_telephony::ConsultIn;

use super::{
    Backend, Carrier, DEFAULT_SUPERVISOR, LiveKitGroup, LiveKitSettings, LogFormat, LogSettings, OpenAiSettings,
    Settings,
    known::{self, Shown},
    parse::{self, Parsed},
    problem::{Area, Problem, Severity},
    show,
    sources::{Gathered, Sources, gather},
    value::{Secret, masked},
};

const LIVEKIT: [&str; 3] = ["LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"];
const TRUNK: &str = "LIVEKIT_SIP_OUTBOUND_TRUNK";
const SUPERVISOR: &str = "LIVEKIT_SUPERVISOR_PHONE_NUMBER";
/// The one trunk of a simulated carrier, where none is named.
const SIMULATED_TRUNK: &str = "ST_simulated";

pub(super) fn build(sources: &Sources) -> Settings {
    let folders = Folders::of(sources);
    let mut reader = Reader { gathered: gather(sources), home: folders.home.clone() };
    let data_dir = reader.path("WARMLINE_DATA_DIR").unwrap_or(folders.data);
    let models_dir = reader.path("WARMLINE_MODELS_DIR").unwrap_or(folders.models);
    let default_store = sqlite_url(&data_dir.join("warmline.db"));
    let backend = backend(&mut reader);
    let supervisors = supervisors(&mut reader, &backend);
    let timers = timers(&mut reader);
    let log = LogSettings {
        filter: reader.value("WARMLINE_LOG", "info".to_owned(), parse::log_filter),
        format: reader.value("WARMLINE_LOG_FORMAT", LogFormat::Text, parse::log_format),
    };
    providers(&mut reader);
    let mut settings = Settings {
        addr: reader.value("WARMLINE_ADDR", ([127, 0, 0, 1], 8000).into(), parse::addr),
        hosts: reader.value("WARMLINE_HOSTS", Vec::new(), parse::hosts),
        database_url: reader.value("DATABASE_URL", default_store.clone(), parse::database),
        backend,
        supervisors,
        twilio_number: reader.optional("TWILIO_NUMBER", parse::number).map(String::from),
        language: reader.value("TTS_LANGUAGE", "en".to_owned(), parse::language),
        emotion: reader.text("TTS_EMOTION").unwrap_or_else(|| "Calm".to_owned()),
        instructions: reader.text("AGENT_INSTRUCTIONS").unwrap_or_else(|| default_of("AGENT_INSTRUCTIONS").to_owned()),
        caller_name: reader.text("CALLER_NAME"),
        hold_music: reader.path("WARMLINE_HOLD_MUSIC"),
        personas: reader.path("WARMLINE_PERSONAS"),
        record_dir: reader.path("WARMLINE_RECORD_DIR"),
        max_calls: reader.value("WARMLINE_MAX_CALLS", 100, parse::max_calls),
        max_connections: reader.optional("WARMLINE_MAX_CONNECTIONS", parse::max_connections),
        timers,
        voicemail: reader.value("WARMLINE_VOICEMAIL", Default::default(), parse::voicemail),
        openai: openai(&mut reader),
        fsync: reader.value("WARMLINE_FSYNC", true, parse::yes_or_no),
        log,
        env_file: reader.gathered.env_file.clone(),
        problems: Vec::new(),
        rows: Vec::new(),
        data_dir,
        models_dir,
    };
    settings.rows = show::rows(&reader.gathered, |known| match known.name {
        "WARMLINE_DATA_DIR" => settings.data_dir.display().to_string(),
        "WARMLINE_MODELS_DIR" => settings.models_dir.display().to_string(),
        "DATABASE_URL" => default_store.clone(),
        SUPERVISOR => settings.supervisors.first().map(|n| n.as_str().to_owned()).unwrap_or_default(),
        "OPENAI_BASE_URL" | "OPENAI_MODEL" if settings.openai.is_none() => String::new(),
        _ => known.default.to_owned(),
    });
    settings.problems = reader.gathered.problems;
    settings.problems.sort_by_key(|p| std::cmp::Reverse(p.severity));
    settings
}

/// Folders that follow from the environment.
struct Folders {
    home: Option<String>,
    data: PathBuf,
    models: PathBuf,
}

impl Folders {
    fn of(sources: &Sources) -> Self {
        let variable = |name: &str| sources.environment.get(name).map(|v| v.reveal().clone()).filter(|v| !v.is_empty());
        let home = variable("HOME").or_else(|| variable("USERPROFILE"));
        let under = |xdg: &str, below: &str, without: &str| {
            let base = variable(xdg).map(PathBuf::from).filter(|p| p.is_absolute());
            let base = base.or_else(|| home.as_deref().map(|home| Path::new(home).join(below)));
            base.map_or_else(|| PathBuf::from(without), |base| base.join("warmline"))
        };
        Self {
            data: under("XDG_DATA_HOME", ".local/share", "data"),
            models: under("XDG_CACHE_HOME", ".cache", "data/models"),
            home,
        }
    }
}

/// Reads values by name and notes what is wrong with them.
struct Reader {
    gathered: Gathered,
    home: Option<String>,
}

impl Reader {
    fn text(&self, name: &'static str) -> Option<String> {
        self.gathered.given.get(name).map(|g| g.text.reveal().trim().to_owned())
    }

    fn path(&self, name: &'static str) -> Option<PathBuf> {
        self.text(name).map(|text| parse::path(&text, self.home.as_deref()))
    }

    fn secret(&self, name: &'static str) -> Option<Secret> {
        self.text(name).map(Secret::from)
    }

    fn value<T>(&mut self, name: &'static str, default: T, parse: impl Fn(&str) -> Parsed<T>) -> T {
        self.optional(name, parse).unwrap_or(default)
    }

    fn optional<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Parsed<T>) -> Option<T> {
        let text = self.text(name)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(wanted) => {
                let is = match known::find(name) {
                    Some(known) if known.shown != Shown::Secret => format!("is '{}'", shortened(&masked(known, &text))),
                    _ => "is not usable".to_owned(),
                };
                let cause = format!("{name} {is}, it should be {wanted}");
                self.problem(Severity::Fatal, Area::Values, name, cause, format!("correct {name}, or remove it"));
                None
            }
        }
    }

    fn problem(&mut self, severity: Severity, area: Area, name: &'static str, cause: String, fix: String) {
        let origin = self.gathered.given.get(name).map(|g| g.origin.clone());
        let setting = Some(name.to_owned());
        self.gathered.problems.push(Problem { severity, area, setting, origin, cause, fix });
    }

    fn is_given(&self, name: &'static str) -> bool {
        self.gathered.given.contains_key(name)
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn default_of(name: &str) -> &'static str {
    known::find(name).map_or("", |k| k.default)
}

/// `sqlite://` and the path, with what would end a path escaped.
fn sqlite_url(path: &Path) -> String {
    let path = path.display().to_string().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    format!("sqlite://{path}")
}

fn backend(reader: &mut Reader) -> Backend {
    let meant = |reader: &Reader, name| reader.is_given(name) || reader.gathered.broken.contains(&name);
    if !LIVEKIT.iter().any(|name| meant(reader, name)) {
        if reader.is_given(TRUNK) {
            let cause = format!(
                "{TRUNK} is set without LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET: calls are placed on the embedded exchange"
            );
            reader.problem(Severity::Warning, Area::Telephony, TRUNK, cause, format!("set all four, or unset {TRUNK}"));
        }
        return Backend::Exchange;
    }
    let carrier = reader.value("WARMLINE_CARRIER", Carrier::Sip, parse::carrier);
    let missing: Vec<_> = LIVEKIT
        .into_iter()
        .chain((carrier == Carrier::Sip).then_some(TRUNK))
        .filter(|name| !reader.is_given(name))
        .collect();
    let simulated = (carrier == Carrier::Simulated).then(|| SIMULATED_TRUNK.to_owned());
    let trunk = reader.text(TRUNK).or(simulated);
    let (Some(url), Some(key), Some(secret), Some(trunk)) =
        (reader.text(LIVEKIT[0]), reader.secret(LIVEKIT[1]), reader.secret(LIVEKIT[2]), trunk)
    else {
        half_set(reader, &missing);
        return Backend::LiveKit(LiveKitGroup::Incomplete { missing });
    };
    let api_url = reader.optional("WARMLINE_LIVEKIT_API_URL", |t| parse::url(t, &["https", "http"]));
    let consult = reader.value("WARMLINE_LIVEKIT_CONSULT", ConsultIn::Auto, parse::consult_in);
    let url = reader.optional(LIVEKIT[0], |t| parse::url(t, &["wss", "ws", "https", "http"])).unwrap_or(url);
    Backend::LiveKit(LiveKitGroup::Complete(LiveKitSettings { url, api_url, key, secret, trunk, carrier, consult }))
}

fn half_set(reader: &mut Reader, missing: &[&'static str]) {
    let set: Vec<_> = LIVEKIT.into_iter().filter(|name| reader.is_given(name)).collect();
    let is = if missing.len() == 1 { "is" } else { "are" };
    let cause = format!("LiveKit credentials not configured: {} {is} missing", listed(missing));
    let mut fix = format!("Set {} in .env", listed(missing));
    if !set.is_empty() {
        fix = format!("{fix}, or unset {} to use the embedded exchange", listed(&set));
    }
    let setting = missing.first().copied().unwrap_or(LIVEKIT[0]);
    reader.problem(Severity::NotReady, Area::Telephony, setting, cause, fix);
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn supervisors(reader: &mut Reader, backend: &Backend) -> Vec<PhoneNumber> {
    let given = reader.is_given(SUPERVISOR) || reader.gathered.broken.contains(&SUPERVISOR);
    let numbers = reader.value(SUPERVISOR, Vec::new(), parse::numbers);
    if !numbers.is_empty() || given {
        return numbers;
    }
    let simulated = matches!(backend, Backend::LiveKit(LiveKitGroup::Complete(l)) if l.carrier == Carrier::Simulated);
    if simulated || matches!(backend, Backend::Exchange) {
        return DEFAULT_SUPERVISOR.parse().into_iter().collect();
    }
    let cause = format!("Escalation will fail if requested: {SUPERVISOR} is not set");
    reader.problem(Severity::Warning, Area::Supervisor, SUPERVISOR, cause, format!("Set {SUPERVISOR} in .env"));
    numbers
}

fn timers(reader: &mut Reader) -> Timers {
    let default = Timers::default();
    Timers {
        customer_ring: reader.value("WARMLINE_RING_TIMEOUT_S", default.customer_ring, parse::seconds),
        supervisor_ring: reader.value("WARMLINE_SUPERVISOR_RING_TIMEOUT_S", default.supervisor_ring, parse::seconds),
        decision: reader.value("WARMLINE_DECISION_TIMEOUT_S", default.decision, parse::seconds),
        max_duration: reader.value("WARMLINE_MAX_CALL_S", default.max_duration, parse::seconds),
        ..default
    }
}

fn openai(reader: &mut Reader) -> Option<OpenAiSettings> {
    let key = reader.secret("OPENAI_API_KEY");
    let base = reader.optional("OPENAI_BASE_URL", |t| parse::url(t, &["https", "http"]));
    let model = reader.text("OPENAI_MODEL");
    if key.is_none() && base.is_none() {
        if model.is_some() {
            let cause = "OPENAI_MODEL is set without OPENAI_API_KEY or OPENAI_BASE_URL: the rule-based agent answers"
                .to_owned();
            let fix = "Set OPENAI_API_KEY, or OPENAI_BASE_URL for an endpoint that needs no key".to_owned();
            reader.problem(Severity::Warning, Area::Providers, "OPENAI_MODEL", cause, fix);
        }
        return None;
    }
    let base_url = base.unwrap_or_else(|| default_of("OPENAI_BASE_URL").to_owned());
    Some(OpenAiSettings { base_url, key, model: model.unwrap_or_else(|| default_of("OPENAI_MODEL").to_owned()) })
}

/// Keys of providers that this build does not speak to.
fn providers(reader: &mut Reader) {
    for (name, provider) in [("DEEPGRAM_API_KEY", "Deepgram"), ("CARTESIA_API_KEY", "Cartesia")] {
        if reader.is_given(name) {
            let cause = format!("{name} is set, but {provider} is not in this build: local speech serves");
            reader.problem(Severity::Warning, Area::Providers, name, cause, format!("Unset {name}"));
        }
    }
}
