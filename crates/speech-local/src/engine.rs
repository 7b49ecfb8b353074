//! What is loaded.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::watch;
use warmline_voice::{Load, SpeechError};

use crate::{
    moonshine::Moonshine,
    phonemes::Phonemes,
    piper::Piper,
    scheduler::{Scheduler, busy},
};

/// Everything that is loaded.
pub(crate) struct Engine {
    pub(crate) moonshine: Moonshine,
    pub(crate) piper: Piper,
    pub(crate) phonemes: Phonemes,
    pub(crate) rendered: PathBuf,
    pub(crate) scheduler: Scheduler,
}

impl Engine {
    /// Loads the converted files of a folder: a second or less, on three threads.
    pub(crate) fn load(folder: &Path) -> Result<Self, String> {
        let failed = |_| "loading was broken off".to_owned();
        std::thread::scope(|scope| {
            let moonshine = scope.spawn(|| Moonshine::load(folder));
            let phonemes = scope.spawn(Phonemes::new);
            let piper = Piper::load(folder)?;
            Ok(Self {
                moonshine: moonshine.join().map_err(failed)??,
                piper,
                phonemes: phonemes.join().map_err(failed)?,
                rendered: folder.join("rendered"),
                scheduler: Scheduler::new(std::thread::available_parallelism().map_or(2, usize::from)),
            })
        })
    }
}

/// Tells the other side, on another thread, that nobody waits for it any more.
pub(crate) struct Given(Arc<AtomicBool>);

impl Given {
    pub(crate) fn new() -> (Self, Arc<AtomicBool>) {
        let given_up = Arc::new(AtomicBool::new(false));
        (Self(Arc::clone(&given_up)), given_up)
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How far loading is.
#[derive(Clone)]
pub(crate) enum State {
    Missing(String),
    Loading,
    Ready(Arc<Engine>),
    Failed(String),
}

/// A view of the state for those who need the engine.
#[derive(Clone)]
pub(crate) struct Handle(pub(crate) watch::Receiver<State>);

impl Handle {
    /// How busy the engine is. While it is loaded, calls wait for that instead.
    pub(crate) fn load(&self) -> Load {
        match &*self.0.borrow() {
            State::Ready(engine) => engine.scheduler.load(),
            State::Missing(_) | State::Loading | State::Failed(_) => Load::default(),
        }
    }

    /// The engine, waiting while it is loaded.
    pub(crate) async fn engine(&self) -> Result<Arc<Engine>, SpeechError> {
        let mut state = self.0.clone();
        let state = state.wait_for(|state| !matches!(state, State::Loading)).await;
        match &*state.map_err(|_| SpeechError::NotReady("loading was broken off".to_owned()))? {
            State::Ready(engine) => Ok(Arc::clone(engine)),
            State::Missing(why) | State::Failed(why) => Err(SpeechError::NotReady(why.clone())),
            State::Loading => Err(busy()),
        }
    }
}
