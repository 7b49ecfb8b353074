use std::future::Future;

use tokio_util::sync::CancellationToken;
use warmline_telephony::Mouth;

/// Stops a conversation from outside, whatever it is doing.
#[derive(Clone, Debug)]
pub(crate) struct Brake {
    pulled: CancellationToken,
    mouth: Mouth,
}

impl Brake {
    pub(crate) fn new(mouth: Mouth) -> Self {
        Self { pulled: CancellationToken::new(), mouth }
    }

    /// Silences the line and stops the work, for good.
    pub(crate) fn pull(&self) {
        self.pulled.cancel();
        self.mouth.stop_music();
        self.mouth.clear();
    }

    /// Works until that is done, or the brake is pulled. The line is silent afterwards.
    pub(crate) async fn run(self, work: impl Future<Output = ()>) {
        let _stopped = self.pulled.run_until_cancelled(work).await;
        // The work is dropped by now: nothing it was about to say can follow this.
        self.mouth.stop_music();
        self.mouth.clear();
    }
}
