use std::fmt;

/// Somebody who acts on a call. Two people may bear one name, and nobody need bear any: the id tells them apart.
#[derive(Clone, Debug, Eq)]
pub struct Person {
    id: String,
    name: String,
}

impl Person {
    /// A person of that id, shown under that name.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into() }
    }

    /// What they are called, in events and to others.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Where a name is all that is known, it is the id.
impl From<&str> for Person {
    fn from(name: &str) -> Self {
        Self::new(name, name)
    }
}

impl From<String> for Person {
    fn from(name: String) -> Self {
        Self::new(name.clone(), name)
    }
}

impl PartialEq for Person {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
