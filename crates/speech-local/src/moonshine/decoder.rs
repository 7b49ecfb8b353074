//! Moonshine base's decoder: eight layers of self-attention, cross-attention and a gated MLP, one token a step.

use super::{
    kernel::{Matrix, Rounded, dot_floats},
    weights::Weights,
};
use crate::ort::Malformed;

/// Width of the model.
pub(crate) const WIDTH: usize = 416;
/// Layers of the decoder.
pub(crate) const LAYERS: usize = 8;
/// Number of tokens.
pub(crate) const TOKENS: usize = 32_768;
const HEADS: usize = 8;
const HEAD: usize = WIDTH / HEADS;
/// Dimensions of a head that are turned by its position.
const ROTATED: usize = 32;
const INNER: usize = 1664;
const EPSILON: f32 = 1e-5;

/// The decoder's weights.
pub(crate) struct Decoder {
    embedding: Matrix,
    layers: Vec<Layer>,
    norm: Vec<f32>,
}

struct Layer {
    self_norm: Vec<f32>,
    own: Attention,
    cross_norm: Vec<f32>,
    cross: Attention,
    mlp_norm: Vec<f32>,
    up: Matrix,
    up_bias: Vec<f32>,
    down: Matrix,
    down_bias: Vec<f32>,
}

struct Attention {
    query: Matrix,
    key: Matrix,
    value: Matrix,
    out: Matrix,
}

/// What a decoding has behind it: keys and values of the audio and of the tokens so far.
pub(crate) struct Decoding {
    layers: Vec<Cache>,
    tokens: usize,
    scratch: Scratch,
}

#[derive(Default)]
struct Cache {
    keys: Vec<f32>,
    values: Vec<f32>,
    heard_keys: Vec<f32>,
    heard_values: Vec<f32>,
}

#[derive(Default)]
struct Scratch {
    state: Vec<f32>,
    normed: Vec<f32>,
    rounded: Rounded,
    query: Vec<f32>,
    new: Vec<f32>,
    mixed: Vec<f32>,
    scores: Vec<f32>,
    inner: Vec<f32>,
}

impl Decoding {
    /// Tokens so far.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Goes back to when there were that many tokens.
    pub(crate) fn rewind(&mut self, tokens: usize) {
        self.tokens = self.tokens.min(tokens);
        for cache in &mut self.layers {
            cache.keys.truncate(self.tokens * WIDTH);
            cache.values.truncate(self.tokens * WIDTH);
        }
    }
}

impl Decoder {
    pub(crate) fn new(weights: &Weights) -> Result<Self, Malformed> {
        let layers = (0..LAYERS).map(|i| Layer::new(weights, i)).collect::<Result<_, _>>()?;
        Ok(Self {
            embedding: weights.matrix("embedding", TOKENS, WIDTH)?,
            layers,
            norm: weights.vector("norm", WIDTH)?,
        })
    }

    /// Starts to decode what the encoder heard: `[frames × WIDTH]`.
    pub(crate) fn start(&self, heard: &[f32]) -> Decoding {
        let mut rounded = Rounded::default();
        let mut row = Vec::new();
        let mut layers: Vec<Cache> = self.layers.iter().map(|_| Cache::default()).collect();
        for frame in heard.chunks_exact(WIDTH) {
            rounded.set(frame);
            for (layer, cache) in self.layers.iter().zip(&mut layers) {
                layer.cross.key.multiply(&rounded, &mut row);
                cache.heard_keys.extend(&row);
                layer.cross.value.multiply(&rounded, &mut row);
                cache.heard_values.extend(&row);
            }
        }
        Decoding { layers, tokens: 0, scratch: Scratch::default() }
    }

    /// Takes a token in and writes how likely each next token is (unnormalised, [`TOKENS`] of them).
    pub(crate) fn step(&self, decoding: &mut Decoding, token: u32, likely: &mut Vec<f32>) -> Result<(), Malformed> {
        let row = self.embedding.row(token as usize).ok_or_else(|| Malformed::new("no such token"))?;
        let Decoding { layers, tokens, scratch } = decoding;
        scratch.state.clear();
        scratch.state.extend(row);
        for (layer, cache) in self.layers.iter().zip(layers) {
            layer.step(cache, *tokens, scratch);
        }
        *tokens += 1;
        normalise(&scratch.state, &self.norm, &mut scratch.normed);
        scratch.rounded.set(&scratch.normed);
        self.embedding.multiply(&scratch.rounded, likely);
        Ok(())
    }
}

