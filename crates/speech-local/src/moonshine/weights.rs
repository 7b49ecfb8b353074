//! The decoder's weights in one file: a JSON table of contents, then the int8 data, laid out as the products want it.

use std::{collections::BTreeMap, io::Write, sync::Arc};

use serde::{Deserialize, Serialize};

use super::kernel::{Bytes, MAX_COLUMNS, Matrix};
use crate::ort::{Malformed, fold::Quantised, reader::Tensor};

/// First bytes of the file.
const MAGIC: &[u8; 8] = b"WLDEC001";

/// What the file holds, by name.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Contents {
    matrices: BTreeMap<String, Entry>,
    vectors: BTreeMap<String, Vec<f32>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    rows: usize,
    columns: usize,
    start: usize,
    scale: f32,
    zero: f32,
}

/// Collects weights and writes the file.
#[derive(Default)]
pub(crate) struct Writer {
    contents: Contents,
    data: Vec<u8>,
}

impl Writer {
    /// Adds a matrix that is stored row by row as it is used (the embedding).
    pub(crate) fn rows(&mut self, name: String, weight: &Quantised<'_>) -> Result<(), Malformed> {
        let (rows, columns) = shape(&name, weight)?;
        self.entry(name, rows, columns, weight);
        self.data.extend(weight.data);
        Ok(())
    }

    /// Adds a matrix that is stored input by input: it is turned, so that each output's weights lie together.
    pub(crate) fn turned(&mut self, name: String, weight: &Quantised<'_>) -> Result<(), Malformed> {
        let (inputs, outputs) = shape(&name, weight)?;
        self.entry(name, outputs, inputs, weight);
        for output in 0..outputs {
            self.data.extend(weight.data.iter().skip(output).step_by(outputs));
        }
        Ok(())
    }

    fn entry(&mut self, name: String, rows: usize, columns: usize, weight: &Quantised<'_>) {
        let entry = Entry { rows, columns, start: self.data.len(), scale: weight.scale, zero: weight.zero };
        self.contents.matrices.insert(name, entry);
    }

    pub(crate) fn vector(&mut self, name: String, tensor: &Tensor<'_>) -> Result<(), Malformed> {
        self.contents.vectors.insert(name, tensor.floats()?);
        Ok(())
    }

    pub(crate) fn write(&self, file: &mut impl Write) -> std::io::Result<()> {
        let contents = serde_json::to_vec(&self.contents)?;
        file.write_all(MAGIC)?;
        file.write_all(&(contents.len() as u64).to_le_bytes())?;
        file.write_all(&contents)?;
        file.write_all(&self.data)
    }
}

fn shape(name: &str, weight: &Quantised<'_>) -> Result<(usize, usize), Malformed> {
    let dims: Vec<usize> = weight.dims.iter().filter_map(|dim| usize::try_from(*dim).ok()).collect();
    match dims[..] {
        [first, second] if first.checked_mul(second) == Some(weight.data.len()) && first > 0 && second > 0 => {
            Ok((first, second))
        }
        _ => Err(Malformed::new(format!("{name} is not a matrix"))),
    }
}

/// The weights of a file, read whole.
pub(crate) struct Weights {
    contents: Contents,
    data: Arc<[i8]>,
}

impl Weights {
    pub(crate) fn read(file: &[u8]) -> Result<Self, Malformed> {
        let bad = || Malformed::new("the decoder's file is cut or of another version");
        let rest = file.strip_prefix(MAGIC).ok_or_else(bad)?;
        let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(bad)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| bad())?;
        let (contents, data) = rest.split_at_checked(length).ok_or_else(bad)?;
        let contents = serde_json::from_slice(contents).map_err(|_| bad())?;
        Ok(Self { contents, data: data.iter().map(|byte| byte.cast_signed()).collect() })
    }

    pub(crate) fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Matrix, Malformed> {
        let entry = self.contents.matrices.get(name).ok_or_else(|| Malformed::new(format!("{name} is missing")))?;
        let length = rows * columns;
        let fits = entry.start.checked_add(length).is_some_and(|end| end <= self.data.len());
        if (entry.rows, entry.columns) != (rows, columns) || columns > MAX_COLUMNS || !fits {
            return Err(Malformed::new(format!("{name} has another shape than expected")));
        }
        let weights = Bytes { block: Arc::clone(&self.data), start: entry.start, length };
        Ok(Matrix { columns, weights, scale: entry.scale, zero: entry.zero })
    }

    pub(crate) fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, Malformed> {
        match self.contents.vectors.get(name) {
            Some(vector) if vector.len() == length => Ok(vector.clone()),
            _ => Err(Malformed::new(format!("{name} is missing or has another length"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_turned() {
        let mut writer = Writer::default();
        let weight = Quantised { dims: vec![2, 3], data: &[1, 2, 3, 4, 5, 6], scale: 1.0, zero: 0.0 };
        writer.rows("rows".into(), &weight).unwrap();
        writer.turned("turned".into(), &weight).unwrap();
        let mut file = Vec::new();
        writer.write(&mut file).unwrap();
        let weights = Weights::read(&file).unwrap();
        let row = |name, rows, columns, row| {
            weights.matrix(name, rows, columns).unwrap().row(row).unwrap().collect::<Vec<f32>>()
        };
        assert_eq!(row("rows", 2, 3, 1), [4.0, 5.0, 6.0]);
        assert_eq!(row("turned", 3, 2, 1), [2.0, 5.0]);
        assert!(weights.matrix("rows", 3, 2).is_err());
        assert!(Weights::read(&file[..20]).is_err());
    }
}
