use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// Where everything is, and how it is built.
pub(crate) struct Place {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// Cargo's target directory, absolute.
    pub(crate) target: PathBuf,
    /// Whether to build optimised.
    pub(crate) release: bool,
}

impl Place {
    pub(crate) fn find(release: bool) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has to be in the workspace")?;
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => env::current_dir()?.join(dir),
            None => beside_this_program()?,
        };
        Ok(Self { root: root.to_owned(), target, release })
    }

    /// The same, optimised: what users get is what is tested.
    pub(crate) fn optimised(&self) -> Self {
        Self { root: self.root.clone(), target: self.target.clone(), release: true }
    }

    /// The finished site: `pkg/` and what is in `public/`.
    pub(crate) fn site(&self) -> PathBuf {
        self.target.join("site")
    }

    /// Where cargo puts a program of the workspace's.
    pub(crate) fn program(&self, name: &str, release: bool) -> PathBuf {
        let name = format!("{name}{}", env::consts::EXE_SUFFIX);
        self.target.join(if release { "release" } else { "debug" }).join(name)
    }

    /// The Cargo profile of the page.
    pub(crate) fn page_profile(&self) -> &'static str {
        if self.release { "wasm-release" } else { "wasm-dev" }
    }
}

/// Cargo put this program at `<target>/<profile>/xtask`, wherever the settings say that `<target>` is.
fn beside_this_program() -> Result<PathBuf> {
    let exe = env::current_exe()?;
    let target = exe.ancestors().nth(2).context("xtask has to be started by cargo")?;
    Ok(target.to_owned())
}
