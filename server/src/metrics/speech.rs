//! How busy speech is, as its scheduler counts it.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};
use warmline_voice::Load;

type Level = Gauge<f64, AtomicU64>;

pub(super) struct SpeechGauges {
    workers: Gauge,
    busy: Gauge,
    waiting: Gauge,
    wait: Level,
    room: Level,
    recognition: Level,
    synthesis: Level,
    done: Counter,
    shed_partials: Counter,
    shed_speculative: Counter,
    late: Counter,
    failed: Counter,
}

impl SpeechGauges {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let speech = Self {
            workers: Gauge::default(),
            busy: Gauge::default(),
            waiting: Gauge::default(),
            wait: Level::default(),
            room: Level::default(),
            recognition: Level::default(),
            synthesis: Level::default(),
            done: Counter::default(),
            shed_partials: Counter::default(),
            shed_speculative: Counter::default(),
            late: Counter::default(),
            failed: Counter::default(),
        };
        let gauges = [
            ("speech_workers", "Inferences that can run at once; 0 where nothing is computed here", &speech.workers),
            ("speech_busy", "Inferences that run", &speech.busy),
            ("speech_waiting", "Inferences that wait", &speech.waiting),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        let levels = [
            ("speech_wait_seconds", "How long a turn would wait for its recognition to begin", &speech.wait),
            (
                "speech_room_calls",
                "Calls more that speech can carry; infinite where nothing is computed here",
                &speech.room,
            ),
            ("speech_recognition_rate", "Seconds of computing for a second of recognised speech", &speech.recognition),
            ("speech_synthesis_rate", "Seconds of computing for a second of made speech", &speech.synthesis),
        ];
        for (name, help, level) in levels {
            registry.register(name, help, level.clone());
        }
        let counters = [
            ("speech_inferences", "Inferences that were done", &speech.done),
            ("speech_shed_partials", "Partial recognitions that were left out", &speech.shed_partials),
            (
                "speech_shed_speculative",
                "Speculative sentences that were given up before they were begun",
                &speech.shed_speculative,
            ),
            ("speech_late", "Inferences that began more than a second after a turn wanted them", &speech.late),
            ("speech_failed", "Inferences that failed", &speech.failed),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        speech
    }

    pub(super) fn set(&self, load: &Load, room: Option<usize>) {
        let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.workers.set(whole(load.workers));
        self.busy.set(whole(load.busy));
        self.waiting.set(whole(load.waiting));
        self.wait.set(load.expected_wait.as_secs_f64());
        self.room.set(room.map_or(f64::INFINITY, |room| room as f64));
        self.recognition.set(load.recognition_rate);
        self.synthesis.set(load.synthesis_rate);
        let counts = [
            (&self.done, load.done),
            (&self.shed_partials, load.shed_partials),
            (&self.shed_speculative, load.shed_speculative),
            (&self.late, load.late),
            (&self.failed, load.failed),
        ];
        for (counter, count) in counts {
            counter.inner().store(count, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, time::Duration};

    use warmline_voice::Load;

    use crate::metrics::Metrics;

    #[test]
    fn the_room_left_and_what_was_left_out_are_told() {
        let metrics = Metrics::default();
        let wait = Duration::from_millis(1_500);
        let load =
            Load { workers: 2, busy: 2, waiting: 9, expected_wait: wait, shed_partials: 7, late: 3, ..Load::default() };
        metrics.speech(&load, Some(0));
        let text = metrics.render(&HashMap::new());
        for line in [
            "warmline_speech_waiting 9",
            "warmline_speech_wait_seconds 1.5",
            "warmline_speech_room_calls 0.0",
            "warmline_speech_shed_partials_total 7",
            "warmline_speech_late_total 3",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        metrics.speech(&Load::default(), None);
        assert!(metrics.render(&HashMap::new()).contains("warmline_speech_room_calls inf"));
    }
}
