//! Work of the doctor's that takes a processor: on a thread of its own that steps back for calls.

use std::{io, thread};

use tokio::sync::oneshot;

/// The lowest priority that there is.
#[cfg(target_os = "linux")]
const LAST: i32 = 19;

/// Does something away from the async threads, when nobody else wants the processor.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    thread::Builder::new().name("doctor".into()).spawn(move || {
        // On Linux this is the thread alone. Where it is not allowed the work is done all the same.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, LAST);
        let _ = done.send(work());
    })?;
    result.await.map_err(|_| io::Error::other("the check died"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_is_done_aside_steps_back_and_nothing_else_does() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let before = priority();
        assert_eq!(aside(priority).await.unwrap(), LAST);
        assert_eq!(priority(), before);
    }

    #[tokio::test]
    async fn a_check_that_dies_is_an_error() {
        assert!(aside(|| panic!("as the test wants it")).await.is_err());
    }
}
