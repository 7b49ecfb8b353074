//! What a machine says of itself when it is asked.

use std::time::Duration;

use warmline_call::{FixedLine, Input, LeftCause};

use crate::scene::*;

#[test]
fn the_two_are_together_from_the_merge_on_while_both_are_there() {
    for apart in [conversing(), on_hold(), calling(), briefing(), merging()] {
        let call = Scene::after(config(1), apart);
        assert!(!call.machine.is_merged(), "{}", call.machine.phase());
        assert_eq!(call.machine.together_since(), None, "{}", call.machine.phase());
    }
    let mut call = Scene::after(config(1), merging());
    call.skip(Input::Merged { attempt: 1 });
    let since = Some(call.now);
    assert!(call.machine.is_merged() && call.machine.together_since() == since, "as soon as they hear each other");
    call.skip(said(FixedLine::Connecting));
    call.skip(said(FixedLine::Merged));
    assert!(call.machine.is_merged() && call.machine.together_since() == since, "the same moment, and not the phase's");
    assert!(since > Some(Duration::ZERO));
    call.skip(left(FIRST, LeftCause::Released));
    assert!(!call.machine.is_merged());
    assert_eq!(call.machine.together_since(), None);
}
