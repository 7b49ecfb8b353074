//! Finds the int8 weights behind the nodes that expand them on every run.

use std::collections::HashMap;

use super::{
    Malformed,
    reader::{DataType, Graph, Node, Tensor},
};

/// A weight as it is stored: `value = scale × q + zero`.
#[derive(Clone, Debug)]
pub(crate) struct Quantised<'a> {
    pub(crate) dims: Vec<i64>,
    pub(crate) data: &'a [u8],
    pub(crate) scale: f32,
    pub(crate) zero: f32,
}

impl Quantised<'_> {
    /// The values themselves, in the stored order.
    pub(crate) fn expand(&self) -> impl Iterator<Item = f32> + '_ {
        self.data.iter().map(|q| f32::from(q.cast_signed()) * self.scale + self.zero)
    }
}

/// Constants and producers of a graph, by name.
pub(crate) struct Index<'g, 'a> {
    constants: HashMap<&'a str, &'g Tensor<'a>>,
    producers: HashMap<&'a str, &'g Node<'a>>,
}

impl<'g, 'a> Index<'g, 'a> {
    pub(crate) fn new(graph: &'g Graph<'a>) -> Self {
        let constants = graph.constants.iter().map(|tensor| (tensor.name, tensor)).collect();
        let mut producers = HashMap::new();
        for node in &graph.nodes {
            producers.extend(node.outputs.iter().map(|output| (*output, node)));
        }
        Self { constants, producers }
    }

    pub(crate) fn constant(&self, name: &str) -> Option<&'g Tensor<'a>> {
        self.constants.get(name).copied()
    }

    pub(crate) fn producer(&self, name: &str) -> Option<&'g Node<'a>> {
        self.producers.get(name).copied()
    }

    /// The weight behind `Add(Mul(Cast(q), scale), zero)`, or `None` where the name is something else.
    pub(crate) fn weight(&self, name: &str) -> Result<Option<Quantised<'a>>, Malformed> {
        let Some((sum, zero)) = self.scaled(name, "Add")? else { return Ok(None) };
        let Some((product, scale)) = self.scaled(sum, "Mul")? else { return Ok(None) };
        let Some(cast) = self.producers.get(product).filter(|node| node.op == "Cast") else { return Ok(None) };
        let Some(q) = cast.inputs.first().and_then(|input| self.constant(input)) else { return Ok(None) };
        if q.kind != DataType::Int8 {
            return Ok(None);
        }
        Ok(Some(Quantised { dims: q.dims.clone(), data: q.data, scale, zero }))
    }

    /// `name = op(x, constant)` with a constant of one float: `x` and the float.
    fn scaled(&self, name: &str, op: &str) -> Result<Option<(&'a str, f32)>, Malformed> {
        let Some(node) = self.producers.get(name).filter(|node| node.op == op) else { return Ok(None) };
        let [value, factor] = node.inputs[..] else { return Ok(None) };
        let Some(factor) = self.constant(factor).filter(|tensor| tensor.data.len() == 4) else { return Ok(None) };
        Ok(Some((value, factor.scalar()?)))
    }
}
