//! A LiveKit participant in pure Rust, without libwebrtc: joins a room, publishes and hears audio, sends and receives
//! data, text streams, attributes, telephone keys and remote calls, and finds its way back when the connection is lost.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use warmline_livekit::{Options, Participant, ParticipantEvent, TrackOptions};
//!
//! let (participant, mut events) = Participant::connect(Options::new("ws://localhost:7880", "token")).await?;
//! let voice = participant.publish(TrackOptions::new("voice")).await?;
//! while let Some(event) = events.recv().await {
//!     if let ParticipantEvent::TrackSubscribed { mut audio, .. } = event {
//!         let voice = voice.clone();
//!         tokio::spawn(async move {
//!             while let Some(frame) = audio.next_frame().await {
//!                 let _ = voice.write(&frame).await;
//!             }
//!         });
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Audio is mono PCM, signed 16 bit: 16 kHz in frames of 20 ms where it is heard, 16 or 48 kHz where it is said. Every
//! participant is one task; a process may have many.

pub mod audio;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
pub mod services;

mod engine;
mod error;
mod event;
mod options;
mod participant;
mod peer;
mod permissions;
mod roster;
mod rpc;
mod secret;
mod text;
mod track;

pub use error::{ConnectError, DisconnectReason, RequestError};
pub use event::{Data, Kind, ParticipantEvent, RemoteParticipant, Speaker, TextMessage, TrackInfo};
pub use options::{AutoSubscribe, FreshToken, Options, ReconnectPolicy, TokenSource};
pub use participant::{Participant, Transcription};
pub use peer::Impairment;
pub use permissions::SubscriptionPermissions;
pub use rpc::{RpcError, RpcInvocation};
pub use secret::Secret;
pub use track::{LocalTrack, RemoteTrack, Source, TrackClosed, TrackOptions};
