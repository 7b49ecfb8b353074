use std::path::Path;

/// How something missing is got.
#[derive(Clone, Copy)]
pub(super) struct Fix {
    pub(super) debian: &'static str,
    pub(super) mac: &'static str,
    pub(super) others: &'static str,
}

/// Whose package manager to name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    /// Debian, Ubuntu and what is made of them.
    Debian,
    Mac,
    Other,
}

impl System {
    pub(super) fn this() -> Self {
        if cfg!(target_os = "macos") {
            Self::Mac
        } else if Path::new("/etc/debian_version").exists() {
            Self::Debian
        } else {
            Self::Other
        }
    }
}

impl Fix {
    /// The same everywhere.
    pub(super) const fn everywhere(fix: &'static str) -> Self {
        Self { debian: fix, mac: fix, others: fix }
    }

    /// The line of that system; elsewhere all of them, for one may know its own after them.
    pub(super) fn lines(&self, system: System) -> String {
        let Self { debian, mac, others } = self;
        match system {
            System::Debian => format!("      {debian}\n"),
            System::Mac => format!("      {mac}\n"),
            System::Other if debian == others => format!("      {others}\n"),
            System::Other => {
                format!("      {others}\n      (Debian, Ubuntu: {debian})\n      (macOS: {mac})\n")
            }
        }
    }
}
