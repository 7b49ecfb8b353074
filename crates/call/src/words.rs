//! The closed vocabularies of the contract. Each is spelled on the wire as its variant in `snake_case`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Declares an enum whose wire spelling is given once and serves serde, `Display`, `FromStr` and `ALL`.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every word, in the contract's order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word as it is spelled on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|w| w.as_str() == text).ok_or_else(|| {
                    let all: Vec<_> = Self::ALL.iter().map(|w| w.as_str()).collect();
                    format!("'{text}' is none of {}", all.join(", "))
                })
            }
        }
    };
}

words! {
    /// Where a call is. `merged` and `ended` are the two ways a call comes to rest.
    Phase {
        /// Written down, nobody dialled yet.
        Queued = "queued",
        /// The customer's leg is being set up.
        Dialing = "dialing",
        /// The customer's phone rings.
        Ringing = "ringing",
        /// Agent and customer talk.
        Conversing = "conversing",
        /// The customer was told to hold and hears music; no supervisor is dialled yet.
        OnHold = "on_hold",
        /// A supervisor's leg is dialled.
        CallingSupervisor = "calling_supervisor",
        /// A supervisor has answered and is told, in private, what it is about.
        Briefing = "briefing",
        /// A supervisor has accepted; the two are being connected.
        Merging = "merging",
        /// Customer and supervisor hear each other, the agent is out.
        Merged = "merged",
        /// Over, for whatever reason.
        Ended = "ended",
    }
}

words! {
    /// How a transfer attempt came out.
    TransferOutcome {
        /// Customer and supervisor were merged.
        Connected = "connected",
        /// The supervisor said no, on the phone or in the console.
        Declined = "declined",
        /// Nobody answered within the ring time.
        NoAnswer = "no_answer",
        /// The supervisor's line was busy.
        Busy = "busy",
        /// The number could not be reached.
        Unreachable = "unreachable",
        /// A machine answered.
        Voicemail = "voicemail",
        /// The supervisor hung up before deciding.
        HungUp = "hung_up",
        /// The supervisor did not decide in time.
        DecisionTimeout = "decision_timeout",
        /// The customer left while it was under way.
        CustomerLeft = "customer_left",
        /// The two could not be connected.
        MergeFailed = "merge_failed",
        /// Called off: the customer changed their mind, or an operator ended it.
        Cancelled = "cancelled",
    }
}

words! {
    /// Why a call ended.
    EndReason {
        /// The agent and the customer were done.
        Completed = "completed",
        /// The customer hung up.
        CustomerHungUp = "customer_hung_up",
        /// The supervisor hung up after the merge.
        SupervisorHungUp = "supervisor_hung_up",
        /// Somebody ended it from the console or over REST.
        OperatorHungUp = "operator_hung_up",
        /// The customer's line was busy.
        Busy = "busy",
        /// The customer did not answer within the ring time.
        NoAnswer = "no_answer",
        /// The customer rejected the call.
        Declined = "declined",
        /// The number does not exist.
        InvalidNumber = "invalid_number",
        /// The customer could not be reached.
        Unreachable = "unreachable",
        /// A machine answered.
        Voicemail = "voicemail",
        /// The trunk refused or failed.
        TrunkFailure = "trunk_failure",
        /// The longest time allowed for a call was over.
        MaxDuration = "max_duration",
        /// The audio was lost and did not come back.
        MediaLost = "media_lost",
        /// The agent could not go on.
        AgentFailure = "agent_failure",
        /// Warmline was stopped while the call was open.
        ServerStopped = "server_stopped",
    }
}

words! {
    /// One party's telephone connection.
    Leg {
        /// The person whom the call is for.
        Customer = "customer",
        /// The human who may take it over.
        Supervisor = "supervisor",
    }
}

words! {
    /// How far a leg is.
    LegState {
        /// Being set up.
        Dialing = "dialing",
        /// The phone rings.
        Ringing = "ringing",
        /// Somebody, or something, has picked up.
        Answered = "answered",
        /// Gone, or never came.
        Left = "left",
    }
}

words! {
    /// The two conversations of a call, which must not hear each other before the merge.
    Side {
        /// With the customer.
        Call = "call",
        /// With the supervisor, in private.
        Consult = "consult",
    }
}

words! {
    /// Who said something.
    Speaker {
        /// The customer.
        Customer = "customer",
        /// The AI.
        Agent = "agent",
        /// The supervisor.
        Supervisor = "supervisor",
    }
}

words! {
    /// Who asked for a human.
    RequestedBy {
        /// The customer, in their own words.
        Customer = "customer",
        /// An operator, from the console or over REST.
        Operator = "operator",
        /// The agent, because it could not help.
        Agent = "agent",
    }
}

words! {
    /// By what means a transfer attempt was decided.
    DecidedBy {
        /// Spoken, by the supervisor (or, for a cancellation, by the customer).
        Voice = "voice",
        /// A key on the phone.
        Dtmf = "dtmf",
        /// The console or the REST API.
        Console = "console",
        /// A timer.
        Timeout = "timeout",
        /// What the telephone network reported: busy, no answer, hung up.
        Network = "network",
    }
}

words! {
    /// How a call's sound is.
    MediaState {
        /// It suffers: a connection that is lost and made again, speech that does not keep up.
        Degraded = "degraded",
        /// It is well again.
        Restored = "restored",
    }
}

words! {
    /// What of a call's sound suffers.
    MediaCause {
        /// The network that carries it.
        Network = "network",
        /// Recognition does not keep up, or fails.
        Hearing = "hearing",
        /// The agent's voice comes late, or not at all.
        Speaking = "speaking",
    }
}

words! {
    /// What a person did to a call from the console or over REST.
    Action {
        /// Ended it for everybody.
        Hangup = "hangup",
        /// Started the escalation.
        Escalate = "escalate",
        /// Accepted the transfer.
        Accept = "accept",
        /// Declined the transfer.
        Decline = "decline",
        /// Made the agent say something.
        Say = "say",
        /// Nudged the agent, unheard.
        Instruct = "instruct",
        /// Took an escalation on: nobody else has to.
        Claim = "claim",
        /// Left it to others again.
        Release = "release",
        /// Began to listen in, unheard.
        Listen = "listen",
        /// Does not listen any more.
        StopListening = "stop_listening",
        /// Speaks with the customer in the agent's place.
        TakeOver = "take_over",
        /// Gave the customer back to the agent.
        GiveBack = "give_back",
    }
}

impl Action {
    /// What somebody did, after their name.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Hangup => "hung up",
            Self::Escalate => "asked for a supervisor",
            Self::Accept => "accepted",
            Self::Decline => "declined",
            Self::Say => "made the agent say something",
            Self::Instruct => "nudged the agent",
            Self::Claim => "claimed the call",
            Self::Release => "released the call",
            Self::Listen => "listened in",
            Self::StopListening => "stopped listening",
            Self::TakeOver => "took over from the agent",
            Self::GiveBack => "gave back to the agent",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_from_the_wire_and_others_are_refused_by_what_there_is() {
        for phase in Phase::ALL {
            let json = serde_json::to_string(phase).unwrap();
            assert_eq!(json, format!("\"{phase}\""));
            assert_eq!(serde_json::from_str::<Phase>(&json).unwrap(), *phase);
        }
        let refused = serde_json::from_str::<Leg>(r#""agent""#).unwrap_err().to_string();
        assert!(refused.starts_with("unknown variant `agent`, expected `customer` or `supervisor`"), "{refused}");
    }
}
