//! The contract between a call's machine and the agent on the customer's line: what the agent does, what it may be told,
//! and what it may report. The machine orders by it, the voice obeys by it, and random tests drive both together.
//!
//! | mode | the customer hears | left by |
//! |---|---|---|
//! | `Idle` | nothing: nobody has picked up | `Start`; `Pause`, for a call that is taken over from another run |
//! | `Talking` | the agent | any order; a report that hands over |
//! | `HandedOver` | what was said last | an order. **Whoever handed over waits for one: the machine owes it.** |
//! | `Paused` | music, or fixed sentences | `Resume`, `ListenOnly` |
//! | `Replaced` | a person who speaks in the agent's place | `Resume`, `Pause`, a fixed sentence, `ListenOnly` |
//! | `ListenOnly` | whoever is merged | nothing but `Stop` |
//! | `Stopped` | nothing more | nothing |

/// What the agent on the customer's line does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AgentMode {
    /// It was not told to begin.
    #[default]
    Idle,
    /// It answers.
    Talking,
    /// It has said what is to happen, and waits for an order.
    HandedOver,
    /// The customer is on hold: it listens for a change of mind.
    Paused,
    /// A person speaks with the customer in its place; it listens.
    Replaced,
    /// It only writes down.
    ListenOnly,
    /// It is gone.
    Stopped,
}

/// What the agent can be told, as far as it changes what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgentOrder {
    /// Greet and talk.
    Start,
    /// Fall silent, and listen for a change of mind.
    Pause,
    /// Say why, if there is a cause, and go on.
    Resume,
    /// Speak a fixed sentence.
    SayFixed,
    /// Let a person speak.
    StandAside,
    /// Never speak again; go on listening.
    ListenOnly,
    /// Be gone.
    Stop,
}

impl AgentMode {
    /// What it does after an order; `None` where the order is not obeyed.
    #[must_use]
    pub const fn ordered(self, order: AgentOrder) -> Option<Self> {
        use AgentOrder as Order;
        Some(match (self, order) {
            (Self::Stopped, _) => return None,
            (_, Order::Stop) => Self::Stopped,
            (Self::ListenOnly, _) => return None,
            (_, Order::ListenOnly) => Self::ListenOnly,
            (Self::Idle, Order::Start) => Self::Talking,
            (_, Order::Start) => return None,
            (_, Order::Pause) => Self::Paused,
            // Who talks already would only interrupt itself.
            (Self::Talking, Order::Resume) => return None,
            (_, Order::Resume) => Self::Talking,
            (Self::Talking | Self::HandedOver, Order::StandAside) => Self::Replaced,
            (_, Order::StandAside) => return None,
            (Self::Replaced, Order::SayFixed) => Self::HandedOver,
            (mode, Order::SayFixed) => mode,
        })
    }

    /// What it does after it has handed over: it has reported that a human is wanted, that both are done, that it can't go on,
    /// that nothing was heard for too long, or that a machine answered. `None` where it may not.
    #[must_use]
    pub const fn hands_over(self) -> Option<Self> {
        match self {
            Self::Talking => Some(Self::HandedOver),
            _ => None,
        }
    }

    /// Whether the customer is left without anybody until an order comes.
    #[must_use]
    pub const fn awaits_order(self) -> bool {
        matches!(self, Self::HandedOver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODES: [AgentMode; 7] = [
        AgentMode::Idle,
        AgentMode::Talking,
        AgentMode::HandedOver,
        AgentMode::Paused,
        AgentMode::Replaced,
        AgentMode::ListenOnly,
        AgentMode::Stopped,
    ];

    #[test]
    fn whoever_has_handed_over_is_freed_by_each_order_that_gives_the_customer_somebody() {
        assert!(AgentMode::HandedOver.awaits_order());
        for order in [AgentOrder::Pause, AgentOrder::Resume, AgentOrder::StandAside, AgentOrder::ListenOnly] {
            let after = AgentMode::HandedOver.ordered(order);
            assert!(after.is_some_and(|mode| !mode.awaits_order()), "{order:?} leads to {after:?}");
        }
    }

    #[test]
    fn an_agent_that_may_only_listen_or_is_gone_never_speaks_again() {
        let orders = [AgentOrder::Start, AgentOrder::Resume, AgentOrder::StandAside, AgentOrder::SayFixed];
        for (mode, order) in [AgentMode::ListenOnly, AgentMode::Stopped].iter().flat_map(|m| orders.map(|o| (*m, o))) {
            assert_eq!(mode.ordered(order), None, "{mode:?} {order:?}");
        }
    }

    #[test]
    fn only_an_agent_that_talks_can_hand_over() {
        for mode in MODES {
            assert_eq!(mode.hands_over().is_some(), mode == AgentMode::Talking, "{mode:?}");
        }
    }
}
