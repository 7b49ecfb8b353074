//! Seeds the random operators of an ONNX file, so that the same words are spoken alike every time: what was tested is
//! what is heard, and what is spoken once is as good as spoken anew.

use super::{Malformed, onnx::Message};

/// Operators whose results differ from run to run unless they have a seed.
const RANDOM: &[&[u8]] =
    &[b"RandomNormal", b"RandomNormalLike", b"RandomUniform", b"RandomUniformLike", b"Multinomial", b"Bernoulli"];

/// Field numbers of the messages of ONNX's protobuf schema.
mod field {
    pub(super) const GRAPH: u64 = 7;
    pub(super) const NODE: u64 = 1;
    pub(super) const OPERATOR: u64 = 4;
    pub(super) const ATTRIBUTE: u64 = 5;
}

/// Copies an ONNX file; every random operator of its graph gets a seed of its own.
pub(crate) fn seed(model: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut seeds = 0u16;
    let seeded = rewrite(model, field::GRAPH, |graph| {
        rewrite(graph, field::NODE, |node| {
            let mut copy = node.to_vec();
            if is_random(node)? {
                seeds += 1;
                copy.extend(attribute(f32::from(seeds)).0);
            }
            Ok(copy)
        })
    })?;
    if seeds == 0 { Err(Malformed::new("it has no random operator")) } else { Ok(seeded) }
}

fn is_random(node: &[u8]) -> Result<bool, Malformed> {
    for field in Fields(node) {
        let field = field?;
        if field.number == field::OPERATOR && RANDOM.contains(&field.content) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `seed`, as the field of a node.
fn attribute(seed: f32) -> Message {
    let mut attribute = Message::default();
    attribute.bytes(1, b"seed");
    attribute.float(2, seed);
    attribute.integer(20, 1);
    let mut field = Message::default();
    field.message(field::ATTRIBUTE, &attribute);
    field
}

/// Copies a message, and what `change` makes of every field with that number.
fn rewrite(
    message: &[u8],
    number: u64,
    mut change: impl FnMut(&[u8]) -> Result<Vec<u8>, Malformed>,
) -> Result<Vec<u8>, Malformed> {
    let mut copy = Message(Vec::with_capacity(message.len() + 1024));
    for field in Fields(message) {
        let field = field?;
        if field.number == number {
            copy.bytes(number, &change(field.content)?);
        } else {
            copy.0.extend(field.whole);
        }
    }
    Ok(copy.0)
}

/// A field of a message.
struct Field<'a> {
    number: u64,
    /// With its number and length.
    whole: &'a [u8],
    /// Of a string, a message or a number of fixed size; empty for others.
    content: &'a [u8],
}

/// The fields that are left of a message.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<Field<'a>> {
        let all = self.0;
        let key = self.varint()?;
        let content = match key & 7 {
            0 => {
                self.varint()?;
                &[]
            }
            1 => self.take(8)?,
            2 => {
                let length = self.varint()?;
                self.take(length)?
            }
            5 => self.take(4)?,
            _ => return None,
        };
        Some(Field { number: key >> 3, whole: &all[..all.len() - self.0.len()], content })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or_else(|| Malformed::new("a field of the ONNX file is cut off")))
    }
}

#[cfg(test)]
mod tests {
    use rten::{Model, ValueView};

    use super::*;
    use crate::ort::{
        onnx::{self, Port},
        reader::{Graph, Node},
    };

    fn noise() -> Vec<u8> {
        let node = |output| Node {
            op: "RandomNormalLike",
            name: output,
            inputs: vec!["x"],
            outputs: vec![output],
            attributes: vec![],
        };
        let graph = Graph { constants: vec![], nodes: vec![node("y"), node("z")] };
        let port = |name| Port { name, dims: &[Some(4)] };
        onnx::write(&graph, &[port("x")], &[port("y"), port("z")], &mut Vec::new(), "x.data").unwrap()
    }

    fn run(model: &Model) -> [Vec<f32>; 2] {
        let x = ValueView::from_shape([4], &[0f32; 4]).unwrap();
        let ids = ["x", "y", "z"].map(|name| model.node_id(name).unwrap());
        let values = model.run_n(vec![(ids[0], x.into())], [ids[1], ids[2]], None).unwrap();
        values.map(|value| value.into_shape_vec::<f32, 1>().unwrap().1)
    }

    #[test]
    fn noise_with_a_seed_is_the_same_on_every_run_and_of_every_operator_another() {
        let unseeded = Model::load(noise()).unwrap();
        assert_ne!(run(&unseeded), run(&unseeded));
        let seeded = Model::load(seed(&noise()).unwrap()).unwrap();
        let [y, z] = run(&seeded);
        assert_eq!([y.clone(), z.clone()], run(&seeded));
        assert_ne!(y, z);
    }

    #[test]
    fn what_is_cut_off_or_has_no_noise_is_refused() {
        let whole = noise();
        let taken: Vec<_> = (1..whole.len()).filter(|length| seed(&whole[..*length]).is_ok()).collect();
        // Without its last field, the operators' version, the graph is still whole.
        assert_eq!(taken, [whole.len() - 4]);
        assert!(seed(&[]).unwrap_err().to_string().contains("no random operator"));
        assert!(seed(&[0xff; 20]).is_err());
    }
}
