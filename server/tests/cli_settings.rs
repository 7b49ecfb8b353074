//! What the program understands of its settings, and what it says about those that are wrong.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail loudly")]

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use warmline::settings::{
    Area, Backend, EnvFile, EnvFileSource, Flag, KNOWN, LiveKitGroup, Origin, Rule, Settings, Severity, Sources,
};

fn env_file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(".env");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn sources(environment: &[(&str, &str)]) -> Sources {
    let mut all: BTreeMap<String, _> = BTreeMap::from([("HOME".to_owned(), "/home/ann".into())]);
    all.extend(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
    Sources { environment: all, ..Sources::default() }
}

fn from_file(text: &str) -> Settings {
    let (_dir, path) = env_file(text);
    Settings::inspect(&Sources { env_file: EnvFileSource::Required(path), ..sources(&[]) })
}

const LIVEKIT: &[(&str, &str)] = &[
    ("LIVEKIT_URL", "wss://example.livekit.cloud"),
    ("LIVEKIT_API_KEY", "key"),
    ("LIVEKIT_API_SECRET", "secret"),
    ("LIVEKIT_SIP_OUTBOUND_TRUNK", "ST_1"),
];

#[test]
fn every_oddity_of_a_file_is_found_on_its_line() {
    let table: &[(&str, &[(usize, Rule)])] = &[
        (
            "# fine\n\nexport TTS_LANGUAGE=en # comment\nCALLER_NAME=\"\"\nAGENT_INSTRUCTIONS='it''s'\n",
            &[(5, Rule::StrayQuote)],
        ),
        ("TTS_LANGUAGE=en\nLIVEKIT_SUPERVISOR_PHONE_NUMBER==\"+919911062767\"\n", &[(2, Rule::DoubleEquals)]),
        ("TTS_LANGUAGE = = en", &[(1, Rule::DoubleEquals)]),
        ("TTS_LANGUAGE = en", &[(1, Rule::SpaceAroundEquals)]),
        ("\n\nCALLER_NAME=\"Ann", &[(3, Rule::StrayQuote)]),
        ("CALLER_NAME=Ann\"", &[(1, Rule::StrayQuote)]),
        ("CALLER_NAME=\"Ann\" Lee", &[(1, Rule::StrayQuote)]),
        ("CALLER_NAME=“Ann”", &[(1, Rule::CurlyQuotes)]),
        ("TTS_LANGUAGE=en\r\nTTS_EMOTION=Calm\r\n", &[(1, Rule::Crlf)]),
        ("\u{feff}TTS_LANGUAGE=en", &[(1, Rule::Bom)]),
        ("TTS_LANGUAGE=en\nTTS_EMOTION=Calm\nTTS_LANGUAGE=es", &[(3, Rule::DuplicateKey)]),
        ("OTHER_PROGRAM=1\nLIVEKIT_API_SERCET=abc", &[(2, Rule::UnknownKey)]),
        ("AGENT_INSTRUCTIONS=\"Hello ${NAME}\"", &[(1, Rule::Expansion)]),
        ("LIVEKIT_API_KEY=your_livekit_api_key", &[(1, Rule::Placeholder)]),
        ("TTS_LANGUAGE=en\njust words", &[(2, Rule::NotAnAssignment)]),
        ("OTHER_TOKEN=abc==\nAGENT_INSTRUCTIONS=it's fine\nCALLER_NAME='a # b'", &[]),
    ];
    for (text, expected) in table {
        let found: Vec<_> = EnvFile::parse(text.as_bytes(), ".env").lints.iter().map(|l| (l.line, l.rule)).collect();
        assert_eq!(&found, expected, "{text:?}");
    }
    let utf16: Vec<_> = EnvFile::parse(b"\xff\xfeT\0", ".env").lints.iter().map(|l| (l.line, l.rule)).collect();
    assert_eq!(utf16, [(1, Rule::Encoding)]);
}

#[test]
fn values_are_read_as_they_are_meant() {
    let text = "export TTS_LANGUAGE=en # note\nA=\"x \\\"y\\\" # z\\n\"\nB='raw \\n'\nC=a#b\nD = spaced \nE=\"open\nF=x\r\nG=a\nG=b\nH=\n";
    let file = EnvFile::parse(text.as_bytes(), ".env");
    let value = |key| file.get(key).map(|e| e.value.reveal().as_str());
    assert_eq!(value("TTS_LANGUAGE"), Some("en"));
    assert_eq!(value("A"), Some("x \"y\" # z\n"));
    assert_eq!(value("B"), Some("raw \\n"));
    assert_eq!(value("C"), Some("a#b"));
    assert_eq!(value("D"), Some("spaced"));
    assert_eq!(value("E"), Some("open"));
    assert_eq!(value("F"), Some("x"));
    assert_eq!(value("G"), Some("b"));
    assert_eq!(value("H"), Some(""));
    assert_eq!(value("I"), None);
}

#[test]
fn the_guides_double_equals_stops_calls_and_names_line_key_and_correction() {
    let settings = from_file("TTS_LANGUAGE=en\nLIVEKIT_SUPERVISOR_PHONE_NUMBER==\"+919911062767\"\n");
    let said = settings.not_ready().unwrap();
    assert!(said.contains(".env line 2"), "{said}");
    assert!(said.contains("LIVEKIT_SUPERVISOR_PHONE_NUMBER is followed by '=='"), "{said}");
    assert!(said.contains("write one '=': LIVEKIT_SUPERVISOR_PHONE_NUMBER=\"…\""), "{said}");
    assert!(!said.contains("9911062767"), "{said}");
    let open = from_file("TTS_LANGUAGE==es\n").not_ready().unwrap();
    assert!(open.contains("write one '=': TTS_LANGUAGE=es"), "{open}");
}

#[test]
fn a_double_equals_that_something_else_overrides_or_nobody_needs_is_a_warning() {
    let (_dir, path) = env_file("TTS_LANGUAGE==es\nSOME_OTHER_PROGRAM==1\n");
    let sources = Sources { env_file: EnvFileSource::Required(path), ..sources(&[("TTS_LANGUAGE", "fr")]) };
    let settings = Settings::load(&sources).unwrap();
    assert_eq!((settings.language.as_str(), settings.not_ready()), ("fr", None));
    assert_eq!(settings.problems.len(), 2);
}

#[test]
fn flags_count_over_environment_over_file_over_defaults() {
    let (_dir, path) = env_file("WARMLINE_ADDR=127.0.0.1:1\nTTS_LANGUAGE=es\nTTS_EMOTION=Serious\n");
    let mut sources = Sources {
        env_file: EnvFileSource::IfThere(path.clone()),
        ..sources(&[("WARMLINE_ADDR", "127.0.0.1:2"), ("TTS_LANGUAGE", "fr"), ("CALLER_NAME", "")])
    };
    sources.flags.push(Flag { flag: "--addr", setting: "WARMLINE_ADDR", value: "127.0.0.1:3".into() });
    let settings = Settings::load(&sources).unwrap();
    assert_eq!(settings.addr.port(), 3);
    assert_eq!((settings.language.as_str(), settings.emotion.as_str()), ("fr", "Serious"));
    let origin = |name| settings.rows().iter().find(|r| r.name == name).unwrap().origin.clone();
    assert_eq!(origin("WARMLINE_ADDR"), Origin::Flag { flag: "--addr" });
    assert_eq!(origin("TTS_LANGUAGE"), Origin::Environment);
    assert_eq!(origin("TTS_EMOTION"), Origin::EnvFile { file: path, line: 3 });
    assert_eq!(origin("WARMLINE_MAX_CALLS"), Origin::Default);
}

#[test]
fn without_any_setting_the_exchange_serves_with_its_supervisor() {
    let settings = Settings::load(&sources(&[])).unwrap();
    assert!(matches!(settings.backend, Backend::Exchange));
    assert_eq!(settings.supervisors.iter().map(|n| n.as_str()).collect::<Vec<_>>(), ["+15550100002"]);
    assert_eq!(settings.addr.to_string(), "127.0.0.1:8000");
    assert_eq!(settings.data_dir, PathBuf::from("/home/ann/.local/share/warmline"));
    assert_eq!(settings.models_dir, PathBuf::from("/home/ann/.cache/warmline"));
    assert_eq!(settings.database_url, "sqlite:///home/ann/.local/share/warmline/warmline.db");
    assert!(settings.openai.is_none() && settings.problems.is_empty() && settings.not_ready().is_none());
}

#[test]
fn folders_follow_xdg_and_a_tilde_is_home() {
    let settings = Settings::load(&sources(&[
        ("XDG_DATA_HOME", "/d"),
        ("XDG_CACHE_HOME", "relative"),
        ("WARMLINE_HOLD_MUSIC", "~/a.ogg"),
    ]));
    let settings = settings.unwrap();
    assert_eq!(settings.data_dir, PathBuf::from("/d/warmline"));
    assert_eq!(settings.models_dir, PathBuf::from("/home/ann/.cache/warmline"));
    assert_eq!(settings.hold_music, Some(PathBuf::from("/home/ann/a.ogg")));
}

#[test]
fn a_half_set_livekit_group_starts_and_says_what_is_missing() {
    for missing in ["LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "LIVEKIT_SIP_OUTBOUND_TRUNK"] {
        let given: Vec<_> = LIVEKIT.iter().filter(|(name, _)| *name != missing).copied().collect();
        let settings = Settings::load(&sources(&given)).unwrap();
        assert!(
            matches!(&settings.backend, Backend::LiveKit(LiveKitGroup::Incomplete { missing: m }) if *m == [missing]),
            "{missing}: {:?}",
            settings.backend
        );
        let said = settings.not_ready().unwrap();
        assert!(said.starts_with(&format!("LiveKit credentials not configured: {missing} is missing")), "{said}");
    }
    let one = Settings::load(&sources(&LIVEKIT[..1])).unwrap().not_ready().unwrap();
    let all = "LIVEKIT_API_KEY, LIVEKIT_API_SECRET and LIVEKIT_SIP_OUTBOUND_TRUNK are missing";
    assert!(one.contains(all) && one.contains("or unset LIVEKIT_URL to use the embedded exchange"), "{one}");
}

#[test]
fn a_whole_livekit_group_is_not_served_by_the_exchange_in_silence() {
    let settings = Settings::load(&sources(LIVEKIT)).unwrap();
    assert!(matches!(settings.backend, Backend::LiveKit(LiveKitGroup::Complete(_))));
    assert_eq!(settings.not_ready(), None);
    let escalation = settings.problems.iter().find(|p| p.area == Area::Supervisor).unwrap();
    assert_eq!(escalation.severity, Severity::Warning);
    assert!(escalation.cause.starts_with("Escalation will fail if requested"), "{escalation}");
    assert!(!settings.escalation_enabled());
}

#[test]
fn a_broken_line_of_the_livekit_group_is_not_taken_for_the_exchange() {
    let settings = from_file("LIVEKIT_URL==wss://example.livekit.cloud\n");
    assert!(matches!(settings.backend, Backend::LiveKit(LiveKitGroup::Incomplete { .. })));
    assert!(settings.not_ready().unwrap().contains("LIVEKIT_URL is followed by '=='"));
}

#[test]
fn bad_values_are_named_with_what_they_should_be() {
    let table = [
        ("WARMLINE_ADDR", "nowhere", "an IP address and a port"),
        ("WARMLINE_MAX_CALLS", "0", "from 1 to 10000"),
        ("WARMLINE_RING_TIMEOUT_S", "soon", "a number of seconds"),
        ("WARMLINE_DECISION_TIMEOUT_S", "NaN", "from 0.1 to 86400"),
        ("WARMLINE_VOICEMAIL", "shout", "hang_up or leave_message"),
        ("WARMLINE_LOG_FORMAT", "xml", "text or json"),
        ("WARMLINE_LOG", "warmline=loud", "a level"),
        ("WARMLINE_FSYNC", "maybe", "true or false"),
        ("DATABASE_URL", "postgres://me:pw@host/db", "a SQLite file"),
        ("OPENAI_BASE_URL", "api.openai.com", "https:// or http://"),
        ("TTS_LANGUAGE", "the language", "a language code"),
        ("TWILIO_NUMBER", "12625925656", "E.164"),
        ("LIVEKIT_SUPERVISOR_PHONE_NUMBER", "+15550100002, 919911062767", "number 2 (…67) is none"),
    ];
    for (name, value, wanted) in table {
        let error = Settings::load(&sources(&[(name, value)])).unwrap_err().to_string();
        assert!(error.starts_with(name) && error.contains(wanted) && error.contains("environment"), "{error}");
        assert!(!error.contains("pw") && !error.contains("9911062767"), "{error}");
    }
}

#[test]
fn good_values_arrive_typed() {
    let settings = Settings::load(&sources(&[
        ("WARMLINE_ADDR", "localhost:81"),
        ("LIVEKIT_SUPERVISOR_PHONE_NUMBER", "+1 555 010 0003, +15550100004,"),
        ("WARMLINE_RING_TIMEOUT_S", "2.5"),
        ("WARMLINE_VOICEMAIL", "leave_message"),
        ("WARMLINE_FSYNC", "off"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1/"),
    ]));
    let settings = settings.unwrap();
    assert_eq!(settings.addr.to_string(), "127.0.0.1:81");
    assert_eq!(settings.supervisors.iter().map(|n| n.as_str()).collect::<Vec<_>>(), ["+15550100003", "+15550100004"]);
    assert_eq!(settings.timers.customer_ring, Duration::from_millis(2500));
    assert!(!settings.fsync && matches!(settings.voicemail, warmline_call::VoicemailPolicy::LeaveMessage));
    let openai = settings.openai.unwrap();
    assert_eq!((openai.base_url.as_str(), openai.key.is_none()), ("http://127.0.0.1:9/v1", true));
    assert_eq!(openai.model, "gpt-4o-mini");
}

#[test]
fn providers_that_are_not_here_are_said() {
    let settings = Settings::load(&sources(&[("DEEPGRAM_API_KEY", "dg-secret"), ("OPENAI_MODEL", "m")])).unwrap();
    let causes: Vec<_> = settings.problems.iter().map(|p| p.cause.as_str()).collect();
    assert_eq!(causes.len(), 2, "{causes:?}");
    assert!(causes.iter().any(|c| c.contains("Deepgram is not in this build")), "{causes:?}");
    assert!(settings.not_ready().is_none() && settings.openai.is_none());
}

#[test]
fn a_named_file_has_to_be_there_and_the_usual_one_has_not() {
    let gone = PathBuf::from("/nowhere/.env");
    let required = Sources { env_file: EnvFileSource::Required(gone.clone()), ..sources(&[]) };
    assert!(Settings::load(&required).unwrap_err().to_string().contains("/nowhere/.env is not there"));
    let usual = Sources { env_file: EnvFileSource::IfThere(gone), ..sources(&[]) };
    assert!(Settings::load(&usual).is_ok());
}

#[test]
fn nothing_that_is_shown_holds_a_secret_or_a_number() {
    let text = "LIVEKIT_URL=wss://u:pw-in-url@h\nLIVEKIT_API_KEY=\"key-secret\nLIVEKIT_API_SECRET==api-secret\n\
                OPENAI_API_KEY = sk-secret\nOPENAI_API_KEYS=sk-secret\nDEEPGRAM_API_KEY=“dg-secret”\n\
                TWILIO_NUMBER=12625925656\nLIVEKIT_SUPERVISOR_PHONE_NUMBER=\"+919911062767\" x\n";
    let settings = from_file(text);
    let shown = format!(
        "{settings:?} {} {} {}",
        serde_json::to_string(settings.rows()).unwrap(),
        serde_json::to_string(&settings.problems).unwrap(),
        settings.not_ready().unwrap_or_default(),
    );
    for hidden in ["pw-in-url", "key-secret", "api-secret", "sk-secret", "dg-secret", "2625925656", "9911062767"] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
}

#[test]
fn the_example_names_every_setting_and_is_without_fault() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../.env.example")).unwrap();
    for known in KNOWN {
        assert!(text.contains(&format!("#{}=", known.name)), "{} is not in .env.example", known.name);
    }
    let switched_on: String = text
        .lines()
        .map(|line| line.strip_prefix('#').filter(|l| l.starts_with(|c: char| c.is_ascii_uppercase())).unwrap_or(line))
        .filter(|line| !line.contains("your"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(EnvFile::parse(switched_on.as_bytes(), ".env").lints, []);
}

#[test]
fn where_supervisors_are_consulted_on_livekit_is_a_choice_of_three() {
    use warmline_livekit_telephony::ConsultIn;
    let table = [
        ("", ConsultIn::Auto),
        ("auto", ConsultIn::Auto),
        ("same-room", ConsultIn::SameRoom),
        ("own-room", ConsultIn::OwnRoom),
    ];
    for (text, expected) in table {
        let given = [LIVEKIT, &[("WARMLINE_LIVEKIT_CONSULT", text)]].concat();
        let settings = Settings::load(&sources(&given)).unwrap();
        let Backend::LiveKit(LiveKitGroup::Complete(livekit)) = settings.backend else { panic!("{text}") };
        assert_eq!(livekit.consult, expected, "{text}");
    }
    let given = [LIVEKIT, &[("WARMLINE_LIVEKIT_CONSULT", "elsewhere")]].concat();
    let said = Settings::load(&sources(&given)).unwrap_err().to_string();
    assert!(said.contains("WARMLINE_LIVEKIT_CONSULT") && said.contains("auto, same-room or own-room"), "{said}");
}
