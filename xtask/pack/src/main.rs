//! Makes a browser's files of the compiled page. The xtask builds and runs it; it is a program of its own because its
//! dependencies take longer to compile than whoever starts Warmline for the first time should wait for a first word.

mod precompress;
mod slim;

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::slim::slim;

const HELP: &str = "\
xtask-pack bind WASM FOLDER NAME [--release]   makes NAME.js and NAME_bg.wasm in FOLDER
xtask-pack compress FOLDER [--release]         makes the compressed twins of FOLDER's files; without --release removes them";

fn main() -> Result<()> {
    let mut args: Vec<OsString> = env::args_os().skip(1).collect();
    let release = args.iter().any(|arg| arg == "--release");
    args.retain(|arg| arg != "--release");
    let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    match words.iter().map(AsRef::as_ref).collect::<Vec<_>>()[..] {
        ["bind", _, _, name] => bind(&PathBuf::from(&args[1]), &PathBuf::from(&args[2]), name, release),
        ["compress", _] => precompress::bring_up_to_date(&PathBuf::from(&args[1]), release),
        _ => bail!("{HELP}"),
    }
}

/// Makes the JavaScript bindings, and takes out of the program what never runs.
fn bind(wasm: &Path, folder: &Path, name: &str, release: bool) -> Result<()> {
    Bindgen::new()
        .input_path(wasm)
        .web(true)?
        .out_name(name)
        .typescript(false)
        .keep_debug(false)
        .generate(folder)
        .context("the JavaScript bindings cannot be made")?;
    slim(&folder.join(format!("{name}_bg.wasm")), !release)
}
