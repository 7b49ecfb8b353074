//! A call whose room is being opened: that can take as long as the network takes to answer.

use std::sync::Arc;

use tokio::sync::mpsc;
use warmline_call::{CallId, EndReason, Event, Input, LegFact, LegRef, OperatorAction, Phase, Rejected};
use warmline_telephony::{OpenError, Room};

use super::{Inner, driver::Message};

/// The room, or nothing where somebody has ended the call meanwhile.
pub(super) async fn open(
    inner: &Inner,
    call: &CallId,
    messages: &mut mpsc::Receiver<Message>,
) -> Result<Option<Arc<dyn Room>>, OpenError> {
    let mut opening = inner.parts.telephony.open(call);
    loop {
        let message = tokio::select! {
            // Once the room is there, its machine answers whatever has come.
            biased;
            opened = &mut opening => return opened.map(Some),
            message = messages.recv() => message,
        };
        match message {
            Some(Message::Act { input: Input::Operator { action: OperatorAction::Hangup, by }, reply }) => {
                let (action, by) = (warmline_call::Action::Hangup, by.name().to_owned());
                let acted = Event::OperatorActed { action, by, reason: None };
                inner.record(call, inner.parts.clock.corrected().now(), vec![acted]);
                inner.close_in_log(call, EndReason::OperatorHungUp, "An operator ended the call.");
                let _ = reply.send(Ok(()));
                return Ok(None);
            }
            // Whoever placed it waits no longer.
            Some(Message::Act { input: Input::Leg(LegRef::Customer, LegFact::Left(_)), reply }) => {
                let detail = "The network did not take the call in time: nobody was called.";
                inner.close_in_log(call, EndReason::TrunkFailure, detail);
                let _ = reply.send(Ok(()));
                return Ok(None);
            }
            Some(Message::Act { reply, .. } | Message::TakeOver { reply, .. } | Message::Listen { reply, .. }) => {
                let detail = "the customer has not answered yet; the call is in phase queued".to_owned();
                let _ = reply.send(Err(Rejected { phase: Phase::Queued, detail }));
            }
            Some(Message::Input(Input::Stop)) => {
                let detail = "Warmline was stopped while the call was open.";
                inner.close_in_log(call, EndReason::ServerStopped, detail);
                return Ok(None);
            }
            // Nothing else can happen before there are legs.
            Some(_) => {}
            None => return Ok(None),
        }
    }
}
