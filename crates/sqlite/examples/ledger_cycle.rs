//! How fast the ledger turns: accept → claim → finish, as the server does it.
//!
//! ```text
//! cargo run --release -p postrider-sqlite --example ledger_cycle -- FILE MESSAGES [RATE_PER_SECOND] [BATCH]
//! ```
//!
//! Forty tasks accept orders with random ids while one dispatcher claims in batches and up to forty tasks finish.
//! FILE is created if it is missing and kept, so that a second run measures a filled ledger. Without a rate the tasks
//! accept as fast as they can.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints, and stops at the first surprise"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::category::Category;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::event::StoredEvent;
use postrider_core::domain::id::{EventId, NotificationId};
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::notification::{BusinessKey, PlannedNotification, Priority};
use postrider_core::domain::outcome::Words;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::catalog::{RenditionId, SentCopy};
use postrider_core::ports::clock::Random as _;
use postrider_core::ports::ledger::{Acceptance, ClaimDue, FinishAttempt, Ledger as _, ListQuery};
use postrider_sqlite::SqliteLedger;
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::random::SeededRandom;
use tokio::sync::Semaphore;

const ACCEPTORS: usize = 40;
const FINISHERS: usize = 40;

/// Time since the start, laid over a fixed day: ids must rise from run to run on one file.
struct Watch {
    origin: Timestamp,
    start: Instant,
}

impl Watch {
    fn now(&self) -> Timestamp {
        self.origin.plus_ms(u64::try_from(self.start.elapsed().as_millis()).unwrap())
    }
}

fn acceptance(random: &SeededRandom, now: Timestamp) -> Acceptance {
    let order = format!("{:016x}", random.next_u64());
    let to = EmailAddress::parse(&format!("customer-{:08x}@example.com", random.next_u64() >> 32)).unwrap();
    let items = r#"{"sku":"AE-1","name":"Analytical Engine","quantity":1,"unitPrice":"129.00"}"#;
    let data = format!(
        r#"{{"orderId":"{order}","customerEmail":"{}","customerName":"Ada Lovelace","items":[{items},{items},{items}],"total":"387.00","currency":"USD","timestamp":"2026-11-23T10:00:00Z","metadata":{{"channel":"web"}}}}"#,
        to.as_str()
    );
    let plan = PlannedNotification {
        notification_type: "order_confirmation".to_owned(),
        to,
        business_key: BusinessKey::new("order_confirmation", &order),
        order_id: Some(order),
        priority: Priority::Normal,
        category: Category::TRANSACTIONAL,
    };
    Acceptance {
        data_fingerprint: Fingerprint::of_parts(&[data.as_bytes()]),
        event: StoredEvent {
            id: EventId::generate(now, random.next_u128()),
            source: None,
            event_type: "order.confirmed".to_owned(),
            data,
            correlation_id: None,
            locale: None,
        },
        notifications: vec![(NotificationId::new(now, random.next_u128()), plan)],
        send_at: None,
        now,
        idempotency: None,
        lease_until: None,
        hold: None,
    }
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    // utime and stime, in ticks of a hundredth of a second.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn memory_peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned()
}

fn quantile(sorted: &[Duration], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length is an index"
    )]
    let index = ((sorted.len() as f64 - 1.0) * share) as usize;
    sorted.get(index).copied().unwrap_or_default().as_secs_f64() * 1_000.0
}

fn print_latency(name: &str, mut latencies: Vec<Duration>) {
    latencies.sort_unstable();
    println!(
        "{name}: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
        quantile(&latencies, 0.5),
        quantile(&latencies, 0.99),
        quantile(&latencies, 0.999),
        quantile(&latencies, 1.0)
    );
}

