//! The two ends of an audio track as an application has them: handles on queues that the participant's task serves.

mod local;
mod queue;
mod remote;

pub use local::{LocalTrack, TrackClosed, TrackOptions};
pub(crate) use local::{TrackId, local_track};
pub(crate) use queue::LocalEnd;
pub use queue::Source;
pub use remote::RemoteTrack;
pub(crate) use remote::{RemoteEnd, remote_track};
