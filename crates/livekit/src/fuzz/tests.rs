//! The targets with their corpus, and with a fixed number of inputs made from it: the same ones each time.
//!
//! `WARMLINE_FUZZ_INPUTS` sets another number, `WARMLINE_FUZZ_SEED` makes other ones. An input that fails is kept in
//! `fuzz/artifacts`; mended, it belongs in the corpus.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::Instant,
};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// The longest input made.
const LONGEST: usize = 8_192;

macro_rules! targets {
    ($($name:ident: $inputs:literal),*) => {
        $(#[test]
        fn $name() {
            smoke(stringify!($name), super::$name, $inputs);
        })*

        #[test]
        fn every_target_is_there_for_libfuzzer_too() {
            let listed = |folder: &str| {
                let entries = fs::read_dir(folder_of(folder)).unwrap();
                let name = |entry: fs::DirEntry| entry.path().file_stem().unwrap().to_string_lossy().into_owned();
                let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
                names.sort();
                names
            };
            let mut targets = vec![$(stringify!($name).to_owned()),*];
            targets.sort();
            assert_eq!(listed("fuzz_targets"), targets);
            assert_eq!(listed("corpus"), targets);
        }
    };
}

targets! {
    red: 200_000,
    audio: 3_000,
    datagrams: 3_000,
    descriptions: 500,
    rtp: 3_000,
    signals: 1_500,
    data: 3_000,
    webhook: 5_000
}

fn smoke(target: &str, run: fn(&[u8]), inputs: usize) {
    let number = |name: &str, usual: u64| env::var(name).map_or(usual, |text| text.parse().unwrap());
    let (inputs, seed) = (number("WARMLINE_FUZZ_INPUTS", inputs as u64), number("WARMLINE_FUZZ_SEED", 1));
    let corpus = corpus(target);
    let begun = Instant::now();
    for input in &corpus {
        one(target, run, input);
    }
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..inputs {
        one(target, run, &made_up(&corpus, &mut random));
    }
    println!("{target}: {} inputs of the corpus, {inputs} made up, {:.1?}", corpus.len(), begun.elapsed());
}

fn one(target: &str, run: fn(&[u8]), input: &[u8]) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(input))) else { return };
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let kept = folder_of("artifacts").join(target);
    fs::create_dir_all(&kept).unwrap();
    let kept = kept.join(format!("crash-{:016x}", hasher.finish()));
    fs::write(&kept, input).unwrap();
    eprintln!("{target} fails with the input {} ({} bytes)", kept.display(), input.len());
    std::panic::resume_unwind(panic);
}

fn folder_of(what: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(what)
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder_of("corpus").join(target)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no corpus");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// An input of the corpus, or two of them joined, changed in some places; now and then nothing but noise.
fn made_up(corpus: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    if random.random_ratio(1, 16) {
        let length = random.random_range(0..256);
        return (0..length).map(|_| random.random()).collect();
    }
    let mut input = corpus.choose(random).unwrap().clone();
    if random.random_ratio(1, 4) {
        input.truncate(random.random_range(0..=input.len()));
        let other = corpus.choose(random).unwrap();
        input.extend_from_slice(&other[random.random_range(0..=other.len())..]);
    }
    for _ in 0..random.random_range(0..8) {
        change(&mut input, random);
    }
    input.truncate(LONGEST);
    input
}

fn change(input: &mut Vec<u8>, random: &mut StdRng) {
    let at = random.random_range(0..=input.len());
    let end = (at + random.random_range(0..32)).min(input.len());
    match random.random_range(0..7) {
        0 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
        1 if at < input.len() => input[at] = random.random(),
        // What often lies at a limit.
        2 if at < input.len() => input[at] = *[0, 1, 0x7f, 0x80, 0xff].choose(random).unwrap(),
        3 => input.insert(at, random.random()),
        4 => drop(input.drain(at..end)),
        5 => {
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
        _ => {
            let more: Vec<u8> = (0..end - at).map(|_| random.random()).collect();
            input.splice(at..end, more);
        }
    }
}
