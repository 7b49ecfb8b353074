//! Reads `.env` and says what is odd about it, line by line.

use std::{fmt, io, path::Path};

use serde::Serialize;
use warmline_call::Private;

use super::known::{self, Shown};

/// A `.env` of more than this is not one.
const LONGEST_FILE: u64 = 1 << 20;

/// A `.env` file as it was read.
#[derive(Clone, Debug, Default)]
pub struct EnvFile {
    /// Its assignments, in order; of a name that comes twice the last counts.
    pub entries: Vec<Entry>,
    /// What is odd about it, by line.
    pub lints: Vec<Lint>,
    /// The file's name, for commands to copy.
    name: String,
}

/// `KEY=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The name.
    pub key: String,
    /// The value, without its quotes.
    pub value: Private<String>,
    /// Its line, from 1.
    pub line: usize,
}

/// Something odd in a line. Texts never hold a secret or a whole number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lint {
    /// The line, from 1.
    pub line: usize,
    /// The name on that line, where there is one.
    pub key: Option<String>,
    /// What kind of oddity.
    pub rule: Rule,
    /// What is wrong, in one sentence.
    pub cause: String,
    /// What to do about it, or the corrected line.
    pub fix: String,
}

/// Kinds of oddities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// `KEY==value`. The value is not used.
    DoubleEquals,
    /// A quote without its other half, or text after the closing one.
    StrayQuote,
    /// “ ” or ‘ ’, as word processors write them.
    CurlyQuotes,
    /// Windows line ends.
    Crlf,
    /// A byte order mark.
    Bom,
    /// `KEY = value`.
    SpaceAroundEquals,
    /// The name was there before.
    DuplicateKey,
    /// No such setting, but one that looks like it.
    UnknownKey,
    /// `${…}`, which is not replaced.
    Expansion,
    /// The value of an example, not one's own.
    Placeholder,
    /// Neither `KEY=value`, nor a comment, nor empty.
    NotAnAssignment,
    /// Not UTF-8.
    Encoding,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.cause)
    }
}

impl EnvFile {
    /// Reads a file; `None` where there is none.
    ///
    /// # Errors
    /// It is there but can't be read, or is far too large.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::metadata(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
            Ok(meta) if meta.len() > LONGEST_FILE => return Err(io::Error::other("it is larger than 1 MiB")),
            Ok(_) => {}
        }
        Ok(Some(Self::parse(&std::fs::read(path)?, &path.display().to_string())))
    }

    /// Understands a file's bytes. Its name is for commands to copy.
    #[must_use]
    pub fn parse(bytes: &[u8], name: &str) -> Self {
        let mut file = Self { name: name.to_owned(), ..Self::default() };
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            file.lint(1, None, Rule::Encoding, "the file is UTF-16, nothing in it can be used", "save it as UTF-8");
            return file;
        }
        let text = String::from_utf8_lossy(bytes);
        let mut text = text.as_ref();
        if let Some(rest) = text.strip_prefix('\u{feff}') {
            file.lint(1, None, Rule::Bom, "the file begins with a byte order mark", "save it as UTF-8 without BOM");
            text = rest;
        }
        for (at, line) in text.split('\n').enumerate() {
            file.line(at + 1, line);
        }
        file
    }

    /// The value that counts for a name.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rfind(|e| e.key == key)
    }

    fn line(&mut self, number: usize, line: &str) {
        let line = match line.strip_suffix('\r') {
            Some(rest) => {
                if !self.lints.iter().any(|l| l.rule == Rule::Crlf) {
                    let cause = "lines end with CR LF, as on Windows";
                    let fix = format!("save it with LF line ends: sed -i.bak 's/\\r$//' {}", self.name);
                    self.lint(number, None, Rule::Crlf, cause, &fix);
                }
                rest
            }
            None => line,
        };
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            return;
        }
        if text.contains('\u{fffd}') {
            self.lint(number, None, Rule::Encoding, "the line is not UTF-8", "save the file as UTF-8");
        }
        let text = text.strip_prefix("export ").unwrap_or(text);
        let Some((key, value)) = text.split_once('=').filter(|(key, _)| is_name(key.trim())) else {
            let cause = "the line is neither KEY=value nor a comment";
            self.lint(number, None, Rule::NotAnAssignment, cause, "write KEY=value, or put a # before it");
            return;
        };
        self.assignment(number, key, value);
    }

    fn assignment(&mut self, number: usize, key: &str, raw: &str) {
        let name = key.trim();
        if let Some(rest) = raw.trim_start().strip_prefix('=') {
            let cause = format!("{name} is followed by '==', so that its value can't be used");
            let right = example(name, rest.trim_start_matches('=').trim());
            let fix = format!("write one '=': {name}={right}   (sed -i.bak '{number}s/=[= ]*=/=/' {})", self.name);
            self.lint(number, Some(name), Rule::DoubleEquals, &cause, &fix);
            return;
        }
        let (value, quote) = unquote(raw.trim());
        if name != key || raw.starts_with([' ', '\t']) {
            let fix = format!("write {name}={}", example(name, raw.trim()));
            self.lint(
                number,
                Some(name),
                Rule::SpaceAroundEquals,
                &format!("there are spaces around the '=' of {name}"),
                &fix,
            );
        }
        if let Some((rule, cause)) = quote {
            let fix = format!("write {name}={}", example(name, &format!("\"{value}\"")));
            self.lint(number, Some(name), rule, &format!("{cause} in the value of {name}"), &fix);
        }
        if value.contains("${") && !raw.trim_start().starts_with('\'') {
            let cause = format!("'${{…}}' in the value of {name} is taken as it stands, not replaced");
            self.lint(number, Some(name), Rule::Expansion, &cause, "write the value itself");
        }
        self.name(number, name, &value);
        self.entries.push(Entry { key: name.to_owned(), value: value.into(), line: number });
    }

    fn name(&mut self, number: usize, name: &str, value: &str) {
        if let Some(earlier) = self.get(name).map(|e| e.line) {
            let cause = format!("{name} was set on line {earlier} already; this line counts");
            self.lint(
                number,
                Some(name),
                Rule::DuplicateKey,
                &cause,
                &format!("delete line {earlier} or line {number}"),
            );
        }
        if known::find(name).is_some() {
            let lower = value.to_ascii_lowercase();
            if lower.starts_with("your_") || lower.starts_with("your-") || lower.contains("://your-") {
                let cause = format!("the value of {name} is an example's");
                self.lint(
                    number,
                    Some(name),
                    Rule::Placeholder,
                    &cause,
                    "put your own value there, or a # before the line",
                );
            }
        } else if let Some(meant) = known::nearest(name) {
            let cause = format!("{name} is no setting; did you mean {meant}?");
            let fix = format!("write {meant}={}", example(meant, value));
            self.lint(number, Some(name), Rule::UnknownKey, &cause, &fix);
        }
    }

    fn lint(&mut self, line: usize, key: Option<&str>, rule: Rule, cause: &str, fix: &str) {
        self.lints.push(Lint { line, key: key.map(str::to_owned), rule, cause: cause.to_owned(), fix: fix.to_owned() });
    }
}

