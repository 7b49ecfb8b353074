//! The voice: a Piper model on rten.

use std::{collections::HashMap, path::Path, sync::Arc};

use rten::{Model, NodeId, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use serde::Deserialize;

use crate::style::Delivery;

/// Names of the voice's files.
pub(crate) mod files {
    pub(crate) const MODEL: &str = "piper.onnx";
    pub(crate) const SETTINGS: &str = "piper.json";
}

#[derive(Deserialize)]
struct Settings {
    audio: AudioSettings,
    inference: InferenceSettings,
    phoneme_id_map: HashMap<String, Vec<i32>>,
}

#[derive(Deserialize)]
struct AudioSettings {
    sample_rate: u32,
}

#[derive(Deserialize)]
struct InferenceSettings {
    noise_scale: f32,
    length_scale: f32,
    noise_w: f32,
}

/// A Piper voice, loaded.
pub(crate) struct Piper {
    model: Model,
    input: NodeId,
    lengths: NodeId,
    scales: NodeId,
    output: NodeId,
    settings: Settings,
    symbols: HashMap<char, i32>,
}

impl Piper {
    /// Loads the files of a folder.
    pub(crate) fn load(folder: &Path) -> Result<Self, String> {
        let model = Model::load_file(folder.join(files::MODEL)).map_err(|error| error.to_string())?;
        let settings = std::fs::read(folder.join(files::SETTINGS)).map_err(|error| error.to_string())?;
        let settings: Settings = serde_json::from_slice(&settings).map_err(|error| error.to_string())?;
        let symbols = settings.phoneme_id_map.iter();
        let symbols = symbols.filter_map(|(symbol, ids)| Some((symbol.chars().next()?, *ids.first()?))).collect();
        let node = |name| model.node_id(name).map_err(|error| error.to_string());
        let (input, lengths, scales) = (node("input")?, node("input_lengths")?, node("scales")?);
        let output = node("output")?;
        Ok(Self { input, lengths, scales, output, model, settings, symbols })
    }

    /// Samples a second that [`Self::speak`] gives.
    pub(crate) fn sample_rate(&self) -> u32 {
        self.settings.audio.sample_rate
    }

    /// Speaks Piper's phoneme symbols, a few hundred at most: samples in ±1 at [`Self::sample_rate`].
    pub(crate) fn speak(&self, symbols: &str, how: &Delivery, pool: &Arc<ThreadPool>) -> Result<Vec<f32>, String> {
        let mut ids = vec![1, 0];
        for id in symbols.chars().filter_map(|symbol| self.symbols.get(&symbol)) {
            ids.extend([*id, 0]);
        }
        ids.push(2);
        let length = i32::try_from(ids.len()).map_err(|error| error.to_string())?;
        let scales = vec![
            self.settings.inference.noise_scale * how.liveliness,
            self.settings.inference.length_scale * how.length * how.pitch,
            self.settings.inference.noise_w * how.liveliness,
        ];
        let inputs = vec![
            (self.input, NdTensor::from_data([1, ids.len()], ids).into()),
            (self.lengths, NdTensor::from_data([1], vec![length]).into()),
            (self.scales, NdTensor::from_data([3], scales).into()),
        ];
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let run = self.model.run_n(inputs, [self.output], Some(options));
        let [audio] = run.map_err(|error| error.to_string())?;
        let (_, audio) = audio.into_shape_vec::<f32, 4>().map_err(|error| error.to_string())?;
        Ok(audio)
    }
}
