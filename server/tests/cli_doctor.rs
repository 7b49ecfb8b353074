//! The doctor on a set-up where nothing is as it should be, and on a good one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may fail loudly")]

use std::{collections::BTreeMap, net::TcpListener, path::Path};

use warmline::{
    doctor::{self, Check, Report, Status, Style},
    settings::{EnvFileSource, Settings, Sources},
};

fn settings(home: &Path, env: &str) -> Settings {
    let file = home.join(".env");
    std::fs::write(&file, env).unwrap();
    let environment = BTreeMap::from([("HOME".to_owned(), home.display().to_string().into())]);
    Settings::inspect(&Sources { environment, env_file: EnvFileSource::Required(file), ..Sources::default() })
}

fn of<'a>(report: &'a Report, name: &str) -> &'a Check {
    report.checks.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no check {name}"))
}

#[tokio::test]
async fn everything_that_is_broken_is_named_with_its_fix() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name).display().to_string();
    std::fs::write(at("file"), "not a folder").unwrap();
    std::fs::create_dir(at("personas")).unwrap();
    std::fs::write(at("personas/broken.toml"), "name = [").unwrap();
    std::fs::write(
        at("broken.db"),
        "this is no database, but it is long enough to be read as a header of one ".repeat(20),
    )
    .unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let env = format!(
        "LIVEKIT_SUPERVISOR_PHONE_NUMBER==\"+919911062767\"\nWARMLINE_ADDR={}\nWARMLINE_DATA_DIR={}\nWARMLINE_PERSONAS={}\n\
         WARMLINE_HOLD_MUSIC={}\nDATABASE_URL=sqlite://{}\nWARMLINE_MAX_CALLS=many\nOPENAI_BASE_URL=http://127.0.0.1:1/v1\n",
        taken.local_addr().unwrap(),
        at("file/data"),
        at("personas"),
        at("gone.ogg"),
        at("broken.db"),
    );
    let report = doctor::run(&settings(home.path(), &env)).await;
    assert!(!report.ok);
    for name in
        ["env_file", "settings", "data_dir", "store", "personas", "hold_music", "models", "port", "language_model"]
    {
        let check = of(&report, name);
        assert_eq!(check.status, Status::Fail, "{check:?}");
        assert!(check.cause.is_some() && check.fix.is_some(), "{check:?}");
    }
    assert!(of(&report, "env_file").tried.ends_with(".env line 1"));
    assert!(of(&report, "port").cause.as_deref().unwrap().contains("another program"));
    assert_eq!(of(&report, "models").fix.as_deref(), Some("warmline models pull"));
    let text = doctor::render(&report, Style::Plain);
    assert!(text.contains("✗") && text.contains("fix: ") && !text.contains('\u{1b}'), "{text}");
    assert!(!text.contains("9911062767") && !serde_json::to_string(&report).unwrap().contains("9911062767"));
}

#[tokio::test]
async fn a_good_set_up_is_called_good_and_nothing_is_left_behind() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let env = format!("WARMLINE_ADDR=127.0.0.1:0\nWARMLINE_DATA_DIR={}\n", data.display());
    let report = doctor::run(&settings(home.path(), &env)).await;
    for name in
        ["env_file", "settings", "telephony", "supervisor", "data_dir", "store", "personas", "hold_music", "port"]
    {
        assert_eq!(of(&report, name).status, Status::Ok, "{:?}", of(&report, name));
    }
    assert!(of(&report, "supervisor").tried.starts_with("+…02"));
    assert_eq!(of(&report, "language_model").status, Status::Skipped);
    assert!(!data.exists() && std::fs::read_dir(home.path()).unwrap().count() == 1);
}
