//! Speech on this machine: Moonshine recognises, Piper speaks, both on rten; fetching and converting the models.
