//! The recogniser: Moonshine base-en. The encoder runs on rten, the decoder on int8 weights here.

mod decoder;
pub(crate) mod kernel;
mod tokenizer;
pub(crate) mod weights;

use std::{collections::HashMap, path::Path, sync::Arc};

use rten::{Model, NodeId, RunOptions, ThreadPool};
use rten_tensor::NdTensor;

pub(crate) use decoder::LAYERS;
use decoder::{Decoder, Decoding, TOKENS, WIDTH};
use tokenizer::Tokenizer;
use weights::Weights;

/// Names of the recogniser's converted files.
pub(crate) mod files {
    pub(crate) const ENCODER: &str = "moonshine-encoder.onnx";
    pub(crate) const ENCODER_DATA: &str = "moonshine-encoder.data";
    pub(crate) const DECODER: &str = "moonshine-decoder.bin";
    pub(crate) const TOKENIZER: &str = "moonshine-tokenizer.bin";
}

/// Samples a second that the recogniser hears.
pub(crate) const SAMPLE_RATE: usize = 16_000;
const START: u32 = 1;
const END: u32 = 2;
/// Fewer samples than this are padded with silence: the encoder's filters need some context.
const SHORTEST: usize = SAMPLE_RATE / 2;
/// Longest audio that is listened to at once.
const LONGEST: usize = 30 * SAMPLE_RATE;
/// People say fewer tokens a second than this.
const TOKENS_A_SECOND: f32 = 6.5;
/// The same few tokens this often in a row are the model's stutter, not the speaker's.
const MAX_REPEATS: usize = 4;

/// Recognition stopped without a text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    /// Nobody waits for it any more, or somebody more important does.
    #[error("cancelled")]
    Cancelled,
    /// The model failed.
    #[error("{0}")]
    Failed(String),
}

impl Stopped {
    fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Moonshine, loaded.
pub(crate) struct Moonshine {
    encoder: Model,
    input: NodeId,
    output: NodeId,
    decoder: Decoder,
    tokenizer: Tokenizer,
}

/// Audio as the encoder heard it, ready to be decoded.
pub(crate) struct Heard {
    decoding: Decoding,
    seconds: f32,
}

impl Moonshine {
    /// Loads the converted files of a folder.
    pub(crate) fn load(folder: &Path) -> Result<Self, String> {
        let read = |name: &str| std::fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"));
        let encoder = Model::load_file(folder.join(files::ENCODER)).map_err(|error| error.to_string())?;
        let node = |name| encoder.node_id(name).map_err(|error| error.to_string());
        let (input, output) = (node("input_values")?, node("last_hidden_state")?);
        let weights = Weights::read(&read(files::DECODER)?).map_err(|error| error.to_string())?;
        let decoder = Decoder::new(&weights).map_err(|error| error.to_string())?;
        let tokenizer = Tokenizer::read(&read(files::TOKENIZER)?).map_err(|error| error.to_string())?;
        if tokenizer.len() > TOKENS {
            return Err("the list of words does not fit the model".to_owned());
        }
        Ok(Self { encoder, input, output, decoder, tokenizer })
    }

    /// Listens to 16 kHz mono audio.
    pub(crate) fn hear(&self, audio: &[i16], pool: &Arc<ThreadPool>) -> Result<Heard, Stopped> {
        let audio = &audio[..audio.len().min(LONGEST)];
        let seconds = audio.len() as f32 / SAMPLE_RATE as f32;
        let mut samples: Vec<f32> = audio.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
        samples.resize(samples.len().max(SHORTEST), 0.0);
        let input = NdTensor::from_data([1, samples.len()], samples);
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let run = self.encoder.run_n(vec![(self.input, input.into())], [self.output], Some(options));
        let [heard] = run.map_err(Stopped::failed)?;
        let (shape, heard) = heard.into_shape_vec::<f32, 3>().map_err(Stopped::failed)?;
        if shape[2] != WIDTH {
            return Err(Stopped::failed("the encoder does not fit the decoder"));
        }
        Ok(Heard { decoding: self.decoder.start(&heard), seconds })
    }

