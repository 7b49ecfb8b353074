//! Moonshine's pieces of words.

use std::collections::HashMap;

use crate::ort::Malformed;

/// Marks the start of a word in a piece.
const SPACE: char = '▁';

/// Turns tokens into text and text into tokens.
pub(crate) struct Tokenizer {
    pieces: Vec<Vec<u8>>,
    tokens: HashMap<Vec<u8>, u32>,
    longest: usize,
}

impl Tokenizer {
    /// Reads `tokenizer.bin`: each piece follows its length, which takes one byte, or two from 128 on.
    pub(crate) fn read(mut file: &[u8]) -> Result<Self, Malformed> {
        let cut = || Malformed::new("the list of words is cut");
        let mut pieces = Vec::new();
        while let Some((first, rest)) = file.split_first() {
            let (length, rest) = match first {
                0..128 => (usize::from(*first), rest),
                _ => {
                    let (second, rest) = rest.split_first().ok_or_else(cut)?;
                    (usize::from(*second) * 128 + usize::from(*first) - 128, rest)
                }
            };
            let (piece, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
            pieces.push(piece.to_vec());
            file = rest;
        }
        let longest = pieces.iter().map(Vec::len).max().unwrap_or(0);
        // The first pieces are single bytes, for text that has no other; a piece that comes again is the ordinary one.
        let tokens = pieces.iter().cloned().zip(0u32..).collect();
        Ok(Self { pieces, tokens, longest })
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// The text of tokens, without marks such as the end of the sentence.
    pub(crate) fn decode(&self, tokens: &[u32]) -> String {
        let mut bytes = Vec::new();
        for piece in tokens.iter().filter_map(|token| self.pieces.get(*token as usize)) {
            match byte_of(piece) {
                Some(byte) => bytes.push(byte),
                None if piece.starts_with(b"<") && piece.ends_with(b">") && piece.len() > 2 => {}
                None => bytes.extend(piece),
            }
        }
        String::from_utf8_lossy(&bytes).replace(SPACE, " ").trim().to_owned()
    }

    /// Tokens of a text, always the longest piece that fits; `None` where a character has no piece.
    pub(crate) fn encode(&self, text: &str) -> Option<Vec<u32>> {
        let text: String = format!(" {}", text.trim()).replace(' ', "▁");
        let mut rest = text.as_bytes();
        let mut tokens = Vec::new();
        while !rest.is_empty() {
            let mut lengths = (1..=self.longest.min(rest.len())).rev();
            let (token, length) = lengths.find_map(|n| self.tokens.get(&rest[..n]).map(|token| (*token, n)))?;
            tokens.push(token);
            rest = &rest[length..];
        }
        Some(tokens)
    }
}

/// The byte that a piece such as `<0x0A>` stands for.
fn byte_of(piece: &[u8]) -> Option<u8> {
    let digits = piece.strip_prefix(b"<0x")?.strip_suffix(b">")?;
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer() -> Tokenizer {
        let mut file = Vec::new();
        for piece in ["<unk>", "<s>", "</s>", "<0x21>", "▁Ye", "▁Yes", ".", "s", ".", "▁"] {
            file.push(piece.len() as u8);
            file.extend(piece.as_bytes());
        }
        let long = "x".repeat(130);
        file.extend([130, 1]);
        file.extend(long.as_bytes());
        Tokenizer::read(&file).unwrap()
    }

    #[test]
    fn texts_survive_and_the_longest_piece_wins() {
        let tokenizer = tokenizer();
        assert_eq!(tokenizer.encode("Yes."), Some(vec![5, 8]));
        assert_eq!(tokenizer.decode(&[1, 5, 3, 4, 8, 2]), "Yes! Ye.");
        assert_eq!(tokenizer.encode("q"), None);
        assert_eq!(tokenizer.len(), 11);
    }

    #[test]
    fn a_cut_file_is_an_error() {
        assert!(Tokenizer::read(&[3, b'a']).is_err());
        assert!(Tokenizer::read(&[200]).is_err());
    }
}
