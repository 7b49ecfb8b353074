//! Keeping two legs of one room apart and bringing them together, with the server's API.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::common::*;
use warmline_livekit::{
    ParticipantEvent as Event, Secret, SubscriptionPermissions, TrackOptions,
    services::{Dial, NewRoom, Project, ServiceError, Services},
};

fn services(server: &Server) -> Services {
    Services::new(Project { url: server.url(), key: KEY.to_owned(), secret: Secret::new(SECRET) })
}

/// All that a leg hears, as a telephone would: by the track's name and whose it is.
#[derive(Clone, Default)]
struct Phone(Arc<Mutex<Tracks>>);

type Tracks = HashMap<(String, String), Vec<i16>>;

impl Phone {
    fn on(mut events: Events) -> Self {
        let phone = Self::default();
        let heard = phone.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let Event::TrackSubscribed { identity, track, mut audio } = event else { continue };
                let heard = heard.clone();
                tokio::spawn(async move {
                    while let Some(frame) = audio.next_frame().await {
                        let mut heard = heard.0.lock().unwrap();
                        heard.entry((identity.clone(), track.name.clone())).or_default().extend(frame);
                    }
                });
            }
        });
        phone
    }

    /// What is heard of a track from now on, for so many frames.
    async fn listen(&self, who: &str, name: &str, frames: usize) -> Vec<i16> {
        let key = (who.to_owned(), name.to_owned());
        let length = || self.0.lock().unwrap().get(&key).map_or(0, Vec::len);
        let from = length();
        let whole = async {
            while length() < from + frames * 320 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        soon(&format!("{who}'s {name}"), whole).await;
        self.0.lock().unwrap()[&key][from..].to_vec()
    }

    async fn until_tone(&self, who: &str, name: &str, hz: f64) {
        let tone = async { while measure(&self.listen(who, name, 5).await, hz).snr <= 10.0 {} };
        soon(&format!("{hz} Hz from {who}"), tone).await;
    }

    /// Whether for half a second nothing is heard of a track.
    async fn is_deaf_to(&self, who: &str, name: &str) -> bool {
        let key = (who.to_owned(), name.to_owned());
        let from = self.0.lock().unwrap().get(&key).map_or(0, Vec::len);
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.0.lock().unwrap().get(&key).is_none_or(|heard| heard[from..].iter().all(|s| s.unsigned_abs() < 100))
    }

    async fn until_deaf_to(&self, who: &str, name: &str) {
        let deaf = async { while !self.is_deaf_to(who, name).await {} };
        soon(&format!("{who}'s {name} is heard no more"), deaf).await;
    }
}

// Pitfall 5: two tracks in one go, each heard as what it is.
#[tokio::test]
async fn each_leg_hears_its_own_track_until_the_merge() {
    let server = Server::start().await;
    let services = services(&server);
    let (agent, to_agent) = join(&server, "call", "agent").await;
    agent.set_permissions(SubscriptionPermissions::nobody()).await.unwrap();
    let (to_customer, to_supervisor) = (
        agent.publish(TrackOptions::new("to-customer")).await.unwrap(),
        agent.publish(TrackOptions::new("to-supervisor")).await.unwrap(),
    );
    let permissions =
        SubscriptionPermissions::nobody().allow("customer", &to_customer).allow("supervisor", &to_supervisor);
    agent.set_permissions(permissions).await.unwrap();
    say(&to_customer, 300.0);
    say(&to_supervisor, 500.0);
    let agents = Phone::on(to_agent);

    let (customer, told) = join(&server, "call", "customer").await;
    let customers = Phone::on(told);
    let customers_voice = customer.publish(TrackOptions::new("voice")).await.unwrap();
    say(&customers_voice, 700.0);
    let (supervisor, told) = join(&server, "call", "supervisor").await;
    let supervisors = Phone::on(told);
    let supervisors_voice = supervisor.publish(TrackOptions::new("voice")).await.unwrap();
    say(&supervisors_voice, 900.0);
    let legs = [("customer", supervisors_voice.sid().unwrap()), ("supervisor", customers_voice.sid().unwrap())];
    let subscribe = async |subscribe: bool| {
        for (leg, other) in &legs {
            services.update_subscriptions("call", leg, vec![other.clone()], subscribe).await.unwrap();
        }
    };
    // A server to which it is said while it is just subscribing the leg forgets it: the isolation has to be asserted again.
    let mut asserted = 1;
    subscribe(false).await;
    while !(customers.is_deaf_to("supervisor", "voice").await && supervisors.is_deaf_to("customer", "voice").await) {
        assert!(asserted < 5, "not apart after {asserted} assertions");
        subscribe(false).await;
        asserted += 1;
    }
    println!("apart after {asserted} assertions");

    // Apart: each hears the agent's track for it and nobody else, the agent hears both.
    for (phone, who, name, hz) in [
        (&customers, "agent", "to-customer", 300.0),
        (&supervisors, "agent", "to-supervisor", 500.0),
        (&agents, "customer", "voice", 700.0),
        (&agents, "supervisor", "voice", 900.0),
    ] {
        phone.until_tone(who, name, hz).await;
        let heard = measure(&phone.listen(who, name, 50).await, hz);
        assert!(heard.snr > 25.0 && heard.dropouts == 0, "{who}'s {name}: {heard:?}");
    }
    // Both have talked all the while, and were not heard by each other.
    assert!(customers.is_deaf_to("supervisor", "voice").await, "the customer hears the supervisor");
    assert!(supervisors.is_deaf_to("customer", "voice").await, "the supervisor hears the customer");

    // Together, apart as when the isolation is asserted anew, and together again.
    for _ in 0..2 {
        subscribe(false).await;
        customers.until_deaf_to("supervisor", "voice").await;
        supervisors.until_deaf_to("customer", "voice").await;
        let merged = std::time::Instant::now();
        subscribe(true).await;
        println!("the requests took {:?}", merged.elapsed());
        customers.until_tone("supervisor", "voice", 900.0).await;
        supervisors.until_tone("customer", "voice", 700.0).await;
        println!("merged after {:?}", merged.elapsed());
    }
    assert!(customers.0.lock().unwrap().keys().all(|(_, name)| name != "to-supervisor"), "not for the customer");
    assert!(supervisors.0.lock().unwrap().keys().all(|(_, name)| name != "to-customer"), "not for the supervisor");

    // The merged call needs no agent.
    agent.close().await;
    customers.until_deaf_to("agent", "to-customer").await;
    for (phone, who, hz) in [(&customers, "supervisor", 900.0), (&supervisors, "customer", 700.0)] {
        let heard = measure(&phone.listen(who, "voice", 50).await, hz);
        assert!(heard.snr > 25.0 && heard.dropouts == 0, "{who}: {heard:?}");
    }
}

