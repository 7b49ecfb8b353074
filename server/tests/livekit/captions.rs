//! Programs in the room read along: `lk.transcription` and `lk.agent.state`.

use std::{collections::BTreeMap, time::Duration};

use livekit_api::access_token::{AccessToken, VideoGrants};
use tokio::{sync::mpsc::Receiver, time::timeout};
use warmline_livekit::{AutoSubscribe, Options, Participant, ParticipantEvent as Event};

use crate::{
    server::{KEY, SECRET},
    world::{Story, World},
};

const NUMBER: &str = "+15550100077";

/// Somebody who only reads.
struct Reader {
    participant: Participant,
    events: Receiver<Event>,
    /// The words so far and whether they are final, by segment, and whose track they were said on.
    lines: BTreeMap<String, (String, bool, String)>,
    interim: usize,
    states: Vec<String>,
}

impl Reader {
    async fn join(world: &World, story: &Story) -> Self {
        let grants = VideoGrants {
            room_join: true,
            room: story.call.clone(),
            can_publish: Some(false),
            hidden: true,
            ..VideoGrants::default()
        };
        let token = AccessToken::with_api_key(KEY, SECRET).with_identity("reader").with_grants(grants);
        let mut options = Options::new(world.server.url(), token.to_jwt().unwrap());
        options.subscribe = AutoSubscribe::Nothing;
        let (participant, events) = Participant::connect(options).await.unwrap();
        Self { participant, events, lines: BTreeMap::new(), interim: 0, states: Vec::new() }
    }

    /// Reads one event. False when the room is closed and all that was told in it is read.
    async fn read(&mut self) -> bool {
        match self.events.recv().await {
            Some(Event::Text(text)) if text.topic == "lk.transcription" => {
                let attribute = |name: &str| text.attributes[name].clone();
                let is_final = attribute("lk.transcription_final") == "true";
                self.interim += usize::from(!is_final);
                let track = attribute("lk.transcribed_track_id");
                self.lines.insert(attribute("lk.segment_id"), (text.text, is_final, track));
            }
            Some(Event::AttributesChanged { changed, .. }) => {
                self.states.extend(changed.get("lk.agent.state").cloned())
            }
            Some(_) => {}
            None => return false,
        }
        true
    }

    async fn until(&mut self, what: &str, is_it: impl Fn(&Self) -> bool) {
        let reading = async {
            while !is_it(self) {
                assert!(self.read().await, "the room was closed before '{what}'");
            }
        };
        let read = timeout(Duration::from_secs(60), reading).await;
        assert!(read.is_ok(), "'{what}' was not read; {:?} {:?}", self.lines, self.states);
    }

    /// All that was told in the room before it was closed.
    async fn until_closed(&mut self) {
        let reading = async { while self.read().await {} };
        timeout(Duration::from_secs(60), reading).await.expect("the room is not closed");
    }

    fn has(&self, said: &str, track: &str) -> bool {
        self.lines.values().any(|(text, is_final, on)| *is_final && on == track && text.to_lowercase().contains(said))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_and_what_the_agent_does_is_told_in_the_room_and_nothing_private() {
    let world = World::new(&[("LIVEKIT_SUPERVISOR_PHONE_NUMBER", "+15550100212")]).await;
    let phone = world.phone(NUMBER);
    let asks = world.speak("Hello. I can not log in to my account.").await;
    let wants = world.speak("Could I please talk to a human being?").await;
    let mut story = world.place(NUMBER).await;
    let mut reader = Reader::join(&world, &story).await;
    let members = world.services.list_participants(&story.call).await.unwrap();
    let tracks = |who: &str| -> BTreeMap<String, String> {
        let found = members.iter().find(|member| member.participant.identity.ends_with(who)).unwrap();
        found.tracks.iter().map(|track| (track.name.clone(), track.sid.clone())).collect()
    };
    let agent = tracks("-agent")["customer"].clone();
    let customer = tracks("-customer").into_values().next().unwrap();

    reader
        .until("the greeting", |reader| reader.lines.values().any(|(_, is_final, on)| *is_final && *on == agent))
        .await;
    phone.say(&asks);
    reader.until("the customer", |reader| reader.has("log in", &customer)).await;
    let answered =
        |reader: &Reader| reader.lines.values().filter(|(_, is_final, on)| *is_final && *on == agent).count() > 1;
    reader.until("the answer", answered).await;
    assert!(reader.interim > 0, "words are read while they are said");
    for state in ["speaking", "listening", "thinking"] {
        assert!(reader.states.iter().any(|known| known == state), "{state}: {:?}", reader.states);
    }
    phone.say(&wants);
    story.until("the briefing", |e| e["side"] == "consult" && e["speaker"] == "agent" && e["final"] == true).await;
    phone.handle.hang_up();
    story.until_ended().await;
    reader.until_closed().await;
    let private = story.said("consult", "agent");
    assert!(!private.is_empty());
    for line in private {
        assert!(!reader.lines.values().any(|(text, ..)| text == line), "told in the room: {line}");
    }
    drop(reader.participant);
}
