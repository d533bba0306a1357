//! Clients that post an order until it is acknowledged, as an order system's outbox does.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Failure;
use crate::http::{Answer, Client};

/// How long one order is tried: longer than any restart in a drill.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// What an acknowledgement says about an order's only notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Acknowledged {
    pub id: String,
    pub duplicate: bool,
}

/// Reads a 202; `None` for any other answer.
pub(super) fn acknowledgement(answer: &Answer) -> Option<Acknowledged> {
    let body = answer.json();
    let first: &Value = &body["notifications"][0];
    let id = first["id"].as_str()?.to_owned();
    (answer.status == 202).then_some(Acknowledged { id, duplicate: first["duplicate"] == true })
}

/// Posts an event until it is acknowledged. A broken connection or a 503 is tried again, anything else is an error.
pub(super) fn post_until_acknowledged(client: &mut Client, event: &str) -> Result<Acknowledged, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let trouble = match client.post("/v1/events", event) {
            Ok(answer) => match acknowledgement(&answer) {
                Some(acknowledged) => return Ok(acknowledged),
                None if answer.status == 503 => "503".to_owned(),
                None => {
                    let body = String::from_utf8_lossy(&answer.body).into_owned();
                    return Err(format!("an order was answered {}: {body}", answer.status).into());
                }
            },
            Err(error) => error.to_string(),
        };
        if Instant::now() >= deadline {
            return Err(format!("an order was not acknowledged within {PATIENCE:?}: {trouble}").into());
        }
        thread::sleep(PAUSE);
    }
}

/// Posts events over `connections` at once; each event goes to the connection its index falls to. The
/// acknowledgements come back in the order of the events.
pub(super) fn post_all(
    server: SocketAddr,
    connections: usize,
    events: &[String],
) -> Result<Vec<Acknowledged>, Failure> {
    let share = |number: usize| {
        let mut client = Client::new(server);
        events
            .iter()
            .enumerate()
            .skip(number)
            .step_by(connections)
            .map(|(index, event)| Ok((index, post_until_acknowledged(&mut client, event)?)))
            .collect::<Result<Vec<_>, Failure>>()
    };
    let share = &share;
    let parts = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|number| scope.spawn(move || share(number))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("a posting client panicked".into())))
            .collect::<Result<Vec<_>, Failure>>()
    })?;
    let mut all: Vec<_> = parts.into_iter().flatten().collect();
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, acknowledged)| acknowledged).collect())
}