#[tokio::test]
async fn rooms_and_participants_are_managed() {
    let server = Server::start().await;
    let services = services(&server);
    let room = NewRoom { name: "managed".to_owned(), metadata: "m".to_owned(), ..NewRoom::default() };
    let room = services.create_room(room).await.unwrap();
    assert_eq!((room.name.as_str(), room.metadata.as_str()), ("managed", "m"));
    let (alice, mut to_alice) = join(&server, "managed", "alice").await;
    let voice = alice.publish(TrackOptions::new("voice")).await.unwrap();
    // The API learns of a track a little later than the room does.
    let published = async {
        loop {
            let members = services.list_participants("managed").await.unwrap();
            assert_eq!(members.len(), 1);
            if let [track] = members[0].tracks.as_slice() {
                return track.sid.clone();
            }
        }
    };
    assert_eq!(Some(soon("the track is listed", published).await), voice.sid());
    let mood = [("mood".to_owned(), "good".to_owned())].into();
    let member = services.update_attributes("managed", "alice", mood).await.unwrap();
    assert_eq!(member.participant.attributes["mood"], "good");
    assert_eq!(services.participant("managed", "alice").await.unwrap().participant.identity, "alice");
    services.remove_participant("managed", "alice").await.unwrap();
    let why = event(&mut to_alice, "alice is removed", |event| match event {
        Event::Disconnected(reason) => Some(reason),
        _ => None,
    });
    assert_eq!(why.await, warmline_livekit::DisconnectReason::ParticipantRemoved);
    services.delete_room("managed").await.unwrap();
    assert!(services.list_rooms(vec!["managed".to_owned()]).await.unwrap().is_empty());
    assert!(matches!(services.participant("managed", "alice").await, Err(ServiceError::NotFound(_))));
}

// Pitfall 17.
#[tokio::test]
async fn what_the_server_cannot_do_is_said_in_words() {
    let server = Server::start().await;
    let services = services(&server);
    let (_alice, _told) = join(&server, "limits", "alice").await;
    let moved = services.move_participant("limits", "alice", "elsewhere").await;
    assert!(matches!(moved, Err(ServiceError::NotImplemented(_))), "{moved:?}");
    let dialled = services.dial(Dial::new("ST_x", "+15550100", "limits", "customer")).await;
    assert_eq!(dialled, Err(ServiceError::NoSip));
    assert_eq!(services.list_outbound_trunks().await, Err(ServiceError::NoSip));
    let wrong = Project { secret: Secret::new("a-wrong-secret-of-some-length-at-least"), ..services.project().clone() };
    let refused = Services::new(wrong).list_rooms(vec![]).await;
    assert!(matches!(refused, Err(ServiceError::Unauthorized(_))), "{refused:?}");
    let nowhere = Project { url: "http://127.0.0.1:1".to_owned(), ..services.project().clone() };
    let unreachable = Services::new(nowhere).list_rooms(vec![]).await;
    assert!(matches!(unreachable, Err(ServiceError::Unreachable(_))), "{unreachable:?}");
}
