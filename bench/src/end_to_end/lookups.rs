//! "Where is order 1042's mail?", asked again and again while the server works, and afterwards.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::runs::LookFor;
use crate::Failure;
use crate::http::Client;
use crate::latency::{Latencies, Summary};
use crate::order::mix;

/// Between two lookups while the server works: a support desk, not a load.
const INTERVAL: Duration = Duration::from_millis(5);
/// Lookups after the work.
const AFTERWARDS: u64 = 2_000;

/// Times of `GET /v1/notifications?orderId=`.
#[derive(Clone, Copy, Debug)]
pub struct Lookups {
    /// While orders came in.
    pub during: Summary,
    /// While nothing else happened.
    pub after: Summary,
}

/// Carries out `work` and looks for orders meanwhile and afterwards, if there are any to look for.
///
/// # Errors
/// Those of the work, or if an order is not found.
pub fn during<T: Send>(
    server: SocketAddr,
    look_for: Option<LookFor>,
    work: impl FnOnce() -> Result<T, Failure>,
) -> Result<(T, Option<Lookups>), Failure> {
    let Some(look_for) = look_for else { return Ok((work()?, None)) };
    let done = AtomicBool::new(false);
    let (result, during) = thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut client = Client::new(server);
            let mut latencies = Latencies::default();
            for number in 0.. {
                if done.load(Ordering::SeqCst) {
                    break;
                }
                latencies.record(look(&mut client, look_for, number)?);
                thread::sleep(INTERVAL);
            }
            Ok::<_, Failure>(latencies.summary())
        });
        let result = work();
        done.store(true, Ordering::SeqCst);
        (result, looking.join().unwrap_or_else(|_| Err("the thread that looks for orders panicked".into())))
    });
    let (result, during) = (result?, during?);
    let mut client = Client::new(server);
    let mut latencies = Latencies::default();
    for number in 0..AFTERWARDS {
        latencies.record(look(&mut client, look_for, number)?);
    }
    Ok((result, Some(Lookups { during, after: latencies.summary() })))
}

/// Looks for one order, picked as if at random, and says how long the answer took.
fn look(client: &mut Client, look_for: LookFor, number: u64) -> Result<Duration, Failure> {
    let order_id = look_for.past.id(mix(number) % look_for.rows);
    let path = format!("/v1/notifications?orderId={order_id}");
    let started = Instant::now();
    let answer = client.get(&path)?;
    let elapsed = started.elapsed();
    if answer.status != 200 || answer.json()["data"][0]["orderId"] != order_id {
        return Err(format!("order {order_id} was not found: {}", answer.status).into());
    }
    Ok(elapsed)
}