impl Layer {
    fn new(weights: &Weights, i: usize) -> Result<Self, Malformed> {
        let attention = |kind: &str| {
            let matrix = |name: &str| weights.matrix(&format!("{i}.{kind}.{name}"), WIDTH, WIDTH);
            let (query, key, value, out) = (matrix("query")?, matrix("key")?, matrix("value")?, matrix("out")?);
            Ok::<_, Malformed>(Attention { query, key, value, out })
        };
        let vector = |name: &str, length| weights.vector(&format!("{i}.{name}"), length);
        Ok(Self {
            self_norm: vector("self.norm", WIDTH)?,
            own: attention("self")?,
            cross_norm: vector("cross.norm", WIDTH)?,
            cross: attention("cross")?,
            mlp_norm: vector("mlp.norm", WIDTH)?,
            up: weights.matrix(&format!("{i}.mlp.up"), 2 * INNER, WIDTH)?,
            up_bias: vector("mlp.up.bias", 2 * INNER)?,
            down: weights.matrix(&format!("{i}.mlp.down"), WIDTH, INNER)?,
            down_bias: vector("mlp.down.bias", WIDTH)?,
        })
    }

    fn step(&self, cache: &mut Cache, position: usize, s: &mut Scratch) {
        normalise(&s.state, &self.self_norm, &mut s.normed);
        s.rounded.set(&s.normed);
        self.own.query.multiply(&s.rounded, &mut s.query);
        rotate(&mut s.query, position);
        self.own.key.multiply(&s.rounded, &mut s.new);
        rotate(&mut s.new, position);
        cache.keys.extend(&s.new);
        self.own.value.multiply(&s.rounded, &mut s.new);
        cache.values.extend(&s.new);
        attend(&s.query, &cache.keys, &cache.values, &mut s.scores, &mut s.mixed);
        s.rounded.set(&s.mixed);
        self.own.out.multiply(&s.rounded, &mut s.new);
        add(&mut s.state, &s.new);

        normalise(&s.state, &self.cross_norm, &mut s.normed);
        s.rounded.set(&s.normed);
        self.cross.query.multiply(&s.rounded, &mut s.query);
        attend(&s.query, &cache.heard_keys, &cache.heard_values, &mut s.scores, &mut s.mixed);
        s.rounded.set(&s.mixed);
        self.cross.out.multiply(&s.rounded, &mut s.new);
        add(&mut s.state, &s.new);

        normalise(&s.state, &self.mlp_norm, &mut s.normed);
        s.rounded.set(&s.normed);
        self.up.multiply(&s.rounded, &mut s.inner);
        add(&mut s.inner, &self.up_bias);
        let (values, gates) = s.inner.split_at_mut(INNER);
        for (value, gate) in values.iter_mut().zip(gates) {
            *value *= *gate / (1.0 + (-*gate).exp());
        }
        s.rounded.set(&s.inner[..INNER]);
        self.down.multiply(&s.rounded, &mut s.new);
        add(&mut s.state, &s.new);
        add(&mut s.state, &self.down_bias);
    }
}

fn normalise(x: &[f32], weight: &[f32], out: &mut Vec<f32>) {
    let count = x.len() as f32;
    let mean = x.iter().sum::<f32>() / count;
    let variance = x.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count;
    let scale = 1.0 / (variance + EPSILON).sqrt();
    out.clear();
    out.extend(x.iter().zip(weight).map(|(value, weight)| (value - mean) * scale * weight));
}

/// Turns the first [`ROTATED`] dimensions of each head, pair by pair, by angles that grow with the position.
fn rotate(x: &mut [f32], position: usize) {
    for pair in 0..ROTATED / 2 {
        let angle = position as f32 * 10_000f32.powf(-2.0 * pair as f32 / ROTATED as f32);
        let (sin, cos) = angle.sin_cos();
        for head in x.chunks_exact_mut(HEAD) {
            let (a, b) = (head[2 * pair], head[2 * pair + 1]);
            head[2 * pair] = a * cos - b * sin;
            head[2 * pair + 1] = b * cos + a * sin;
        }
    }
}

/// For each head: the values, mixed by how well their keys fit the query.
fn attend(query: &[f32], keys: &[f32], values: &[f32], scores: &mut Vec<f32>, mixed: &mut Vec<f32>) {
    let scale = 1.0 / (HEAD as f32).sqrt();
    mixed.clear();
    mixed.resize(WIDTH, 0.0);
    for (head, query) in query.chunks_exact(HEAD).enumerate() {
        let part = head * HEAD..(head + 1) * HEAD;
        scores.clear();
        scores.extend(keys.chunks_exact(WIDTH).map(|key| dot_floats(query, &key[part.clone()]) * scale));
        let peak = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        scores.iter_mut().for_each(|score| *score = (*score - peak).exp());
        let sum = 1.0 / scores.iter().sum::<f32>();
        let out = &mut mixed[part.clone()];
        for (value, score) in values.chunks_exact(WIDTH).zip(scores.iter()) {
            for (out, value) in out.iter_mut().zip(&value[part.clone()]) {
                *out += value * score * sum;
            }
        }
    }
}

fn add(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}
