//! A small bounds-checked reader of the ORT flatbuffer format (schema: `ort.fbs`, published with ONNX Runtime).

use super::Malformed;

/// Element types, with ONNX's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum DataType {
    Float = 1,
    Uint8 = 2,
    Int8 = 3,
    Int32 = 6,
    Int64 = 7,
    Bool = 9,
}

impl DataType {
    fn from_code(code: i32) -> Result<Self, Malformed> {
        Ok(match code {
            1 => Self::Float,
            2 => Self::Uint8,
            3 => Self::Int8,
            6 => Self::Int32,
            7 => Self::Int64,
            9 => Self::Bool,
            other => return Err(Malformed::new(format!("element type {other} is not supported"))),
        })
    }

    pub(crate) fn size(self) -> usize {
        match self {
            Self::Float | Self::Int32 => 4,
            Self::Int64 => 8,
            Self::Uint8 | Self::Int8 | Self::Bool => 1,
        }
    }
}

/// A constant: little-endian elements, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Tensor<'a> {
    pub(crate) name: &'a str,
    pub(crate) dims: Vec<i64>,
    pub(crate) kind: DataType,
    pub(crate) data: &'a [u8],
}

impl Tensor<'_> {
    /// The only element of a tensor of one float.
    pub(crate) fn scalar(&self) -> Result<f32, Malformed> {
        match (self.kind, <[u8; 4]>::try_from(self.data)) {
            (DataType::Float, Ok(bytes)) => Ok(f32::from_le_bytes(bytes)),
            _ => Err(Malformed::new(format!("{} is not one float", self.name))),
        }
    }

    /// The elements of a tensor of floats.
    pub(crate) fn floats(&self) -> Result<Vec<f32>, Malformed> {
        if self.kind != DataType::Float {
            return Err(Malformed::new(format!("{} does not hold floats", self.name)));
        }
        Ok(self.data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }
}

/// An attribute of a node.
#[derive(Debug)]
pub(crate) struct Attribute<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: AttributeValue<'a>,
}

