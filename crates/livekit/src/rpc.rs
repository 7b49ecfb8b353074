//! Calls of procedures between participants. No IO.

use std::{
    collections::HashMap,
    fmt,
    time::{Duration, Instant},
};

use livekit_protocol::{self as proto, data_packet::Value};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::engine::{Command, Outbound};

/// How long the other side may take to say that it has got the call.
const ACKNOWLEDGE: Duration = Duration::from_secs(7);

/// Why a call failed. Codes above 1,000 are the protocol's, others the application's.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the call failed ({code}): {message}")]
pub struct RpcError {
    /// What kind of failure.
    pub code: u32,
    /// What happened, for people.
    pub message: String,
    /// What the application adds.
    pub data: String,
}

impl RpcError {
    /// The callee does not know such a procedure.
    pub const UNSUPPORTED_METHOD: u32 = 1_400;
    /// The callee did not say in time that it has got the call.
    pub const CONNECTION_TIMEOUT: u32 = 1_501;
    /// The callee did not answer in time.
    pub const RESPONSE_TIMEOUT: u32 = 1_502;
    /// The callee has left.
    pub const RECIPIENT_DISCONNECTED: u32 = 1_503;
    /// It could not be sent.
    pub const SEND_FAILED: u32 = 1_505;

    /// A failure of this kind.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: String::new() }
    }
}

/// Somebody calls a procedure of ours. Dropped unanswered, it is answered with [`RpcError::UNSUPPORTED_METHOD`].
pub struct RpcInvocation {
    /// Who calls.
    pub caller: String,
    /// What.
    pub method: String,
    /// With what.
    pub payload: String,
    /// For how long the caller waits.
    pub timeout: Duration,
    id: String,
    answers: Option<mpsc::WeakSender<Command>>,
}

/// A call to be made.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) to: String,
    pub(crate) method: String,
    pub(crate) payload: String,
}

/// The calls that are under way.
#[derive(Default)]
pub(crate) struct Rpcs {
    waiting: HashMap<String, Waiting>,
    answers: Option<mpsc::WeakSender<Command>>,
}

struct Waiting {
    to: String,
    reply: oneshot::Sender<Result<String, RpcError>>,
    acknowledge_by: Option<Instant>,
    answer_by: Instant,
}

impl RpcInvocation {
    /// Answers it.
    pub fn answer(mut self, answer: Result<String, RpcError>) {
        self.send(answer);
    }

    /// Forgets it without an answer: not even that could be sent.
    pub(crate) fn drop_silently(mut self) {
        self.answers = None;
    }

    fn send(&mut self, answer: Result<String, RpcError>) {
        use proto::rpc_response::Value as Said;
        let Some(answers) = self.answers.take().and_then(|answers| answers.upgrade()) else { return };
        let value = match answer {
            Ok(payload) => Said::Payload(payload),
            Err(RpcError { code, message, data }) => Said::Error(proto::RpcError { code, message, data }),
        };
        let response = proto::RpcResponse { request_id: self.id.clone(), value: Some(value) };
        let packet = Outbound::reliable(vec![self.caller.clone()], Value::RpcResponse(response));
        if answers.try_send(Command::Answer(packet)).is_err() {
            tracing::debug!(method = self.method, "an answer to a call was lost: too much waits");
        }
    }
}

impl Drop for RpcInvocation {
    fn drop(&mut self) {
        let unknown = RpcError::new(RpcError::UNSUPPORTED_METHOD, "Method not supported at destination");
        self.send(Err(unknown));
    }
}

impl fmt::Debug for RpcInvocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcInvocation").field("caller", &self.caller).field("method", &self.method).finish()
    }
}

impl Rpcs {
    /// Where answers go.
    pub(crate) fn answer_to(&mut self, commands: mpsc::WeakSender<Command>) {
        self.answers = Some(commands);
    }

    /// A call of ours; what is to be sent for it.
    pub(crate) fn call(
        &mut self,
        call: Call,
        timeout: Duration,
        reply: oneshot::Sender<Result<String, RpcError>>,
        now: Instant,
    ) -> Outbound {
        let id = format!("{:032x}", rand::random::<u128>());
        let waiting = Waiting {
            to: call.to.clone(),
            reply,
            acknowledge_by: Some(now + ACKNOWLEDGE.min(timeout)),
            answer_by: now + timeout,
        };
        self.waiting.insert(id.clone(), waiting);
        let request = proto::RpcRequest {
            id,
            method: call.method,
            payload: call.payload,
            response_timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
            version: 1,
            ..proto::RpcRequest::default()
        };
        Outbound::reliable(vec![call.to], Value::RpcRequest(request))
    }

    pub(crate) fn acknowledged(&mut self, id: &str) {
        if let Some(waiting) = self.waiting.get_mut(id) {
            waiting.acknowledge_by = None;
        }
    }

