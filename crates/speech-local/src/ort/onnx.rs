//! Writes a graph as ONNX with its large constants in a file beside it, in the order that running needs.

use std::{
    collections::HashSet,
    io::{self, Write},
};

use super::{
    Malformed,
    fold::Index,
    reader::{Attribute, AttributeValue, DataType, Graph, Node, Tensor},
};

/// The version of ONNX's operators that the graphs are written in.
const OPSET: u64 = 13;
/// Constants of this size and more go to the file beside the graph.
const EXTERNAL_FROM: usize = 1024;
/// What a constant's start in that file is a multiple of.
const ALIGNMENT: usize = 64;

/// An input or output: name and dimensions (`None`: any).
pub(crate) struct Port<'a> {
    pub(crate) name: &'a str,
    pub(crate) dims: &'a [Option<u64>],
}

/// What [`write`] failed with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes `graph` with its expanded weights: the ONNX file is returned, large constants go to `data`, which the ONNX
/// file knows as `data_name`.
pub(crate) fn write(
    graph: &Graph<'_>,
    inputs: &[Port<'_>],
    outputs: &[Port<'_>],
    data: &mut impl Write,
    data_name: &str,
) -> Result<Vec<u8>, WriteError> {
    let index = Index::new(graph);
    let nodes = needed(graph, &index, outputs)?;
    let mut body = Message::default();
    let mut known: HashSet<&str> = inputs.iter().map(|port| port.name).collect();
    let mut written = 0;
    for name in nodes.iter().flat_map(|node| &node.inputs).copied().filter(|name| !name.is_empty()) {
        let constant = match (known.contains(name), index.constant(name), index.weight(name)?) {
            (false, Some(tensor), _) => (tensor.dims.clone(), tensor.kind, tensor.data.to_vec()),
            (false, None, Some(weight)) => {
                (weight.dims.clone(), DataType::Float, weight.expand().flat_map(f32::to_le_bytes).collect())
            }
            _ => continue,
        };
        known.insert(name);
        body.message(5, &external(name, &constant, data, data_name, &mut written)?);
    }
    for node in in_order(nodes, known)? {
        body.message(1, &write_node(node)?);
    }
    body.bytes(2, b"model");
    inputs.iter().for_each(|port| body.message(11, &write_port(port)));
    outputs.iter().for_each(|port| body.message(12, &write_port(port)));
    let mut opset = Message::default();
    opset.integer(2, OPSET);
    let mut model = Message::default();
    model.integer(1, 8);
    model.message(7, &body);
    model.message(8, &opset);
    Ok(model.0)
}

/// The nodes that the outputs need, without those that only expand weights.
fn needed<'g, 'a>(
    graph: &'g Graph<'a>,
    index: &Index<'g, 'a>,
    outputs: &[Port<'_>],
) -> Result<Vec<&'g Node<'a>>, Malformed> {
    let mut wanted: Vec<&str> = outputs.iter().map(|port| port.name).collect();
    let mut seen: HashSet<&str> = HashSet::new();
    let mut names: HashSet<*const Node<'a>> = HashSet::new();
    while let Some(name) = wanted.pop() {
        if !seen.insert(name) || index.constant(name).is_some() || index.weight(name)?.is_some() {
            continue;
        }
        if let Some(node) = index.producer(name)
            && names.insert(std::ptr::from_ref(node))
        {
            wanted.extend(&node.inputs);
        }
    }
    Ok(graph.nodes.iter().filter(|node| names.contains(&std::ptr::from_ref(*node))).collect())
}

/// Sorts so that every node comes after those whose results it takes.
fn in_order<'g, 'a>(mut nodes: Vec<&'g Node<'a>>, mut known: HashSet<&'a str>) -> Result<Vec<&'g Node<'a>>, Malformed> {
    let mut sorted = Vec::with_capacity(nodes.len());
    while !nodes.is_empty() {
        let ready = |node: &&Node<'a>| node.inputs.iter().all(|input| input.is_empty() || known.contains(input));
        let (now, later): (Vec<_>, Vec<_>) = nodes.into_iter().partition(ready);
        if now.is_empty() {
            return Err(Malformed::new("some of its inputs come from nowhere"));
        }
        known.extend(now.iter().flat_map(|node| &node.outputs));
        sorted.extend(now);
        nodes = later;
    }
    Ok(sorted)
}

fn external(
    name: &str,
    (dims, kind, bytes): &(Vec<i64>, DataType, Vec<u8>),
    data: &mut impl Write,
    data_name: &str,
    written: &mut usize,
) -> Result<Message, io::Error> {
    if bytes.len() < EXTERNAL_FROM {
        return Ok(write_tensor(&Tensor { name, dims: dims.clone(), kind: *kind, data: bytes }));
    }
    let padding = written.next_multiple_of(ALIGNMENT) - *written;
    data.write_all(&[0; ALIGNMENT][..padding])?;
    data.write_all(bytes)?;
    let offset = *written + padding;
    *written = offset + bytes.len();
    let mut message = tensor_header(name, dims, *kind);
    for (key, value) in
        [("location", data_name.to_owned()), ("offset", offset.to_string()), ("length", bytes.len().to_string())]
    {
        let mut entry = Message::default();
        entry.bytes(1, key.as_bytes());
        entry.bytes(2, value.as_bytes());
        message.message(13, &entry);
    }
    message.integer(14, 1);
    Ok(message)
}

fn tensor_header(name: &str, dims: &[i64], kind: DataType) -> Message {
    let mut message = Message::default();
    dims.iter().for_each(|dim| message.integer(1, dim.cast_unsigned()));
    message.integer(2, kind as u64);
    message.bytes(8, name.as_bytes());
    message
}

fn write_tensor(tensor: &Tensor<'_>) -> Message {
    let mut message = tensor_header(tensor.name, &tensor.dims, tensor.kind);
    message.bytes(9, tensor.data);
    message
}

fn write_node(node: &Node<'_>) -> Result<Message, Malformed> {
    let mut message = Message::default();
    node.inputs.iter().for_each(|input| message.bytes(1, input.as_bytes()));
    node.outputs.iter().for_each(|output| message.bytes(2, output.as_bytes()));
    message.bytes(3, node.name.as_bytes());
    message.bytes(4, node.op.as_bytes());
    for attribute in &node.attributes {
        message.message(5, &write_attribute(attribute)?);
    }
    Ok(message)
}

fn write_attribute(attribute: &Attribute<'_>) -> Result<Message, Malformed> {
    let mut message = Message::default();
    message.bytes(1, attribute.name.as_bytes());
    let kind = match &attribute.value {
        AttributeValue::Float(value) => {
            message.float(2, *value);
            1
        }
        AttributeValue::Int(value) => {
            message.integer(3, value.cast_unsigned());
            2
        }
        AttributeValue::Text(value) => {
            message.bytes(4, value.as_bytes());
            3
        }
        AttributeValue::Tensor(value) => {
            message.message(5, &write_tensor(value));
            4
        }
        AttributeValue::Graph(_) => return Err(Malformed::new("a graph inside a graph is not expected here")),
        AttributeValue::Floats(values) => {
            values.iter().for_each(|value| message.float(7, *value));
            6
        }
        AttributeValue::Ints(values) => {
            values.iter().for_each(|value| message.integer(8, value.cast_unsigned()));
            7
        }
    };
    message.integer(20, kind);
    Ok(message)
}

fn write_port(port: &Port<'_>) -> Message {
    let mut shape = Message::default();
    for (i, dim) in port.dims.iter().enumerate() {
        let mut message = Message::default();
        match dim {
            Some(size) => message.integer(1, *size),
            None => message.bytes(2, format!("{}_{i}", port.name).as_bytes()),
        }
        shape.message(1, &message);
    }
    let mut tensor = Message::default();
    tensor.integer(1, DataType::Float as u64);
    tensor.message(2, &shape);
    let mut kind = Message::default();
    kind.message(1, &tensor);
    let mut message = Message::default();
    message.bytes(1, port.name.as_bytes());
    message.message(2, &kind);
    message
}

/// A protobuf message while it is written.
#[derive(Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(super) fn integer(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    pub(super) fn float(&mut self, field: u64, value: f32) {
        self.varint(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
    }

    pub(super) fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }
}

#[cfg(test)]
mod tests {
    use rten::{Model, ValueView};

    use super::*;

    /// `y = x × (2·q + 1)` with `q` in int8, written, loaded and run by rten.
    #[test]
    fn a_written_graph_runs_with_its_weights_expanded() {
        let scale = 2f32.to_le_bytes();
        let zero = 1f32.to_le_bytes();
        let constant = |name, kind, dims, data| Tensor { name, dims, kind, data };
        let node = |op, inputs: &[&'static str], output| Node {
            op,
            name: output,
            inputs: inputs.to_vec(),
            outputs: vec![output],
            attributes: vec![],
        };
        let graph = Graph {
            constants: vec![
                constant("q", DataType::Int8, vec![2], &[3, 0xff]),
                constant("scale", DataType::Float, vec![1], &scale),
                constant("zero", DataType::Float, vec![1], &zero),
            ],
            // Out of order on purpose.
            nodes: vec![
                node("Mul", &["x", "w"], "y"),
                node("Add", &["scaled", "zero"], "w"),
                node("Mul", &["cast", "scale"], "scaled"),
                node("Cast", &["q"], "cast"),
            ],
        };
        let port = |name| Port { name, dims: &[Some(2)] };
        let mut data = Vec::new();
        let file = write(&graph, &[port("x")], &[port("y")], &mut data, "x.data").unwrap();
        assert!(data.is_empty(), "small constants stay in the graph");
        let model = Model::load(file).unwrap();
        let x = ValueView::from_shape([2], &[10f32, 10.0]).unwrap();
        let y = model.run_one(x.into(), None).unwrap();
        assert_eq!(y.into_shape_vec::<f32, 1>().unwrap().1, [70.0, -10.0]);
    }
}
