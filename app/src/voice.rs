//! Listening in on a call, and speaking in the agent's place.

/// How far somebody's line to a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a browser listens and speaks"))]
pub(crate) enum Voice {
    /// There is none.
    Off,
    Connecting,
    On,
    /// They hear; nobody hears them: the microphone is not allowed, or there is none.
    Mute,
    /// The browser lets the page make no sound.
    Silent,
    /// Not possible now.
    Refused,
}

impl Voice {
    /// Whether there is a line.
    pub(crate) fn is_on(self) -> bool {
        matches!(self, Self::Connecting | Self::On | Self::Mute | Self::Silent)
    }
}
