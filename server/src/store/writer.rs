//! The one task that writes. It commits whatever waits in one transaction, however many that serves, and owns what could
//! not be written until it is: also beyond the end of its call.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};
use warmline_call::{CallId, EndReason, Event, Phase, Recorded};

use super::{
    Delivered, Shared, StoreError, WrittenDown,
    batch::{Outcome, Plan},
    disk::{DiskError, KnownKey, Trouble},
    outbox::NewPlace,
};

/// New calls, and events, in one transaction.
const BATCH: usize = 512;

/// How soon a disk that failed is tried again: at first, and at last.
const SOON: Duration = Duration::from_millis(50);
const LATER: Duration = Duration::from_secs(1);

/// How often idempotency keys are looked through for old ones.
const PURGE: Duration = Duration::from_secs(3600);

/// What the end of a call says that was placed when nobody waited for it any more.
const TOO_LATE: &str = "The store did not take the call down in time: nobody was called.";

/// How often a disk that failed is tried when nothing waits for it.
const PROBE: Duration = Duration::from_secs(1);

/// Runs until the store is closed and everything that was handed in before is written, or cannot be for too long.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut writer = Writer { shared: Arc::clone(&shared), planned: None, in_doubt: None, again: SOON };
    let mut purge = Instant::now() + PURGE;
    loop {
        if !writer.has_begun() {
            let probe = shared.in_trouble().then(|| Instant::now() + PROBE);
            tokio::select! {
                biased;
                more = shared.work() => {
                    if !more {
                        break;
                    }
                }
                () = sleep_until(probe.unwrap_or(purge)) => {
                    match probe {
                        Some(_) => shared.probe().await,
                        None => {
                            shared.purge().await;
                            purge = Instant::now() + PURGE;
                        }
                    }
                    continue;
                }
            }
        }
        if !writer.round().await {
            break;
        }
    }
    let lost = shared.outbox().give_up();
    if lost > 0 {
        tracing::error!(events = lost, "events are lost: the store could not be written to before the end");
    }
    shared.settled.send_modify(|settled| *settled += 1);
}

struct Writer {
    shared: Arc<Shared>,
    /// A batch to be written once more, as it is.
    planned: Option<Plan>,
    /// One that may have reached the disk though it failed.
    in_doubt: Option<(Plan, DiskError)>,
    again: Duration,
}

impl Writer {
    fn has_begun(&self) -> bool {
        self.planned.is_some() || self.in_doubt.is_some()
    }

    /// Writes what waits, or tries to. False where there is no use in trying again.
    async fn round(&mut self) -> bool {
        let Err(error) = self.write().await else {
            self.again = SOON;
            return true;
        };
        let given_up = self.shared.outbox().closed().is_some_and(|since| since.elapsed() >= self.shared.patience);
        if given_up || error.trouble == Trouble::Closed {
            return false;
        }
        sleep(self.again).await;
        self.again = (2 * self.again).min(LATER);
        true
    }

    async fn write(&mut self) -> Result<(), DiskError> {
        if let Some((plan, error)) = self.in_doubt.take() {
            self.resolve(plan, error).await?;
        }
        let plan = match self.planned.take() {
            // Who waits for a call to be written down waits for nothing else.
            Some(plan) if !self.shared.outbox().has_places() => plan,
            _ => self.plan().await?,
        };
        if plan.batch.is_empty() {
            self.done(plan);
            return Ok(());
        }
        if let Err(moved) = self.shared.disk.in_place() {
            self.shared.failed(&moved);
            self.not_written(plan, &moved);
            return Err(moved);
        }
        match self.shared.disk.commit(&plan.batch).await {
            Ok(()) => {
                self.shared.recovered();
                self.done(plan);
                Ok(())
            }
            Err(error) => {
                self.shared.failed(&error);
                self.resolve(plan, error).await
            }
        }
    }