    /// The likeliest text, token by token, and the natural logarithm of its probability. `stop` is asked between tokens.
    pub(crate) fn transcribe(&self, heard: &mut Heard, stop: &dyn Fn() -> bool) -> Result<(String, f32), Stopped> {
        let mut probability = 0.0;
        let limit = 6 + (heard.seconds * TOKENS_A_SECOND) as usize;
        let mut tokens: Vec<u32> = Vec::new();
        let mut likely = Vec::new();
        heard.decoding.rewind(0);
        let mut token = START;
        while tokens.len() < limit {
            if stop() {
                return Err(Stopped::Cancelled);
            }
            self.decoder.step(&mut heard.decoding, token, &mut likely).map_err(Stopped::failed)?;
            if tokens.is_empty()
                && let Some(end) = likely.get_mut(END as usize)
            {
                // The VAD heard speech, so there is a text; short answers come back empty otherwise.
                *end = f32::NEG_INFINITY;
            }
            token = likeliest(&likely);
            probability += likely.get(token as usize).map_or(0.0, |likely_one| likely_one - log_sum(&likely));
            if token == END {
                break;
            }
            tokens.push(token);
            if let Some(length) = stutter(&tokens) {
                tokens.truncate(length);
                break;
            }
        }
        Ok((self.tokenizer.decode(&tokens), probability))
    }

    /// How likely each answer is: the natural logarithm of its probability, its end included.
    pub(crate) fn weigh(
        &self,
        heard: &mut Heard,
        answers: &[&str],
        stop: &dyn Fn() -> bool,
    ) -> Result<Vec<f32>, Stopped> {
        let mut weighed = vec![f32::NEG_INFINITY; answers.len()];
        let mut tree = Tree::default();
        for (i, answer) in answers.iter().enumerate() {
            if let Some(tokens) = self.tokenizer.encode(answer) {
                tree.insert(&tokens, i);
            }
        }
        heard.decoding.rewind(0);
        self.walk(&mut heard.decoding, &tree, START, 0.0, &mut weighed, stop)?;
        Ok(weighed)
    }

    /// Answers that begin alike share the steps of their beginning.
    fn walk(
        &self,
        decoding: &mut Decoding,
        tree: &Tree,
        token: u32,
        so_far: f32,
        weighed: &mut [f32],
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Stopped> {
        if stop() {
            return Err(Stopped::Cancelled);
        }
        let mut likely = Vec::new();
        self.decoder.step(decoding, token, &mut likely).map_err(Stopped::failed)?;
        let sum = log_sum(&likely);
        let log = |token: u32| likely.get(token as usize).map_or(f32::NEG_INFINITY, |x| x - sum);
        if let Some(answer) = tree.answer {
            weighed[answer] = so_far + log(END);
        }
        let here = decoding.tokens();
        for (next, branch) in &tree.branches {
            decoding.rewind(here);
            self.walk(decoding, branch, *next, so_far + log(*next), weighed, stop)?;
        }
        Ok(())
    }
}

/// Answers by their tokens.
#[derive(Default)]
struct Tree {
    answer: Option<usize>,
    branches: HashMap<u32, Tree>,
}

impl Tree {
    fn insert(&mut self, tokens: &[u32], answer: usize) {
        let mut place = self;
        for token in tokens {
            place = place.branches.entry(*token).or_default();
        }
        place.answer = Some(answer);
    }
}

fn likeliest(likely: &[f32]) -> u32 {
    let best = likely.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.and_then(|(token, _)| u32::try_from(token).ok()).unwrap_or(END)
}

fn log_sum(x: &[f32]) -> f32 {
    let peak = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    peak + x.iter().map(|x| (x - peak).exp()).sum::<f32>().ln()
}

/// Where the tokens end in repeats: how many of them to keep.
fn stutter(tokens: &[u32]) -> Option<usize> {
    (1..=8).find_map(|period| {
        let length = period * MAX_REPEATS;
        // Digits and letters are said several times in a row ("one one one"), so short periods need more repeats.
        let length = if period == 1 { length * 2 } else { length };
        let tail = tokens.get(tokens.len().checked_sub(length)?..)?;
        let repeats = tail.iter().skip(period).zip(tail).all(|(a, b)| a == b);
        repeats.then_some(tokens.len() - length + period)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stutter_is_cut_and_repeated_digits_are_not() {
        assert_eq!(stutter(&[5, 6, 7]), None);
        assert_eq!(stutter(&[9, 5, 5, 5, 5]), None);
        assert_eq!(stutter(&[9, 5, 5, 5, 5, 5, 5, 5, 5]), Some(2));
        assert_eq!(stutter(&[9, 1, 2, 1, 2, 1, 2, 1, 2]), Some(3));
    }
}
