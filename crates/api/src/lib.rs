//! What goes over the wire: REST bodies, the console's messages. Shared by server, page and tests.

mod console;
mod doctor;
mod outbound;

pub use console::{ConsoleMessage, PhoneMessage, PhoneOrder};
pub use doctor::{Check, Report, Status};
pub use outbound::{
    CallPage, Details, EscalateBody, EventPage, OutboundRequest, OutboundResponse, ReasonBody, TextBody, TranscriptLine,
};
pub use warmline_call as call;
pub use warmline_call::{INVALID_PHONE_NUMBER, InvalidPhoneNumber, PhoneNumber};
