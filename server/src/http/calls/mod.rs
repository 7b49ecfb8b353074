//! The calls: a module a verb.

pub(crate) mod actions;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod list;
pub(crate) mod outbound;
pub(crate) mod show;

use warmline_call::{CallId, CallView};

use super::{ApiError, AppState};

/// The id in a path. What can't be an id names no call.
pub(super) fn id(text: &str) -> Result<CallId, ApiError> {
    text.parse().map_err(|_| ApiError::no_such_call(text))
}

/// The call that a path names.
pub(crate) async fn find(state: &AppState, text: &str) -> Result<CallView, ApiError> {
    state.calls.store().call(&id(text)?).await?.ok_or_else(|| ApiError::no_such_call(text))
}
