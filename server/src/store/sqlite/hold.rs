use std::sync::mpsc;

/// Holds tokio's virtual time still for as long as it lives.
///
/// SQLite runs on threads that a paused clock knows nothing about: with nothing else to do, the clock would jump
/// ahead over every timer while a transaction is under way. A parked blocking task keeps it from that.
pub(super) struct Hold {
    _parked: Option<mpsc::Sender<()>>,
}

impl Hold {
    pub(super) fn new(hold_time: bool) -> Self {
        if !hold_time {
            return Self { _parked: None };
        }
        let (parked, released) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || {
            let _ = released.recv();
        });
        Self { _parked: Some(parked) }
    }
}
