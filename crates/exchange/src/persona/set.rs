//! The personas of an exchange: those that come with it, and the user's own.

use std::{collections::HashMap, fs, path::Path, sync::Arc};

use super::{
    file::{PersonaError, parse},
    script::{Persona, Role},
};

/// The customer whom a customer's leg reaches at a number that nobody has.
pub const DEFAULT_CUSTOMER: &str = "+15550100001";

/// The supervisor whom a supervisor's leg reaches at a number that nobody has.
pub const DEFAULT_SUPERVISOR: &str = "+15550100002";

/// Files that a folder of personas may have.
const FILES: usize = 1_000;

/// Who can be called.
#[derive(Clone, Debug, Default)]
pub struct Personas {
    all: Vec<Arc<Persona>>,
    by_number: HashMap<String, Arc<Persona>>,
}

impl Personas {
    /// Those that come with the exchange; `personas/README.md` of this crate lists their numbers.
    #[must_use]
    pub fn built_in() -> Self {
        let mut personas = Self::default();
        for (file, text) in BUILT_IN {
            match parse(Path::new(file), text) {
                Ok(persona) => personas.add(persona),
                Err(error) => tracing::error!(%error, "a built-in persona is broken"),
            }
        }
        personas
    }

    /// The built-in ones and those of a folder: every `*.toml` in it. Of two that have the same number, the folder's wins.
    ///
    /// # Errors
    /// The folder can't be read, or one of its files can't be used: the first problem, with file, line and fix.
    pub fn load(dir: &Path) -> Result<Self, PersonaError> {
        let mut personas = Self::built_in();
        let mut taken: HashMap<String, String> = HashMap::new();
        for path in files(dir)? {
            let text = fs::read_to_string(&path).map_err(|error| problem(&path, format!("can't be read: {error}")))?;
            let persona = parse(&path, &text)?;
            for number in persona.numbers() {
                if let Some(other) = taken.insert(number.clone(), path.display().to_string()) {
                    let line = text.lines().position(|line| line.contains(number)).map(|at| at + 1);
                    let problem = format!("the number {number} is taken by {other}; give each persona its own");
                    return Err(PersonaError { file: path.clone(), line, problem });
                }
            }
            personas.add(persona);
        }
        Ok(personas)
    }

    /// Whose number it is.
    #[must_use]
    pub fn find(&self, number: &str) -> Option<Arc<Persona>> {
        self.by_number.get(number).cloned()
    }

    /// All of them, the built-in ones first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Persona>> {
        self.all.iter()
    }

    /// Who answers at a number that nobody has.
    pub(crate) fn default_for(&self, role: Role) -> Arc<Persona> {
        let number = match role {
            Role::Customer => DEFAULT_CUSTOMER,
            Role::Supervisor => DEFAULT_SUPERVISOR,
        };
        self.find(number).unwrap_or_else(|| Arc::new(Persona::silent(role)))
    }

    fn add(&mut self, persona: Persona) {
        let persona = Arc::new(persona);
        for number in persona.numbers() {
            self.by_number.insert(number.clone(), Arc::clone(&persona));
        }
        self.all.push(persona);
    }
}

/// The folder's persona files, by name.
fn files(dir: &Path) -> Result<Vec<std::path::PathBuf>, PersonaError> {
    let unreadable = |error: std::io::Error| {
        problem(dir, format!("the folder of personas can't be read: {error}; create it or give another path"))
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
        if paths.len() > FILES {
            return Err(problem(dir, format!("more than {FILES} personas; move some elsewhere")));
        }
    }
    paths.sort();
    Ok(paths)
}

fn problem(file: &Path, problem: String) -> PersonaError {
    PersonaError { file: file.to_owned(), line: None, problem }
}

macro_rules! built_in {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("../../personas/", $file)))),*]
    };
}

#[rustfmt::skip]
const BUILT_IN: &[(&str, &str)] = built_in![
    "customer-default.toml",
    "customer-other-words.toml",
    "customer-goodbye.toml",
    "customer-accepts-offer.toml",
    "customer-interrupts.toml",
    "customer-silent.toml",
    "customer-slow.toml",
    "customer-unclear.toml",
    "customer-never-mind.toml",
    "customer-hangs-up-greeting.toml",
    "customer-hangs-up-conversing.toml",
    "customer-hangs-up-hold.toml",
    "customer-hangs-up-briefing.toml",
    "customer-hangs-up-merged.toml",
    "customer-voicemail.toml",
    "customer-busy.toml",
    "customer-no-answer.toml",
    "customer-declined.toml",
    "customer-unreachable.toml",
    "customer-invalid.toml",
    "customer-trunk-failure.toml",
    "customer-noisy.toml",
    "supervisor-default.toml",
    "supervisor-presses-1.toml",
    "supervisor-declines.toml",
    "supervisor-presses-2.toml",
    "supervisor-busy.toml",
    "supervisor-no-answer.toml",
    "supervisor-unreachable.toml",
    "supervisor-voicemail.toml",
    "supervisor-hangs-up-briefing.toml",
    "supervisor-unclear.toml",
    "supervisor-silent.toml",
    "supervisor-asks-first.toml",
    "supervisor-hangs-up-merged.toml",
    "supervisor-late.toml",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_persona_can_be_reached_and_is_in_the_readme() {
        let readme = include_str!("../../personas/README.md");
        let personas = Personas::built_in();
        assert_eq!(personas.all().count(), BUILT_IN.len(), "one is broken");
        for (file, text) in BUILT_IN {
            let persona = parse(Path::new(file), text).unwrap();
            for number in persona.numbers() {
                assert_eq!(personas.find(number).unwrap().name(), persona.name(), "{number} is taken twice");
                let row = format!("| {number} | `{file}` | {} |", persona.about());
                assert!(readme.contains(&row), "the README lacks {row}");
            }
            assert!(!persona.about().is_empty(), "{file}");
        }
        assert_eq!(personas.default_for(Role::Customer).role(), Role::Customer);
        assert_eq!(personas.default_for(Role::Supervisor).role(), Role::Supervisor);
    }

    #[test]
    fn every_file_of_the_folder_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("personas");
        let there: Vec<_> = files(&folder).unwrap().iter().map(|p| p.file_name().unwrap().to_owned()).collect();
        let mut known: Vec<_> = BUILT_IN.iter().map(|(file, _)| std::ffi::OsString::from(file)).collect();
        known.sort();
        assert_eq!(there, known);
    }

    #[test]
    fn a_folder_adds_to_the_built_in_ones_and_wins() {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, number: &str| {
            let text = format!("name = \"{file}\"\nrole = \"customer\"\nnumbers = [\"{number}\"]\n");
            fs::write(dir.path().join(file), text).unwrap();
        };
        write("a.toml", "+15550100001");
        write("b.toml", "+491234567");
        fs::write(dir.path().join("notes.txt"), "not a persona").unwrap();
        let personas = Personas::load(dir.path()).unwrap();
        assert_eq!(personas.find("+15550100001").unwrap().name(), "a.toml");
        assert_eq!(personas.find("+491234567").unwrap().name(), "b.toml");
        assert!(personas.find(DEFAULT_SUPERVISOR).is_some());
        write("c.toml", "+491234567");
        let said = Personas::load(dir.path()).expect_err("two have one number").to_string();
        assert!(said.contains("c.toml, line 3") && said.contains("b.toml"), "{said}");
        let said = Personas::load(&dir.path().join("none")).expect_err("there is no folder").to_string();
        assert!(said.contains("none") && said.contains("create it"), "{said}");
    }
}
