//! What goes on beside the calls' own events: looking who is really there, the watcher, limits.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use warmline_call::{Left, LeftCause};
use warmline_livekit::{DisconnectReason, Participant, services::Member};

use super::{
    Shared,
    events::{Who, follow},
};
use crate::identity::Place;

/// How often limits are checked and the isolation is asserted.
const TICK: Duration = Duration::from_secs(1);

/// Every how many ticks it is looked who is there.
const LOOK: u32 = 5;

/// Looks in a row that do not find a leg: then it is gone. (After a restart of the server's, legs join anew.)
const MISSES: u32 = 3;

/// How long the watcher may take to join, and then to hear the legs.
const WATCHER: Duration = Duration::from_secs(5);

/// Until the room is over.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tick = 0;
    loop {
        let asked = tokio::select! {
            _ = ticks.tick() => false,
            () = shared.look.notified() => true,
            () = shared.over.cancelled() => return,
        };
        if asked || tick % LOOK == 0 {
            shared.look().await;
        }
        if !asked {
            tick += 1;
            shared.keep_apart().await;
            shared.hang_up_overdue();
        }
    }
}

impl Shared {
    /// Looks at the next opportunity who is in the room.
    pub(crate) fn look_soon(&self) {
        self.look.notify_one();
    }

    /// Compares the legs with who is in the room.
    async fn look(self: &Arc<Self>) {
        let answered = self.look_into(Place::Call).await;
        self.give_up_unanswered(answered);
        let apart = {
            let state = self.lock();
            state.consult.is_some() || state.legs.iter().any(|leg| leg.place == Place::Consult)
        };
        if apart {
            self.look_into(Place::Consult).await;
        }
        let missing = {
            let state = self.lock();
            state.agent_left && !state.closed && state.watcher.is_none() && !state.legs.is_empty()
        };
        if missing {
            match self.watch().await {
                Ok(()) => drop(self.lock().agent.take()),
                Err(error) => tracing::warn!(call = %self.call, %error, "the watcher could not join; trying again"),
            }
        }
    }

    /// Merged legs of a server that is gone are gone with it: nobody of ours is there to notice.
    fn give_up_unanswered(&self, answered: bool) {
        let given_up: Vec<String> = {
            let mut state = self.lock();
            if answered {
                state.unanswered = None;
                return;
            }
            let since = *state.unanswered.get_or_insert_with(Instant::now);
            let reconnect = self.backend.settings.reconnect;
            let alone = state.agent_left && state.watcher.is_none();
            if !alone || since.elapsed() < reconnect.resume_for + reconnect.rejoin_for {
                return;
            }
            state.legs.iter().map(|leg| leg.identity.clone()).collect()
        };
        for identity in given_up {
            self.finish(&identity, Left { cause: LeftCause::MediaLost, sip_status: None });
        }
    }

    /// Whether the server has answered.
    async fn look_into(self: &Arc<Self>, place: Place) -> bool {
        let known: Vec<String> = {
            let state = self.lock();
            let there = state.legs.iter().filter(|leg| leg.seen && leg.place == place);
            there.filter(|leg| state.moving.as_ref() != Some(&leg.identity)).map(|leg| leg.identity.clone()).collect()
        };
        let members = match self.backend.members(&self.call, place).await {
            Ok(members) => members,
            Err(error) => {
                tracing::debug!(call = %self.call, %error, "who is in the room could not be looked up");
                return false;
            }
        };
        for member in &members {
            for track in member.tracks.iter().filter(|track| track.audio) {
                if self.lock().leg(&member.participant.identity).is_some() && !self.publishes(member, place, &track.sid)
                {
                    self.published((place, member.participant.identity.clone()), track.sid.clone());
                }
            }
            self.joined(&member.participant, place);
        }
        for identity in known {
            if members.iter().any(|member| member.participant.identity == identity) {
                continue;
            }
            let missed = self.lock().leg(&identity).map_or(0, |leg| {
                leg.missed += 1;
                leg.missed
            });
            if missed >= MISSES {
                self.gone(&identity, place, &DisconnectReason::Unknown);
            } else if missed > 0 {
                let shared = Arc::clone(self);
                tokio::spawn(async move {
                    tokio::time::sleep(TICK).await;
                    shared.look_soon();
                });
            }
        }
        true
    }

    fn publishes(&self, member: &Member, place: Place, sid: &String) -> bool {
        let who = (place, member.participant.identity.clone());
        self.lock().published.get(&who).is_some_and(|tracks| tracks.contains(sid))
    }

    fn hang_up_overdue(self: &Arc<Self>) {
        let overdue: Vec<(String, Place, bool)> = {
            let state = self.lock();
            let overdue = state.legs.iter().filter(|leg| leg.is_overdue());
            overdue.map(|leg| (leg.identity.clone(), leg.place, leg.is_answered())).collect()
        };
        for (identity, place, answered) in overdue {
            let cause = if answered { LeftCause::Released } else { LeftCause::NoAnswer };
            self.finish(&identity, Left { cause, sip_status: None });
            tokio::spawn(Arc::clone(self).remove(place, identity));
        }
    }

    /// The agent's voice is out; a watcher takes its ears over, and then the agent goes.
    pub(super) async fn leave(self: &Arc<Self>) {
        let tracks = {
            let mut state = self.lock();
            if state.agent_left || state.closed {
                return;
            }
            state.agent_left = true;
            state.tracks.take()
        };
        self.sound.silence();
        for track in tracks.into_iter().flatten() {
            // Fails where the agent is out of the room already.
            let _ = track.unpublish().await;
        }
        match self.watch().await {
            Ok(()) => drop(self.lock().agent.take()),
            // Silent as it is, it hears and sees as well as a watcher.
            Err(error) => tracing::warn!(call = %self.call, %error, "no watcher: the agent stays, without a voice"),
        }
    }

    /// Lets a watcher join, and waits until it hears every leg that is heard.
    pub(super) async fn watch(self: &Arc<Self>) -> Result<(), String> {
        let _only = self.watching.lock().await;
        if self.lock().watcher.is_some() {
            return Ok(());
        }
        let joining = timeout(WATCHER, Participant::connect(self.backend.as_watcher(&self.call)));
        let (watcher, events) = match joining.await {
            Ok(joined) => joined.map_err(|error| error.to_string())?,
            Err(_) => return Err("it took too long".to_owned()),
        };
        let earlier = {
            let mut state = self.lock();
            if state.closed {
                return Ok(());
            }
            state.watcher = Some(Arc::new(watcher));
            state.streams
        };
        tokio::spawn(follow(Arc::clone(self), events, Who::Watcher));
        let all_heard = async {
            loop {
                let heard = self.heard.notified();
                tokio::pin!(heard);
                heard.as_mut().enable();
                if self.lock().legs.iter().all(|leg| !leg.is_answered() || leg.stream > earlier) {
                    return;
                }
                heard.await;
            }
        };
        if timeout(WATCHER, all_heard).await.is_err() {
            tracing::warn!(call = %self.call, "the watcher does not hear every leg");
        }
        Ok(())
    }
}
