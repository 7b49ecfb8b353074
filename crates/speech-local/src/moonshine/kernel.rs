//! Matrices of int8 weights and the products of them that one decoder step needs.
//!
//! A step multiplies vectors, not matrices, so its time is the time of reading the weights: int8 reads a quarter of
//! what floats would. The vector is rounded to 14 bits, and the sums are whole numbers, exact and free to reorder.

use std::sync::Arc;

use rten_simd::{Isa, SimdOp};

/// Largest whole number in a rounded vector: `1664 columns × 127 × 8191` still fits 31 bits.
const LARGEST: f32 = 8191.0;
/// Longest row whose sums fit.
pub(crate) const MAX_COLUMNS: usize = 2048;

/// A part of a shared block of bytes.
#[derive(Clone, Debug)]
pub(crate) struct Bytes {
    pub(crate) block: Arc<[i8]>,
    pub(crate) start: usize,
    pub(crate) length: usize,
}

impl Bytes {
    fn all(&self) -> &[i8] {
        &self.block[self.start..self.start + self.length]
    }
}

/// `rows × columns` weights, row by row: `value = scale × q + zero`.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    pub(crate) columns: usize,
    pub(crate) weights: Bytes,
    pub(crate) scale: f32,
    pub(crate) zero: f32,
}

impl Matrix {
    /// `out[r] = row r · x`.
    pub(crate) fn multiply(&self, x: &Rounded, out: &mut Vec<f32>) {
        out.clear();
        Product { matrix: self, x, out }.dispatch();
    }

    /// One row, as floats.
    pub(crate) fn row(&self, row: usize) -> Option<impl Iterator<Item = f32> + '_> {
        let row = self.weights.all().chunks_exact(self.columns).nth(row)?;
        Some(row.iter().map(|q| f32::from(*q) * self.scale + self.zero))
    }
}

/// A product that is compiled once for each kind of vector instructions; the best that the processor has is chosen when
/// it runs. The loops are plain ones: the compiler turns them into vector instructions, six times faster than without.
struct Product<'a> {
    matrix: &'a Matrix,
    x: &'a Rounded,
    out: &'a mut Vec<f32>,
}

impl SimdOp for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, _: I) {
        let Self { matrix, x, out } = self;
        let factor = matrix.scale * x.step;
        let offset = matrix.zero * x.sum;
        for row in matrix.weights.all().chunks_exact(matrix.columns) {
            out.push(dot(row, &x.values) as f32 * factor + offset);
        }
    }
}

/// A vector rounded to whole numbers: `x ≈ step × values`.
#[derive(Debug, Default)]
pub(crate) struct Rounded {
    values: Vec<i16>,
    step: f32,
    sum: f32,
}

impl Rounded {
    pub(crate) fn set(&mut self, x: &[f32]) {
        let peak = x.iter().fold(f32::MIN_POSITIVE, |peak, value| peak.max(value.abs()));
        let scale = LARGEST / peak;
        self.step = peak / LARGEST;
        self.sum = x.iter().sum();
        self.values.clear();
        self.values.extend(x.iter().map(|value| (value * scale).round_ties_even() as i16));
    }
}

/// Wraps, which never happens: checks for it would keep the loop from becoming vector instructions in debug builds.
#[inline(always)]
fn dot(row: &[i8], x: &[i16]) -> i32 {
    let products = row.iter().zip(x).map(|(q, x)| i32::from(*q).wrapping_mul(i32::from(*x)));
    products.fold(0, i32::wrapping_add)
}

/// `a · b`, in a form that compilers turn into vector instructions.
pub(crate) fn dot_floats(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<4>();
    let (b, b_rest) = b.as_chunks::<4>();
    let mut lanes = [0f32; 4];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..4 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_what_floats_give_to_four_digits() {
        let (rows, columns) = (5, 416);
        let block: Arc<[i8]> = (0..rows * columns).map(|i| ((i * 37 + 11) % 255) as u8 as i8).collect();
        let weights = Bytes { block, start: 0, length: rows * columns };
        let matrix = Matrix { columns, weights, scale: 0.01, zero: 0.3 };
        let x: Vec<f32> = (0..columns).map(|i| ((i * 13 % 101) as f32 - 40.0) * 0.2).collect();
        let mut rounded = Rounded::default();
        rounded.set(&x);
        let mut out = Vec::new();
        matrix.multiply(&rounded, &mut out);
        for (row, got) in out.iter().enumerate() {
            let expected: f32 = matrix.row(row).unwrap().zip(&x).map(|(w, x)| w * x).sum();
            assert!((got - expected).abs() < expected.abs() * 1e-3 + 0.05, "{got} {expected}");
        }
    }

    #[test]
    fn the_longest_row_of_extremes_does_not_overflow() {
        let row = vec![-128i8; MAX_COLUMNS];
        let x = vec![8191i16; MAX_COLUMNS];
        assert_eq!(dot(&row, &x), -128 * 8191 * MAX_COLUMNS as i32);
    }
}
