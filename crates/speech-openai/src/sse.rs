/// A line longer than this is not what an endpoint sends.
const LONGEST_LINE: usize = 64 << 10;

/// A line that is too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Cuts bytes, however they are chunked, into the `data:` of server-sent events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
}

impl Events {
    /// Takes a chunk; gives the data lines that are whole now.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut all = Vec::new();
        let mut rest = chunk;
        while let Some(at) = rest.iter().position(|b| *b == b'\n') {
            self.add(&rest[..at])?;
            let line = std::mem::take(&mut self.line);
            all.extend(data(&line));
            rest = &rest[at + 1..];
        }
        self.add(rest)?;
        Ok(all)
    }

    /// The last line, where the stream ended without a line end.
    pub(crate) fn rest(&mut self) -> Option<String> {
        data(&std::mem::take(&mut self.line))
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + bytes.len() > LONGEST_LINE {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }
}

fn data(line: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(line);
    let data = line.trim_end_matches('\r').strip_prefix("data:")?.trim();
    (!data.is_empty()).then(|| data.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_are_cut() {
        let text = "event: x\r\ndata: {\"a\":\"é\"}\r\n\r\n: comment\ndata:2\n\ndata: [DONE]";
        for size in 1..text.len() {
            let mut events = Events::default();
            let mut all: Vec<String> = text.as_bytes().chunks(size).flat_map(|c| events.push(c).unwrap()).collect();
            all.extend(events.rest());
            assert_eq!(all, ["{\"a\":\"é\"}", "2", "[DONE]"], "chunks of {size}");
        }
    }

    #[test]
    fn a_line_has_a_bound() {
        let mut events = Events::default();
        assert_eq!(events.push(&[b'x'; LONGEST_LINE]), Ok(vec![]));
        assert_eq!(events.push(b"x"), Err(TooLong));
    }
}
