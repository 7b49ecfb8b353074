//! Taking over a call that an earlier run of the program placed.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use warmline_call::{CallId, LegRef};
use warmline_livekit::services::Member;
use warmline_telephony::{Dialled, Inherited, Line, OpenError};

use super::{
    LONGEST, LiveKitRoom, Shared,
    state::{FACTS, Ids, Leg},
};
use crate::{
    backend::Backend,
    identity::{self, Place},
    recovery::Found,
};

impl LiveKitRoom {
    /// Those of its legs that somebody has answered; others are hung up. Where customer and supervisor are merged the agent
    /// stays out, and a hidden watcher comes; else the agent is there again, and each leg hears it alone.
    pub(crate) async fn adopt(
        backend: Arc<Backend>,
        call: CallId,
        members: Vec<(Place, Member)>,
        merged: bool,
    ) -> Result<Inherited, OpenError> {
        let shared = Shared::new(backend, call);
        let legs = shared.take_over(members, merged);
        // Dropped on a failure: a merged call goes on.
        let room = Self { shared: Arc::clone(&shared) };
        if merged {
            shared.sound.silence();
            shared.start(None);
            let watching = shared.watch().await;
            watching.map_err(|error| OpenError(format!("The call's room could not be joined: {error}.")))?;
        } else {
            shared.enter().await?;
            if shared.lock().legs.iter().any(|leg| leg.place == Place::Consult) {
                shared.enter_consult().await?;
            }
            shared.permit().await.map_err(|error| OpenError(format!("The agent is not in the room: {error}.")))?;
            shared.keep_apart().await;
            shared.keep_apart_closely();
        }
        Ok(Inherited { room: Arc::new(room), merged, legs })
    }
}

impl Shared {
    /// Knows the legs among these from now on, and hangs up those that nobody has answered.
    fn take_over(self: &Arc<Self>, members: Vec<(Place, Member)>, merged: bool) -> Vec<(LegRef, Dialled)> {
        let mut legs = Vec::new();
        let mut state = self.lock();
        state.agent_left = merged;
        for (place, member) in members {
            let identity = member.participant.identity.clone();
            if identity::leg_of(&self.call, &identity).is_none() {
                continue;
            }
            let answered = Found::of(place, &member).answered(&self.call);
            let Some(name) = answered.filter(|_| !merged || place == Place::Call) else {
                tokio::spawn(Arc::clone(self).remove(place, identity));
                continue;
            };
            let ids = Ids {
                participant: member.participant.sid,
                sip_call: member.participant.attributes.get("sip.callID").cloned().unwrap_or_default(),
            };
            let (dialled, leg) = answered_before((name, identity.clone(), place), ids);
            if merged && name != LegRef::Customer {
                state.merged = Some(name);
            }
            if !merged {
                self.sound.mouthpiece(name).connect(Arc::clone(&leg.line), place);
            }
            let tracks = member.tracks.into_iter().filter(|track| track.audio).map(|track| track.sid).collect();
            state.published.insert((place, identity), tracks);
            state.legs.push(leg);
            legs.push((name, dialled));
        }
        legs
    }
}

/// A leg that was answered before we came.
fn answered_before(who: (LegRef, String, Place), ids: Ids) -> (Dialled, Leg) {
    let (line, end) = Line::new();
    // Whether it was ringing and when it was answered is known: what is said of it from now on is how it ends.
    let (quiet, _) = mpsc::channel(1);
    let (facts, progress) = mpsc::channel(FACTS);
    let (began, _) = oneshot::channel();
    let mut leg = Leg::new(who, end, quiet, began, (LONGEST, LONGEST));
    leg.is_there(ids.clone());
    leg.answered();
    leg.report_to(facts);
    (Dialled { participant_id: ids.participant, sip_call_id: ids.sip_call, progress, line }, leg)
}
