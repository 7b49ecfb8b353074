//! The two ends of an audio track as an application has them: handles on queues that the participant's task serves.

mod local;
mod remote;

pub(crate) use local::{LocalEnd, TrackId, local_track};
pub use local::{LocalTrack, Source, TrackClosed, TrackOptions};
pub use remote::RemoteTrack;
pub(crate) use remote::{RemoteEnd, remote_track};