/// What an [`Attribute`] holds.
#[derive(Debug)]
pub(crate) enum AttributeValue<'a> {
    Float(f32),
    Int(i64),
    Text(&'a str),
    Tensor(Tensor<'a>),
    Graph(Graph<'a>),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) op: &'a str,
    pub(crate) name: &'a str,
    pub(crate) inputs: Vec<&'a str>,
    pub(crate) outputs: Vec<&'a str>,
    pub(crate) attributes: Vec<Attribute<'a>>,
}

/// Constants and operations.
#[derive(Debug)]
pub(crate) struct Graph<'a> {
    pub(crate) constants: Vec<Tensor<'a>>,
    pub(crate) nodes: Vec<Node<'a>>,
}

/// Graphs inside graphs: `If` holds two, and nothing holds more than that.
const MAX_DEPTH: usize = 4;

impl<'a> Graph<'a> {
    /// Reads the main graph of an `.ort` file.
    pub(crate) fn read(file: &'a [u8]) -> Result<Self, Malformed> {
        if file.get(4..8) != Some(b"ORTM") {
            return Err(Malformed::new("it is not an .ort file"));
        }
        let session = Table { file, at: read_u32(file, 0)? as usize };
        let model = session.table(1)?.ok_or_else(|| Malformed::new("it holds no model"))?;
        let graph = model.table(7)?.ok_or_else(|| Malformed::new("its model holds no graph"))?;
        read_graph(graph, 0)
    }
}

fn read_graph(table: Table<'_>, depth: usize) -> Result<Graph<'_>, Malformed> {
    if depth > MAX_DEPTH {
        return Err(Malformed::new("graphs are nested too deeply"));
    }
    let constants = table.tables(0)?.into_iter().map(read_tensor).collect::<Result<_, _>>()?;
    let nodes = table.tables(2)?.into_iter().map(|node| read_node(node, depth)).collect::<Result<_, _>>()?;
    Ok(Graph { constants, nodes })
}

fn read_tensor(table: Table<'_>) -> Result<Tensor<'_>, Malformed> {
    let tensor = Tensor {
        name: table.text(0)?,
        dims: table.scalars(2, i64::from_le_bytes)?,
        kind: DataType::from_code(table.scalar(3, i32::from_le_bytes)?.unwrap_or(0))?,
        data: table.bytes(4)?,
    };
    let elements = tensor
        .dims
        .iter()
        .try_fold(1usize, |product, dim| usize::try_from(*dim).ok().and_then(|dim| product.checked_mul(dim)));
    if elements.and_then(|n| n.checked_mul(tensor.kind.size())) != Some(tensor.data.len()) {
        return Err(Malformed::new(format!("the shape of {} does not fit its data", tensor.name)));
    }
    Ok(tensor)
}

fn read_node(table: Table<'_>, depth: usize) -> Result<Node<'_>, Malformed> {
    let attributes = table.tables(10)?.into_iter().map(|attribute| read_attribute(attribute, depth));
    Ok(Node {
        op: table.text(5)?,
        name: table.text(0)?,
        inputs: table.texts(8)?,
        outputs: table.texts(9)?,
        attributes: attributes.collect::<Result<_, _>>()?,
    })
}

fn read_attribute(table: Table<'_>, depth: usize) -> Result<Attribute<'_>, Malformed> {
    let name = table.text(0)?;
    let absent = || Malformed::new(format!("attribute {name} is empty"));
    let value = match table.scalar(2, i32::from_le_bytes)?.unwrap_or(0) {
        1 => AttributeValue::Float(table.scalar(3, f32::from_le_bytes)?.unwrap_or(0.0)),
        2 => AttributeValue::Int(table.scalar(4, i64::from_le_bytes)?.unwrap_or(0)),
        3 => AttributeValue::Text(table.text(5)?),
        4 => AttributeValue::Tensor(read_tensor(table.table(6)?.ok_or_else(absent)?)?),
        5 => AttributeValue::Graph(read_graph(table.table(7)?.ok_or_else(absent)?, depth + 1)?),
        6 => AttributeValue::Floats(table.scalars(8, f32::from_le_bytes)?),
        7 => AttributeValue::Ints(table.scalars(9, i64::from_le_bytes)?),
        other => return Err(Malformed::new(format!("attribute {name} has the unknown type {other}"))),
    };
    Ok(Attribute { name, value })
}

/// A flatbuffer table: a position whose first four bytes lead back to its list of fields.
#[derive(Clone, Copy)]
struct Table<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Table<'a> {
    /// Where a field's value lies, if the table has it.
    fn field(self, id: usize) -> Result<Option<usize>, Malformed> {
        let back = i32::from_le_bytes(read(self.file, self.at)?);
        let fields = i64::try_from(self.at).ok().map(|at| at - i64::from(back));
        let fields = fields.and_then(|at| usize::try_from(at).ok()).ok_or_else(|| Malformed::new("bad table"))?;
        let length = usize::from(u16::from_le_bytes(read(self.file, fields)?));
        if 4 + 2 * id + 2 > length {
            return Ok(None);
        }
        let offset = usize::from(u16::from_le_bytes(read(self.file, fields + 4 + 2 * id)?));
        Ok((offset != 0).then_some(self.at + offset))
    }

    fn scalar<const N: usize, T>(self, id: usize, decode: fn([u8; N]) -> T) -> Result<Option<T>, Malformed> {
        self.field(id)?.map(|at| read(self.file, at).map(decode)).transpose()
    }

    fn table(self, id: usize) -> Result<Option<Table<'a>>, Malformed> {
        self.field(id)?.map(|at| Ok(Table { file: self.file, at: follow(self.file, at)? })).transpose()
    }

    /// Start and number of elements of a vector, checked against the end of the file.
    fn vector(self, id: usize, size: usize) -> Result<(usize, usize), Malformed> {
        let Some(at) = self.field(id)? else { return Ok((0, 0)) };
        let at = follow(self.file, at)?;
        let count = read_u32(self.file, at)? as usize;
        let end = count.checked_mul(size).and_then(|bytes| bytes.checked_add(at + 4));
        match end {
            Some(end) if end <= self.file.len() => Ok((at + 4, count)),
            _ => Err(Malformed::new("a list ends behind the end of the file")),
        }
    }

    fn bytes(self, id: usize) -> Result<&'a [u8], Malformed> {
        let (start, count) = self.vector(id, 1)?;
        self.file.get(start..start + count).ok_or_else(|| Malformed::new("bad bytes"))
    }

    fn text(self, id: usize) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes(id)?).map_err(|_| Malformed::new("a name is not text"))
    }

    fn scalars<const N: usize, T>(self, id: usize, decode: fn([u8; N]) -> T) -> Result<Vec<T>, Malformed> {
        let (start, count) = self.vector(id, N)?;
        (0..count).map(|i| read(self.file, start + i * N).map(decode)).collect()
    }

    fn tables(self, id: usize) -> Result<Vec<Table<'a>>, Malformed> {
        let (start, count) = self.vector(id, 4)?;
        (0..count).map(|i| Ok(Table { file: self.file, at: follow(self.file, start + 4 * i)? })).collect()
    }

    fn texts(self, id: usize) -> Result<Vec<&'a str>, Malformed> {
        let (start, count) = self.vector(id, 4)?;
        let text = |i: usize| {
            let at = follow(self.file, start + 4 * i)?;
            let length = read_u32(self.file, at)? as usize;
            let bytes = at.checked_add(4 + length).and_then(|end| self.file.get(at + 4..end));
            bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or_else(|| Malformed::new("a name is not text"))
        };
        (0..count).map(text).collect()
    }
}

fn read<const N: usize>(file: &[u8], at: usize) -> Result<[u8; N], Malformed> {
    let bytes = at.checked_add(N).and_then(|end| file.get(at..end)).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Malformed::new("a reference leads behind the end of the file"))
}

fn read_u32(file: &[u8], at: usize) -> Result<u32, Malformed> {
    read(file, at).map(u32::from_le_bytes)
}

fn follow(file: &[u8], at: usize) -> Result<usize, Malformed> {
    at.checked_add(read_u32(file, at)? as usize).ok_or_else(|| Malformed::new("bad reference"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_not_an_ort_file() {
        for file in [&b""[..], b"ORTM", b"\x08\0\0\0ORTM", b"\xff\xff\xff\xffORTM\0\0\0\0", &[0u8; 64]] {
            assert!(Graph::read(file).is_err());
        }
    }

    #[test]
    fn a_table_without_a_model_is_an_error_and_a_cut_reference_too() {
        // The root table at 12, its list of fields (empty: four bytes long) at 8.
        let mut file = vec![12, 0, 0, 0, b'O', b'R', b'T', b'M', 4, 0, 4, 0, 4, 0, 0, 0];
        assert_eq!(Graph::read(&file).unwrap_err().0, "it holds no model");
        file.truncate(14);
        assert!(Graph::read(&file).is_err());
    }
}