    async fn plan(&self) -> Result<Plan, DiskError> {
        let places = self.shared.outbox().take_places(BATCH);
        let keys: Vec<&str> = places.iter().filter_map(|place| Some(place.key.as_ref()?.key.as_str())).collect();
        let known = match keys.is_empty() {
            true => HashMap::new(),
            false => match self.shared.disk.known_keys(&keys).await {
                Ok(known) => known,
                Err(error) => {
                    self.shared.failed(&error);
                    refuse(places, &error);
                    return Err(error);
                }
            },
        };
        let (next, known) = {
            let mut outbox = self.shared.outbox();
            let amend = |(key, known): (String, KnownKey)| Some((key.clone(), outbox.amend(&key, Some(known))?));
            let known = known.into_iter().filter_map(amend).collect();
            (outbox.next(BATCH), known)
        };
        Ok(Plan::new(places, next, known, &self.shared.board()))
    }

    /// Whether a transaction that failed reached the disk all the same. It is all or nothing: its last event tells.
    async fn resolve(&mut self, plan: Plan, error: DiskError) -> Result<(), DiskError> {
        let known = self.shared.board().seq();
        let found = match self.shared.disk.in_place() {
            Ok(()) => self.shared.disk.events_after(known, usize::MAX).await,
            Err(moved) => Err(moved),
        };
        let found = match found {
            Ok(found) => found,
            Err(unknown) => {
                self.in_doubt = Some((plan, error));
                return Err(unknown);
            }
        };
        let ours = plan.batch.events.last().map(|new| new.delivered.body());
        if let Some((_, last)) = found.last() {
            if Some(last.as_str()) == ours {
                self.shared.recovered();
                self.done(plan);
                return Ok(());
            }
            // Somebody else has written to the file, in spite of the lock. Their events are in the log now.
            tracing::error!(events = found.len(), "another program has written to the store");
            let read = found.iter().filter_map(|(_, body)| serde_json::from_str::<Recorded>(body).ok());
            self.shared.publish(read.map(|recorded| Arc::new(Delivered::new(recorded))).collect(), None);
        }
        self.not_written(plan, &error);
        Err(error)
    }

    /// It is on disk: tell everybody, and answer.
    fn done(&self, plan: Plan) {
        let Plan { batch, next, places } = plan;
        let events = batch.events.into_iter().map(|new| new.delivered).collect();
        self.shared.publish(events, Some(&next));
        for (place, outcome) in places {
            let answer = match outcome {
                Outcome::New(delivered) => Ok(WrittenDown::New(delivered.recorded.clone())),
                Outcome::Not(placed) => Ok(placed),
                Outcome::Wrong(error) => Err(error),
            };
            let NewPlace { call, key, reply, .. } = place;
            if let Err(Ok(WrittenDown::New(_))) = reply.send(answer) {
                self.take_back(&call, key.as_ref().map(|key| key.key.as_str()));
            }
        }
    }

    /// A call was written down when whoever asked for it had been told that it was not. Nobody is dialled.
    fn take_back(&self, call: &CallId, key: Option<&str>) {
        let ended = Event::CallEnded {
            reason: EndReason::AgentFailure,
            detail: TOO_LATE.into(),
            talk_s: 0.0,
            hold_s: 0.0,
            time_to_human_s: None,
        };
        let events = [Event::PhaseChanged { from: Phase::Queued, to: Phase::Ended }, ended];
        let at = self.shared.clock.now();
        let mut outbox = self.shared.outbox();
        for event in events {
            if outbox.record(call, at, event).is_err() {
                tracing::error!(%call, "the end of a call that nobody waited for is lost");
            }
        }
        if let Some(key) = key {
            outbox.free(key, call);
        }
    }

    /// Nothing of it is on disk. Who waits for a call to be written down is told so, unless a moment may help.
    fn not_written(&mut self, plan: Plan, error: &DiskError) {
        let moved_on =
            plan.batch.events.first().map(|new| new.delivered.recorded.seq) != Some(self.shared.board().seq() + 1);
        if plan.places.is_empty() && !moved_on {
            self.planned = Some(plan);
            return;
        }
        let waiting = plan.places.into_iter().map(|(place, _)| place);
        let mut outbox = self.shared.outbox();
        outbox.not_written();
        match error.trouble {
            Trouble::Locked => outbox.put_back(waiting),
            _ => refuse(waiting, error),
        }
    }
}

fn refuse(places: impl IntoIterator<Item = NewPlace>, error: &DiskError) {
    for place in places {
        // Whoever has stopped waiting needs no answer.
        drop(place.reply.send(Err(StoreError::Write(error.clone()))));
    }
}
