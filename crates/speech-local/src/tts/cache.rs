//! What was spoken before: a bounded memory, and files for fixed lines.

use std::{collections::HashMap, io, path::Path, sync::Arc};

use sha2::{Digest, Sha256};

use super::Chunk;
use crate::style::Delivery;

/// Most bytes of sound that are kept in memory: about 17 minutes.
const MOST_BYTES: usize = 32 << 20;
/// Rendered files are of this version of the voice: grows when it sounds different.
const VERSION: u32 = 2;

/// A clause in a style. Only a hash is kept, since clauses hold what people said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn new(clause: &str, how: &Delivery) -> Self {
        let Delivery { length, pitch, gain, liveliness } = *how;
        let mut hash = Sha256::new();
        hash.update(VERSION.to_le_bytes());
        [length, pitch, gain, liveliness].iter().for_each(|value| hash.update(value.to_le_bytes()));
        hash.update(clause.trim());
        Self(hash.finalize().into())
    }

    pub(super) fn file_name(&self) -> String {
        let hex: String = self.0.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("{hex}.pcm")
    }
}

/// The clauses that were spoken last, and those of fixed lines.
#[derive(Default)]
pub(super) struct Cache {
    fixed: HashMap<Key, Chunk>,
    kept: HashMap<Key, (u64, Chunk)>,
    bytes: usize,
    uses: u64,
}

impl Cache {
    pub(super) fn get(&mut self, key: &Key) -> Option<Chunk> {
        if let Some(audio) = self.fixed.get(key) {
            return Some(Arc::clone(audio));
        }
        self.uses += 1;
        let (used, audio) = self.kept.get_mut(key)?;
        *used = self.uses;
        Some(Arc::clone(audio))
    }

    /// Keeps it for good: there is only so much that is rendered ahead.
    pub(super) fn put_for_good(&mut self, key: Key, audio: Chunk) {
        self.fixed.insert(key, audio);
    }

    pub(super) fn put(&mut self, key: Key, audio: Chunk) {
        let size = size_of_val(&audio[..]);
        if size == 0 || size > MOST_BYTES {
            return;
        }
        self.uses += 1;
        if let Some((_, old)) = self.kept.insert(key, (self.uses, audio)) {
            self.bytes -= size_of_val(&old[..]);
        }
        self.bytes += size;
        while self.bytes > MOST_BYTES {
            let oldest = self.kept.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| *key);
            let Some((_, old)) = oldest.and_then(|key| self.kept.remove(&key)) else { break };
            self.bytes -= size_of_val(&old[..]);
        }
    }
}

/// Reads a rendered line, if there is one.
pub(super) async fn read(path: &Path) -> Option<Chunk> {
    let bytes = tokio::fs::read(path).await.ok()?;
    let (samples, rest) = bytes.as_chunks::<2>();
    let whole = rest.is_empty() && !samples.is_empty();
    whole.then(|| samples.iter().map(|sample| i16::from_le_bytes(*sample)).collect())
}

/// Writes a rendered line: all of it, or nothing.
pub(super) async fn write(path: &Path, audio: &[i16]) -> io::Result<()> {
    let bytes: Vec<u8> = audio.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    let unfinished = path.with_extension(format!("{}.part", std::process::id()));
    tokio::fs::write(&unfinished, bytes).await?;
    tokio::fs::rename(&unfinished, path).await
}

#[cfg(test)]
mod tests {
    use warmline_voice::VoiceStyle;

    use super::*;

    fn key(clause: &str, emotion: &str) -> Key {
        Key::new(clause, &Delivery::of(&VoiceStyle { language: "en".into(), emotion: emotion.into(), voice: 0 }))
    }

    #[test]
    fn what_is_used_stays_and_the_bound_holds() {
        let mut cache = Cache::default();
        let megabytes = |n: usize| Arc::from(vec![0i16; n << 19]);
        cache.put(key("a", "Calm"), megabytes(12));
        cache.put(key("b", "Calm"), megabytes(12));
        assert!(cache.get(&key("a", "calm")).is_some(), "emotions are the same in any case");
        assert!(cache.get(&key("a", "Sad")).is_none());
        cache.put(key("c", "Calm"), megabytes(12));
        assert!(cache.get(&key("b", "Calm")).is_none(), "the least used went");
        assert!(cache.get(&key("a", "Calm")).is_some() && cache.get(&key("c", "Calm")).is_some());
        cache.put(key("d", "Calm"), megabytes(40));
        assert!(cache.get(&key("d", "Calm")).is_none() && cache.bytes == 24 << 20);
        cache.put(key("a", "Calm"), megabytes(1));
        assert_eq!(cache.bytes, 13 << 20);
    }

    #[test]
    fn fixed_lines_stay_whatever_else_is_said() {
        let mut cache = Cache::default();
        cache.put_for_good(key("hold", "Calm"), Arc::from([1; 16]));
        for n in 0..40 {
            cache.put(key(&n.to_string(), "Calm"), Arc::from(vec![0; 1 << 19]));
        }
        assert!(cache.get(&key("hold", "Calm")).is_some() && cache.get(&key("0", "Calm")).is_none());
        assert!(cache.bytes <= MOST_BYTES);
    }

    #[tokio::test]
    async fn rendered_files_survive_and_cut_ones_are_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deeper").join(key("a", "Calm").file_name());
        assert!(read(&path).await.is_none());
        write(&path, &[1, -2, 3]).await.unwrap();
        assert_eq!(read(&path).await.unwrap()[..], [1, -2, 3]);
        std::fs::write(&path, [1, 2, 3]).unwrap();
        assert!(read(&path).await.is_none());
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
