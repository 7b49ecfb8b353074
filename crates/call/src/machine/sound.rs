//! What of a call's sound suffers. It is told and nothing else: backends restore what they can and give up what they can't,
//! and speech says itself what it could not do.

use super::{LegRef, Machine, state::State};
use crate::{Event, MediaCause, MediaState};

/// What suffers, and what of it was told.
#[derive(Debug, Default)]
pub(super) struct Sound {
    network: bool,
    /// The lines on which speech does not keep up, and in what.
    strains: Vec<(LegRef, MediaCause)>,
    told: Vec<MediaCause>,
}

impl Sound {
    fn suffers(&self, cause: MediaCause) -> bool {
        match cause {
            MediaCause::Network => self.network,
            strain => self.strains.iter().any(|(_, cause)| *cause == strain),
        }
    }
}

impl Machine {
    pub(super) fn on_media(&mut self, state: MediaState) {
        if self.has_sound() {
            self.sound.network = state == MediaState::Degraded;
            self.tell_sound();
        }
    }

    /// Speech on that line does not keep up in that, or keeps up again.
    pub(super) fn on_strain(&mut self, leg: LegRef, cause: Option<MediaCause>) {
        if self.has_sound() {
            self.sound.strains.retain(|(strained, _)| *strained != leg);
            self.sound.strains.extend(cause.map(|cause| (leg, cause)));
            self.tell_sound();
        }
    }

    fn has_sound(&self) -> bool {
        !matches!(self.position.state(), State::Queued | State::Ended)
    }

    fn tell_sound(&mut self) {
        for cause in MediaCause::ALL {
            let (suffers, told) = (self.sound.suffers(*cause), self.sound.told.contains(cause));
            let state = match (suffers, told) {
                (true, false) => MediaState::Degraded,
                (false, true) => MediaState::Restored,
                _ => continue,
            };
            self.sound.told.retain(|known| known != cause);
            self.sound.told.extend(suffers.then_some(*cause));
            self.emit(Event::MediaChanged { state, cause: Some(*cause) });
        }
    }
}