/// A value for a corrected line: itself where it may be shown, else `"…"`.
fn example(name: &str, value: &str) -> String {
    match known::find(name) {
        Some(known) if known.shown == Shown::Open && !value.contains('@') => value.to_owned(),
        _ => "\"…\"".to_owned(),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// The value without quotes and comment, and what is odd about its quotes.
fn unquote(raw: &str) -> (String, Option<(Rule, &'static str)>) {
    match raw.chars().next() {
        Some('"') => quoted(&raw[1..], '"'),
        Some('\'') => quoted(&raw[1..], '\''),
        Some('“' | '”' | '‘' | '’') => {
            let value = raw.trim_matches(['“', '”', '‘', '’']).to_owned();
            (value, Some((Rule::CurlyQuotes, "there are typographic quotes")))
        }
        _ => bare(raw),
    }
}

fn quoted(rest: &str, quote: char) -> (String, Option<(Rule, &'static str)>) {
    let mut value = String::with_capacity(rest.len());
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            let after = rest[at + c.len_utf8()..].trim();
            let stray = !after.is_empty() && !after.starts_with('#');
            return (value, stray.then_some((Rule::StrayQuote, "there is text after the closing quote")));
        }
        match (c, quote) {
            ('\\', '"') => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, e @ ('"' | '\\' | '$'))) => value.push(e),
                Some((_, other)) => value.extend(['\\', other]),
                None => value.push('\\'),
            },
            _ => value.push(c),
        }
    }
    (value.trim_end().to_owned(), Some((Rule::StrayQuote, "the opening quote is never closed")))
}

fn bare(raw: &str) -> (String, Option<(Rule, &'static str)>) {
    let comment = if raw.starts_with('#') { Some(0) } else { raw.find(" #").or_else(|| raw.find("\t#")) };
    let value = raw[..comment.unwrap_or(raw.len())].trim_end();
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_suffix(quote).filter(|rest| !rest.contains(quote)) {
            return (rest.to_owned(), Some((Rule::StrayQuote, "there is a closing quote without an opening one")));
        }
    }
    (value.to_owned(), None)
}