fn file_sizes(file: &str) -> String {
    let len = |path: &str| std::fs::metadata(path).map_or(0, |file| file.len());
    format!("database {} bytes, log {} bytes", len(file), len(&format!("{file}-wal")))
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap();
    let messages: usize = arguments.next().unwrap().parse().unwrap();
    let rate: u64 = arguments.next().map_or(0, |text| text.parse().unwrap());
    let batch: usize = arguments.next().map_or(256, |text| text.parse().unwrap());
    let opening = Instant::now();
    let ledger = Arc::new(SqliteLedger::open(&file, recipient_rules()).unwrap());
    println!("opened in {:.0} ms, {}", opening.elapsed().as_secs_f64() * 1e3, file_sizes(&file));
    let newest = ledger.list(ListQuery { limit: 1, ..ListQuery::default() }).await.unwrap();
    let origin = newest
        .notifications
        .first()
        .map_or(Timestamp::from_millis(1_795_428_000_000), |newest| newest.created_at.plus_ms(1_000));
    let seed = u64::try_from(origin.as_millis()).unwrap();
    let watch = Arc::new(Watch { origin, start: Instant::now() });
    let left = Arc::new(AtomicUsize::new(messages));
    let started = Instant::now();
    let cpu_before = cpu_seconds();

    let mut acceptors = Vec::new();
    for task in 0..ACCEPTORS {
        let (ledger, watch, left) = (Arc::clone(&ledger), Arc::clone(&watch), Arc::clone(&left));
        acceptors.push(tokio::spawn(async move {
            let random = SeededRandom::new(seed.wrapping_add(task as u64).wrapping_mul(0x9e37_79b9));
            let mut latencies = Vec::new();
            let mut due = started;
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
            {
                if let Some(gap_ns) = (1_000_000_000 * ACCEPTORS as u64).checked_div(rate) {
                    due += Duration::from_nanos(gap_ns);
                    tokio::time::sleep_until(due.into()).await;
                }
                let acceptance = acceptance(&random, watch.now());
                let asked = Instant::now();
                ledger.accept(acceptance).await.unwrap();
                latencies.push(asked.elapsed());
            }
            latencies
        }));
    }

    let accepted_all = Arc::new(AtomicBool::new(false));
    let dispatcher = {
        let (ledger, watch, accepted_all) =
            (Arc::clone(&ledger), Arc::clone(&watch), Arc::clone(&accepted_all));
        tokio::spawn(async move {
            let finishers = Arc::new(Semaphore::new(FINISHERS));
            let mut finished = 0;
            while finished < messages {
                let now = watch.now();
                let request = ClaimDue { now, lease_until: now.plus_ms(600_000), limit: batch };
                let claims = ledger.claim_due(request).await.unwrap().claims;
                if claims.is_empty() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    assert!(!accepted_all.load(Ordering::Relaxed) || finished < messages);
                }
                for claim in claims {
                    finished += 1;
                    let permit = Arc::clone(&finishers).acquire_owned().await.unwrap();
                    let ledger = Arc::clone(&ledger);
                    tokio::spawn(async move {
                        let finish = FinishAttempt {
                            id: claim.notification.id,
                            fence: claim.notification.lifecycle.fence,
                            claimed_at: now,
                            now,
                            verdict: Verdict::Sent,
                            mailer: "smtp".to_owned(),
                            words: Words::new("250 2.0.0 Ok: queued as 4ZK1Yc2bF7zXq"),
                            condemns_address: false,
                            copy: Some(SentCopy {
                                rendition: RenditionId(Fingerprint::of_parts(&[b"templates"])),
                                composed_at: now,
                                fingerprint: Fingerprint::of_parts(&[claim.event.data.as_bytes()]),
                                signature: None,
                            }),
                        };
                        ledger.finish_attempt(finish).await.unwrap();
                        drop(permit);
                    });
                }
            }
            let _all = finishers.acquire_many(u32::try_from(FINISHERS).unwrap()).await.unwrap();
        })
    };
    let reader = {
        let ledger = Arc::clone(&ledger);
        let accepted_all = Arc::clone(&accepted_all);
        tokio::spawn(async move {
            let random = SeededRandom::new(seed.wrapping_mul(0x9e37_79b9));
            let mut latencies = Vec::new();
            while !accepted_all.load(Ordering::Relaxed) {
                let order_id = Some(format!("{:016x}", random.next_u64()));
                let asked = Instant::now();
                ledger.list(ListQuery { order_id, limit: 20, ..ListQuery::default() }).await.unwrap();
                latencies.push(asked.elapsed());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            latencies
        })
    };
    let mut accepts = Vec::new();
    for acceptor in acceptors {
        accepts.extend(acceptor.await.unwrap());
    }
    accepted_all.store(true, Ordering::Relaxed);
    let accepting = started.elapsed();
    dispatcher.await.unwrap();
    let elapsed = started.elapsed();
    let cpu = cpu_seconds() - cpu_before;
    println!(
        "{messages} messages in {:.2} s (accepted in {:.2} s): {:.0} messages/s, {:.1} µs CPU each",
        elapsed.as_secs_f64(),
        accepting.as_secs_f64(),
        messages as f64 / elapsed.as_secs_f64(),
        cpu * 1e6 / messages as f64
    );
    print_latency("accept", accepts);
    print_latency("GET by order", reader.await.unwrap());
    println!("{}, {}", file_sizes(&file), memory_peak());
    let closing = Instant::now();
    ledger.close().await;
    println!("closed in {:.0} ms", closing.elapsed().as_secs_f64() * 1e3);
}
