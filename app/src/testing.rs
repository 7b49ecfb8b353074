//! A call for the tests.

use jiff::Timestamp;
use warmline_api::call::{CallId, Event, Recorded};

/// Its beginning, so many seconds after the others' as its number in the log says.
pub(crate) fn placed(seq: u64, call: u64) -> Recorded {
    Recorded {
        seq,
        call: CallId::from_bits(call),
        at: Timestamp::from_second(1_700_000_000 + i64::try_from(seq).unwrap()).unwrap(),
        event: Event::CallPlaced {
            phone_number: "+15550100001".into(),
            name: None,
            language: "en".into(),
            emotion: "Calm".into(),
            has_dynamic_instruction: false,
            escalation_enabled: true,
        },
    }
}
