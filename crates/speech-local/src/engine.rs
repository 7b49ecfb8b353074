//! What is loaded, and the workers that run it.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rten::ThreadPool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use warmline_voice::SpeechError;

use crate::{moonshine::Moonshine, phonemes::Phonemes, piper::Piper};

/// Everything that is loaded.
pub(crate) struct Engine {
    pub(crate) moonshine: Moonshine,
    pub(crate) piper: Piper,
    pub(crate) phonemes: Phonemes,
    pub(crate) rendered: PathBuf,
    pub(crate) workers: Workers,
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
                workers: Workers::new(),
            })
        })
    }
}

/// As many inferences at once as there are cores, each on one thread of its own.
pub(crate) struct Workers {
    permits: Arc<Semaphore>,
    /// Partials may take at most half of the workers.
    partials: Arc<Semaphore>,
    pools: Arc<Mutex<Vec<Arc<ThreadPool>>>>,
    /// Recognitions that somebody waits for and that have no worker yet.
    pub(crate) waiting: Arc<AtomicUsize>,
}

/// The right to run one inference.
pub(crate) struct Worker {
    pool: Option<Arc<ThreadPool>>,
    pools: Arc<Mutex<Vec<Arc<ThreadPool>>>>,
    _permit: OwnedSemaphorePermit,
    _partial: Option<OwnedSemaphorePermit>,
}

impl Workers {
    fn new() -> Self {
        let count = std::thread::available_parallelism().map_or(2, usize::from);
        let pools = (0..count).map(|_| Arc::new(ThreadPool::with_num_threads(1))).collect();
        Self {
            permits: Arc::new(Semaphore::new(count)),
            partials: Arc::new(Semaphore::new(count.div_ceil(2))),
            pools: Arc::new(Mutex::new(pools)),
            waiting: Arc::default(),
        }
    }

    /// Waits for a free worker; who came first is served first.
    pub(crate) async fn wait(&self) -> Result<Worker, SpeechError> {
        let _waiting = Waiting::new(&self.waiting);
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        Ok(self.worker(permit.map_err(|_| busy())?, None))
    }

    /// A worker for a partial, if one is free now.
    pub(crate) fn spare(&self) -> Result<Worker, SpeechError> {
        let partial = Arc::clone(&self.partials).try_acquire_owned().map_err(|_| busy())?;
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| busy())?;
        Ok(self.worker(permit, Some(partial)))
    }

    fn worker(&self, permit: OwnedSemaphorePermit, partial: Option<OwnedSemaphorePermit>) -> Worker {
        let pool = self.pools.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Worker { pool, pools: Arc::clone(&self.pools), _permit: permit, _partial: partial }
    }
}

impl Worker {
    /// The thread to run on.
    pub(crate) fn pool(&mut self) -> &Arc<ThreadPool> {
        self.pool.get_or_insert_with(|| Arc::new(ThreadPool::with_num_threads(1)))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            self.pools.lock().unwrap_or_else(PoisonError::into_inner).push(pool);
        }
    }
}

/// Counts who waits, also when the waiting is given up.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) fn busy() -> SpeechError {
    SpeechError::NotReady("busy".to_owned())
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
