//! Speech on this machine: Moonshine recognises, Piper speaks, both on rten; fetching and converting the models.
//!
//! [`models::ModelStore`] fetches what is needed, once. [`LocalSpeech`] loads it in the background and hands out
//! [`LocalStt`] and [`LocalTts`] at once: who calls them early waits until they are loaded.

mod engine;
pub mod models;
mod moonshine;
mod normalise;
mod ort;
mod phonemes;
mod piper;
mod scheduler;
mod stt;
mod style;
mod tts;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::watch;

use engine::{Engine, Handle, State};
use models::{ModelError, ModelStore};
pub use stt::LocalStt;
pub use tts::LocalTts;

/// How far local speech is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeechStatus {
    /// The models aren't there: pull them, then [`LocalSpeech::reload`].
    Missing,
    /// They are loaded; calls wait.
    Loading,
    /// Calls are served.
    Ready,
    /// They can't be loaded, and why.
    Failed(String),
}

/// Speech on this machine, loaded in the background. Clones are handles to the same.
#[derive(Clone)]
pub struct LocalSpeech {
    store: ModelStore,
    state: watch::Sender<State>,
    status: watch::Sender<SpeechStatus>,
    stt: Arc<LocalStt>,
    tts: Arc<LocalTts>,
}

impl LocalSpeech {
    /// Loads the models of a folder ([`models::default_dir`]). Blocks for about a second.
    ///
    /// # Errors
    /// The models aren't there, or are damaged.
    pub fn load(dir: impl AsRef<Path>) -> Result<(Arc<LocalStt>, Arc<LocalTts>), ModelError> {
        let store = ModelStore::new(dir.as_ref());
        let engine = load(&store)?;
        let (_, state) = watch::channel(State::Ready(Arc::new(engine)));
        let handle = Handle(state);
        Ok((Arc::new(LocalStt::new(handle.clone())), Arc::new(LocalTts::new(handle))))
    }

    /// Begins to load the models of a folder and comes back at once. Needs a Tokio runtime.
    #[must_use]
    pub fn spawn(dir: impl Into<PathBuf>) -> Self {
        let (state, watched) = watch::channel(State::Loading);
        let handle = Handle(watched);
        let speech = Self {
            store: ModelStore::new(dir),
            state,
            status: watch::channel(SpeechStatus::Loading).0,
            stt: Arc::new(LocalStt::new(handle.clone())),
            tts: Arc::new(LocalTts::new(handle)),
        };
        speech.reload();
        speech
    }

    /// Loads again, unless it is loaded: after a pull.
    pub fn reload(&self) {
        if matches!(&*self.state.borrow(), State::Ready(_)) {
            return;
        }
        let (state, status, store) = (self.state.clone(), self.status.clone(), self.store.clone());
        status.send_replace(SpeechStatus::Loading);
        state.send_replace(State::Loading);
        tokio::task::spawn_blocking(move || {
            let (now, shown) = match load(&store) {
                Ok(engine) => (State::Ready(Arc::new(engine)), SpeechStatus::Ready),
                Err(error @ ModelError::Missing { .. }) => (State::Missing(error.to_string()), SpeechStatus::Missing),
                Err(error) => (State::Failed(error.to_string()), SpeechStatus::Failed(error.to_string())),
            };
            // Whoever's call has failed finds the reason told.
            status.send_replace(shown);
            state.send_replace(now);
        });
    }

    /// The recogniser. Calls wait while it is loaded, and fail with `NotReady` where it can't be.
    #[must_use]
    pub fn stt(&self) -> Arc<LocalStt> {
        Arc::clone(&self.stt)
    }

    /// The voice. Calls wait while it is loaded, and fail with `NotReady` where it can't be.
    #[must_use]
    pub fn tts(&self) -> Arc<LocalTts> {
        Arc::clone(&self.tts)
    }

    /// How far it is, and every change of that.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<SpeechStatus> {
        self.status.subscribe()
    }
}

fn load(store: &ModelStore) -> Result<Engine, ModelError> {
    if !store.ready() {
        return Err(ModelError::Missing { path: store.dir().to_owned() });
    }
    let folder = store.converted();
    Engine::load(&folder).map_err(|detail| ModelError::Damaged { path: folder, detail })
}
