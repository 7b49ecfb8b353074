//! From ten POSTs at once to ten greetings heard.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use tokio::time::Instant;

use crate::{
    Context,
    http::Client,
    phone::Phone,
    report::Row,
    speech::voice,
    stand::Stand,
    stats::{Samples, millis},
};

const AT_ONCE: usize = 10;
const FIRST_NAMES: [&str; AT_ONCE] =
    ["Jordan", "Maria", "Peter", "Olivia", "Samuel", "Hannah", "Victor", "Emma", "Daniel", "Laura"];
const LAST_NAMES: [&str; 5] = ["Miller", "Brown", "Wagner", "Rossi", "Novak"];
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn run(context: &Context) -> anyhow::Result<Vec<Row>> {
    // As the program does at its start.
    context.local().await?.1.render_all(&warmline_voice::lines::all_fixed(), &voice(0)).await?;
    let stand = Stand::on_exchange(context.local_speech().await?).await?;
    let address = stand.serve().await?;
    let (mut times, mut never) = (Samples::default(), 0_u32);
    for (round, last_name) in LAST_NAMES.iter().enumerate().take(context.pick(5, 1)) {
        let calls = (0..context.pick(AT_ONCE, 2)).map(|n| {
            let number = format!("+155502{round:02}{n:03}");
            let phone = Phone::open(&stand.exchange, &number);
            // No two are called the same, so that no greeting was spoken before.
            let name = format!("{} {}", FIRST_NAMES[n % AT_ONCE], last_name);
            context.load.spawn(async move { greeted(phone?, address, &number, &name).await })
        });
        for greeting in try_join_all(calls.collect::<Vec<_>>()).await? {
            match greeting? {
                Some(millis) => times.push(millis),
                None => never += 1,
            }
        }
        stand.all_ended().await?;
    }
    let row = Row::times("ten POSTs at once → ten greetings heard, warm, local speech", &times)
        .value("never", f64::from(never))
        .at_most("p50", times.at(0.5), 700.0, "ms")
        .at_most("worst", times.at(1.0), 700.0, "ms")
        .at_most("never", f64::from(never), 0.0, "calls");
    Ok(vec![row.why("phones that answer at once, so that there is no ringing to speak ahead in; each greeting holds a name and is spoken for that call")])
}

async fn greeted(
    mut phone: Phone,
    address: std::net::SocketAddr,
    number: &str,
    name: &str,
) -> anyhow::Result<Option<f64>> {
    let mut client = Client::connect(address).await?;
    let body = format!(r#"{{"phone_number":"{number}","name":"{name}"}}"#);
    let posted = Instant::now();
    let (answer, heard) =
        tokio::join!(client.post("/calls/outbound-with-escalation", "", &body), phone.until_audible(PATIENCE));
    let answer = answer.context("a POST was not answered")?;
    ensure!(answer.status == 200, "a POST is answered {}", answer.status);
    let heard = heard?.map(|heard| millis(posted, heard));
    phone.hang_up();
    Ok(heard)
}
