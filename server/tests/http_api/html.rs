//! Pages as a browser's parser sees them.

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// An element that begins: its name, and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    /// The text before the next tag.
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(is, _)| is == name).map(|(_, value)| value.as_str())
    }
}

/// The elements of a page, in order. Text areas, scripts, styles and titles are read the way a browser reads them: up to
/// their own end tag.
pub(crate) fn elements(page: &str) -> Vec<Element> {
    let mut emitter = DefaultEmitter::<()>::default();
    emitter.naively_switch_states(true);
    let mut elements: Vec<Element> = Vec::new();
    for Ok(token) in Tokenizer::new_with_emitter(page, emitter) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match token {
            Token::StartTag(tag) => elements.push(Element {
                name: text(&tag.name),
                attributes: tag.attributes.iter().map(|(name, value)| (text(name), text(value))).collect(),
                text: String::new(),
            }),
            Token::String(string) => {
                if let Some(last) = elements.last_mut() {
                    last.text.push_str(&text(&string));
                }
            }
            _ => {}
        }
    }
    elements
}

/// The element with that id.
#[track_caller]
pub(crate) fn by_id(page: &str, id: &str) -> Element {
    elements(page)
        .into_iter()
        .find(|element| element.get("id") == Some(id))
        .unwrap_or_else(|| panic!("no #{id}: {page}"))
}

/// What a page is made of, whatever its texts: each element with the names of its attributes.
pub(crate) fn skeleton(page: &str) -> Vec<String> {
    let shape = |element: &Element| {
        let names: Vec<_> = element.attributes.iter().map(|(name, _)| name.as_str()).collect();
        format!("{} {}", element.name, names.join(" "))
    };
    elements(page).iter().map(shape).collect()
}
