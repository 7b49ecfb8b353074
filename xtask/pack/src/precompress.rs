//! Compressed twins of the site's files, so that the server compresses nothing while calls are on.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Result;
use flate2::{Compression, write::GzEncoder};

/// What pays to compress.
const KINDS: [&str; 5] = ["wasm", "js", "css", "svg", "json"];

/// Release: every file gets its `.br` and `.gz`. Development: there are none, since an outdated twin would be served.
pub(crate) fn bring_up_to_date(site: &Path, release: bool) -> Result<()> {
    let mut folders = vec![site.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| KINDS.iter().any(|k| kind == *k)) {
                if release { compress(&path)? } else { forget(&path)? }
            }
        }
    }
    Ok(())
}

fn compress(path: &Path) -> Result<()> {
    let changed = |path: &Path| fs::metadata(path).and_then(|m| m.modified());
    let (br, gz) = twins(path);
    let original = changed(path)?;
    if [&br, &gz].iter().all(|twin| changed(twin).is_ok_and(|at| at >= original)) {
        return Ok(());
    }
    let bytes = fs::read(path)?;
    let mut packed = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    brotli::BrotliCompress(&mut bytes.as_slice(), &mut packed, &params)?;
    fs::write(br, &packed)?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&bytes)?;
    fs::write(gz, gzip.finish()?)?;
    Ok(())
}

fn forget(path: &Path) -> Result<()> {
    let (br, gz) = twins(path);
    for twin in [br, gz] {
        if twin.exists() {
            fs::remove_file(twin)?;
        }
    }
    Ok(())
}

fn twins(path: &Path) -> (PathBuf, PathBuf) {
    let twin = |kind: &str| PathBuf::from(format!("{}.{kind}", path.display()));
    (twin("br"), twin("gz"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn twins_hold_the_same_bytes_and_go_away_in_development() {
        let dir = tempfile::tempdir().unwrap();
        let text = "warm line ".repeat(100);
        fs::write(dir.path().join("a.css"), &text).unwrap();
        bring_up_to_date(dir.path(), true).unwrap();

        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(fs::File::open(dir.path().join("a.css.gz")).unwrap())
            .read_to_string(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, text);
        let mut unpacked = Vec::new();
        brotli::BrotliDecompress(&mut fs::File::open(dir.path().join("a.css.br")).unwrap(), &mut unpacked).unwrap();
        assert_eq!(unpacked, text.as_bytes());

        bring_up_to_date(dir.path(), false).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
