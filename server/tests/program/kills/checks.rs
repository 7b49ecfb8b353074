//! What must be true of a call's events, wherever the program was killed meanwhile.

use std::collections::BTreeMap;

use serde_json::Value;

/// Everything that is wrong with the events of one call, in the log's order, of which it is known whether it is over.
pub fn faults(events: &[Value], over: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let mut expect = |so: bool, what: &str, event: &Value| {
        if !so {
            faults.push(format!("{what}: {event}"));
        }
    };
    let mut phase = Value::from("queued");
    let mut legs = BTreeMap::<(String, u64), &str>::new();
    let (mut attempts, mut decided, mut ends, mut seq) = (0, 0, 0, 0);
    for (at, event) in events.iter().enumerate() {
        let number = |field: &str| event[field].as_u64().unwrap_or_default();
        expect(number("seq") > seq, "it is not after the one before", event);
        expect(ends == 0, "it comes after the end", event);
        expect((event["type"] == "call_placed") == (at == 0), "a call begins by being placed, once", event);
        seq = number("seq");
        match event["type"].as_str().unwrap_or_default() {
            "phase_changed" => {
                expect(event["from"] == phase, "the phase was another", event);
                phase = event["to"].clone();
            }
            "leg_changed" => {
                let leg = (event["leg"].to_string(), number("attempt"));
                let state = event["state"].as_str().unwrap_or_default();
                let before = legs.insert(leg, state);
                let follows = match state {
                    "dialing" => before.is_none(),
                    "left" => before.is_some_and(|before| before != "left"),
                    _ => before.is_some_and(|before| before != "left" && before != state),
                };
                expect(follows, "a leg is dialled once, and leaves once", event);
                if state == "dialing" && event["leg"] == "supervisor" {
                    attempts += 1;
                    expect(number("attempt") == attempts, "an attempt dials once", event);
                }
            }
            "transfer_decided" => {
                expect(number("attempt") > decided, "an attempt is decided once", event);
                decided = number("attempt");
            }
            "call_ended" => ends += 1,
            _ => {}
        }
    }
    let last = events.last().unwrap_or(&Value::Null);
    expect((ends == 1) == over, "whether it is over", last);
    if over {
        expect(phase == "ended", "a call that is over is in phase ended", last);
        for (leg, state) in &legs {
            expect(*state == "left", &format!("the leg {leg:?} is {state}"), last);
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A call with one attempt, from its beginning to its end.
    fn whole() -> Vec<Value> {
        let leg = |leg: &str, state: &str, attempt: Value| json!({"type": "leg_changed", "leg": leg, "state": state, "attempt": attempt});
        let phase = |from: &str, to: &str| json!({"type": "phase_changed", "from": from, "to": to});
        let events = [
            json!({"type": "call_placed"}),
            phase("queued", "dialing"),
            leg("customer", "dialing", Value::Null),
            leg("customer", "answered", Value::Null),
            phase("dialing", "calling_supervisor"),
            leg("supervisor", "dialing", json!(1)),
            json!({"type": "transfer_decided", "attempt": 1}),
            leg("supervisor", "left", json!(1)),
            leg("customer", "left", Value::Null),
            phase("calling_supervisor", "ended"),
            json!({"type": "call_ended"}),
        ];
        let numbered = events.into_iter().zip(3..).map(|(mut event, seq)| {
            event["seq"] = json!(seq);
            event
        });
        numbered.collect()
    }

    #[test]
    fn a_whole_call_has_no_faults_and_a_cut_one_is_only_not_over() {
        assert_eq!(faults(&whole(), true), [""; 0]);
        for length in 1..whole().len() {
            assert_eq!(faults(&whole()[..length], false), [""; 0], "{length}");
            assert!(!faults(&whole()[..length], true).is_empty(), "{length}");
        }
    }

    #[test]
    fn whatever_is_missing_or_there_twice_is_a_fault() {
        let events = whole();
        for at in 0..events.len() {
            let twice: Vec<_> = events[..=at].iter().chain(&events[at..]).cloned().collect();
            assert!(!faults(&twice, true).is_empty(), "twice: {}", events[at]);
            // Nobody need answer, and nothing need be decided.
            if at != 3 && at != 6 {
                let missing: Vec<_> = events[..at].iter().chain(&events[at + 1..]).cloned().collect();
                assert!(!faults(&missing, true).is_empty(), "missing: {}", events[at]);
            }
        }
    }

    #[test]
    fn a_second_dial_is_a_fault_whoever_is_dialled() {
        for (at, changed) in [(2, json!(40)), (5, json!(40))] {
            let mut events = whole();
            let mut again = events[at].clone();
            again["seq"] = changed;
            events.insert(events.len() - 1, again);
            let found = faults(&events, true);
            assert!(found.iter().any(|fault| fault.contains("dialled once")), "{found:?}");
        }
    }
}
