//! Warmline: places AI phone calls and hands them over, warm, to a human supervisor. See ARCHITECTURE.md.

pub mod calls;
pub mod cli;
pub mod doctor;
pub mod http;
mod livekit;
pub mod metrics;
pub mod openapi;
pub mod pages;
pub mod serve;
pub mod settings;
pub mod store;
pub use warmline_text as text;
mod ws;
