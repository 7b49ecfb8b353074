use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use warmline_call::Private;

use super::{
    dotenv::{EnvFile, Rule},
    known::{self, KNOWN},
    problem::{Area, Problem, Severity},
    value::Origin,
};

/// Where settings come from: flags over environment over `.env` over defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Flags that were given.
    pub flags: Vec<Flag>,
    /// The environment.
    pub environment: BTreeMap<String, Private<String>>,
    /// The `.env` file.
    pub env_file: EnvFileSource,
}

/// A flag that was given.
#[derive(Clone, Debug)]
pub struct Flag {
    /// As it is written, `--addr`.
    pub flag: &'static str,
    /// The setting it stands for.
    pub setting: &'static str,
    /// Its value.
    pub value: Private<String>,
}

/// Which `.env` is read.
#[derive(Clone, Debug, Default)]
pub enum EnvFileSource {
    /// None.
    #[default]
    None,
    /// This one, if it is there.
    IfThere(PathBuf),
    /// This one; it has to be there.
    Required(PathBuf),
}

impl Sources {
    /// Those of this process: its environment, and `.env` in its working directory unless another file is named.
    #[must_use]
    pub fn of_process(flags: Vec<Flag>, env_file: Option<PathBuf>) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, Private::from(value.into_string().ok()?))))
            .collect();
        let env_file = match env_file {
            Some(path) => EnvFileSource::Required(path),
            None => EnvFileSource::IfThere(PathBuf::from(".env")),
        };
        Self { flags, environment, env_file }
    }
}

/// A value that somebody set.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) text: Private<String>,
    pub(super) origin: Origin,
}

/// What the layers came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    /// By name; an empty value counts as not set.
    pub(super) given: BTreeMap<&'static str, Given>,
    /// Settings whose only value is on a line that can't be used.
    pub(super) broken: Vec<&'static str>,
    pub(super) problems: Vec<Problem>,
    pub(super) env_file: Option<PathBuf>,
}

pub(super) fn gather(sources: &Sources) -> Gathered {
    let mut gathered = Gathered::default();
    let (path, file) = read(&sources.env_file, &mut gathered.problems);
    for known in KNOWN {
        let flag = sources.flags.iter().rfind(|f| f.setting == known.name);
        let found = if let Some(flag) = flag {
            Some(Given { text: flag.value.clone(), origin: Origin::Flag { flag: flag.flag } })
        } else if let Some(text) = sources.environment.get(known.name) {
            Some(Given { text: text.clone(), origin: Origin::Environment })
        } else {
            file.get(known.name).map(|entry| Given {
                text: entry.value.clone(),
                origin: Origin::EnvFile { file: path.to_path_buf(), line: entry.line },
            })
        };
        match found {
            Some(given) if !given.text.reveal().trim().is_empty() => {
                gathered.given.insert(known.name, given);
            }
            Some(_) => {}
            None if has_broken_line(&file, known.name) => gathered.broken.push(known.name),
            None => {}
        }
    }
    lints(path, &file, &mut gathered);
    odd_names(sources, &mut gathered.problems);
    gathered.env_file = match sources.env_file {
        EnvFileSource::None => None,
        _ => path.exists().then(|| path.to_path_buf()),
    };
    gathered
}

fn read<'a>(source: &'a EnvFileSource, problems: &mut Vec<Problem>) -> (&'a Path, EnvFile) {
    let (path, required) = match source {
        EnvFileSource::None => return (Path::new(""), EnvFile::default()),
        EnvFileSource::IfThere(path) => (path.as_path(), false),
        EnvFileSource::Required(path) => (path.as_path(), true),
    };
    let cause = match EnvFile::read(path) {
        Ok(Some(file)) => return (path, file),
        Ok(None) if !required => return (path, EnvFile::default()),
        Ok(None) => format!("{} is not there", path.display()),
        Err(error) => format!("{} can't be read: {error}", path.display()),
    };
    problems.push(Problem {
        severity: Severity::Fatal,
        area: Area::EnvFile,
        setting: None,
        origin: None,
        cause,
        fix: "name a file that can be read with --env-file, or leave the flag out".to_owned(),
    });
    (path, EnvFile::default())
}

fn has_broken_line(file: &EnvFile, name: &str) -> bool {
    file.lints.iter().any(|l| l.rule == Rule::DoubleEquals && l.key.as_deref() == Some(name))
}

/// A `KEY==value` line stops calls only where nothing else gives that setting a value.
fn lints(path: &Path, file: &EnvFile, gathered: &mut Gathered) {
    for lint in &file.lints {
        let broken = lint.key.as_deref().is_some_and(|key| gathered.broken.contains(&key));
        let severity = match lint.rule {
            Rule::DoubleEquals if broken => Severity::NotReady,
            Rule::Encoding if file.entries.is_empty() => Severity::NotReady,
            _ => Severity::Warning,
        };
        gathered.problems.push(Problem {
            severity,
            area: Area::EnvFile,
            setting: lint.key.clone(),
            origin: Some(Origin::EnvFile { file: path.to_path_buf(), line: lint.line }),
            cause: lint.cause.clone(),
            fix: lint.fix.clone(),
        });
    }
}

/// Names in the environment that look like a setting's.
fn odd_names(sources: &Sources, problems: &mut Vec<Problem>) {
    for name in sources.environment.keys().filter(|n| n.starts_with("WARMLINE_") || n.starts_with("LIVEKIT_")) {
        if known::find(name).is_some() {
            continue;
        }
        if let Some(meant) = known::nearest(name) {
            problems.push(Problem {
                severity: Severity::Warning,
                area: Area::Values,
                setting: Some(name.clone()),
                origin: Some(Origin::Environment),
                cause: format!("{name} is no setting; did you mean {meant}?"),
                fix: format!("unset {name} and set {meant}"),
            });
        }
    }
}