    pub(crate) fn answered(&mut self, response: proto::RpcResponse) {
        use proto::rpc_response::Value as Said;
        let Some(waiting) = self.waiting.remove(&response.request_id) else { return };
        let answer = match response.value {
            Some(Said::Payload(payload)) => Ok(payload),
            Some(Said::Error(error)) => Err(RpcError { code: error.code, message: error.message, data: error.data }),
            _ => Ok(String::new()),
        };
        let _ = waiting.reply.send(answer);
    }

    /// A call to us: the acknowledgement to send, and the call itself.
    pub(crate) fn requested(&self, caller: String, request: proto::RpcRequest) -> (Outbound, RpcInvocation) {
        let acknowledged = Value::RpcAck(proto::RpcAck { request_id: request.id.clone() });
        let invocation = RpcInvocation {
            caller: caller.clone(),
            method: request.method,
            payload: request.payload,
            timeout: Duration::from_millis(request.response_timeout_ms.into()),
            id: request.id,
            answers: self.answers.clone(),
        };
        (Outbound::reliable(vec![caller], acknowledged), invocation)
    }

    /// Somebody has left: they will not answer.
    pub(crate) fn left(&mut self, identity: &str) {
        self.fail(|waiting| {
            (waiting.to == identity).then(|| RpcError::new(RpcError::RECIPIENT_DISCONNECTED, "Recipient disconnected"))
        });
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        self.fail(|waiting| {
            if waiting.acknowledge_by.is_some_and(|by| by <= now) {
                return Some(RpcError::new(RpcError::CONNECTION_TIMEOUT, "Connection timeout"));
            }
            (waiting.answer_by <= now).then(|| RpcError::new(RpcError::RESPONSE_TIMEOUT, "Response timeout"))
        });
    }

    fn fail(&mut self, why: impl Fn(&Waiting) -> Option<RpcError>) {
        let failed = self.waiting.extract_if(|_, waiting| why(waiting).is_some()).collect::<Vec<_>>();
        for (_, waiting) in failed {
            if let Some(error) = why(&waiting) {
                let _ = waiting.reply.send(Err(error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        Call { to: "py".to_owned(), method: "echo".to_owned(), payload: "hi".to_owned() }
    }

    fn id(packet: &Outbound) -> String {
        match &packet.value {
            Value::RpcRequest(request) => request.id.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_call_is_answered_or_times_out_or_its_callee_leaves() {
        let (mut rpcs, now) = (Rpcs::default(), Instant::now());
        let begin = |rpcs: &mut Rpcs| {
            let (reply, answer) = oneshot::channel();
            (id(&rpcs.call(call(), Duration::from_secs(20), reply, now)), answer)
        };
        let (first, mut answer) = begin(&mut rpcs);
        let value = Some(proto::rpc_response::Value::Payload("pong".to_owned()));
        rpcs.answered(proto::RpcResponse { request_id: first, value });
        assert_eq!(answer.try_recv().unwrap(), Ok("pong".to_owned()));

        let (_, mut answer) = begin(&mut rpcs);
        rpcs.expire(now + ACKNOWLEDGE);
        assert_eq!(answer.try_recv().unwrap().unwrap_err().code, RpcError::CONNECTION_TIMEOUT);

        let (third, mut answer) = begin(&mut rpcs);
        rpcs.acknowledged(&third);
        rpcs.expire(now + ACKNOWLEDGE);
        assert!(answer.try_recv().is_err(), "still waiting");
        rpcs.expire(now + Duration::from_secs(20));
        assert_eq!(answer.try_recv().unwrap().unwrap_err().code, RpcError::RESPONSE_TIMEOUT);

        let (_, mut answer) = begin(&mut rpcs);
        rpcs.left("somebody else");
        rpcs.left("py");
        assert_eq!(answer.try_recv().unwrap().unwrap_err().code, RpcError::RECIPIENT_DISCONNECTED);
        assert!(rpcs.waiting.is_empty());
    }

    #[test]
    fn a_call_that_nobody_answers_is_refused() {
        let (commands, mut received) = mpsc::channel(4);
        let mut rpcs = Rpcs::default();
        rpcs.answer_to(commands.downgrade());
        let request = proto::RpcRequest { id: "R1".to_owned(), method: "x".to_owned(), ..Default::default() };
        let (_, invocation) = rpcs.requested("py".to_owned(), request);
        drop(invocation);
        let Ok(Command::Answer(packet)) = received.try_recv() else { panic!("no answer") };
        let Value::RpcResponse(response) = packet.value else { panic!("no response") };
        let Some(proto::rpc_response::Value::Error(error)) = response.value else { panic!("no error") };
        assert_eq!((response.request_id.as_str(), error.code), ("R1", RpcError::UNSUPPORTED_METHOD));
        assert_eq!(packet.to, ["py"]);
    }
}
