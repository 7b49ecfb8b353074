//! Reading ONNX Runtime's `.ort` files and writing what rten loads.
//!
//! The recogniser ships as two `.ort` flatbuffers whose int8 weights are expanded by `Cast`, `Mul` and `Add` nodes on
//! every run. [`reader`] reads them, [`fold`] finds the weights behind those nodes, [`onnx`] writes a plain graph.
//! [`seed`] makes a graph with noise in it give the same result every time.

pub(crate) mod fold;
pub(crate) mod onnx;
pub(crate) mod reader;
pub(crate) mod seed;

/// A model file does not hold what it should.
#[derive(Debug, thiserror::Error)]
#[error("the model file is damaged: {0}")]
pub(crate) struct Malformed(pub(crate) String);

impl Malformed {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}
