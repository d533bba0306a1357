//! What one order costs: validating and planning it, and making its message.
#![expect(clippy::expect_used, reason = "a measurement without its samples is none")]

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::document::parse_json;
use postrider_core::domain::event::{Event, Pointers, StoredEvent};
use postrider_core::domain::id::{EventId, NotificationId};
use postrider_core::domain::lifecycle::Lifecycle;
use postrider_core::domain::notification::Notification;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::catalog::Catalog as _;
use postrider_mail::dkim::DkimKey;
use postrider_mail::types::{Sender, TypeSet, TypeSource};
use serde_json::{Value, json};

const SHORT: &str = include_str!("../../../notifications/order_confirmation/samples/short.json");
const LONG: &str = include_str!("../../../notifications/order_confirmation/samples/long.json");
/// A seed made for this bench; it signs nothing else.
const SEED: &[u8] = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The CPU time of this thread: what else the machine does is not ours.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let seconds = Duration::from_secs(u64::try_from(time.tv_sec).expect("time that has passed"));
        seconds + Duration::from_nanos(u64::try_from(time.tv_nsec).expect("time that has passed"))
    }

    fn end(&self, begun: Duration) -> Duration {
        self.start() - begun
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn sender() -> Sender {
    let address = EmailAddress::parse("orders@shop.example.com").expect("an address");
    Sender::new(Some("Example Shop".to_owned()), address)
}

fn event(sample: &str) -> Event {
    Event {
        id: None,
        source: None,
        event_type: "order.confirmed".to_owned(),
        data: parse_json(sample.as_bytes()).expect("a sample"),
        pointers: Pointers::ENVELOPE,
        send_at: None,
        correlation_id: None,
        locale: None,
    }
}

fn measure(c: &mut Criterion<CpuTime>) {
    let types = TypeSet::load(&TypeSource::Shipped, sender()).expect("the shipped types");
    let key = DkimKey::from_bytes("shop.example.com", "s1", SEED).expect("a key");
    let signing = Sender { dkim: Some(key), ..sender() };
    let signing = TypeSet::load(&TypeSource::Shipped, signing).expect("the shipped types");
    let at = Timestamp::from_millis(1_795_428_000_000);
    for (name, sample) in [("short", SHORT), ("long", LONG)] {
        let event = event(sample);
        c.bench_function(&format!("plan {name}"), |b| b.iter(|| types.plan(black_box(&event))));
        let plan = types.plan(&event).expect("a valid sample");
        let notification = Notification {
            id: NotificationId::new(at, 77),
            event_id: EventId::given("e"),
            notification_type: plan[0].notification_type.clone(),
            to: plan[0].to.clone(),
            order_id: None,
            correlation_id: None,
            priority: plan[0].priority,
            category: plan[0].category.clone(),
            created_at: at,
            updated_at: at,
            send_at: None,
            lifecycle: Lifecycle::accepted(at),
        };
        let stored = StoredEvent {
            id: EventId::given("e"),
            source: None,
            event_type: event.event_type.clone(),
            data: event.data.to_string(),
            correlation_id: None,
            locale: None,
        };
        c.bench_function(&format!("compose {name}"), |b| {
            b.iter(|| types.compose(black_box(&notification), black_box(&stored), at));
        });
        c.bench_function(&format!("compose {name}, Ed25519"), |b| {
            b.iter(|| signing.compose(black_box(&notification), black_box(&stored), at));
        });
    }
}

/// Writes what the typical order's message is made of, for another program to make it too.
fn export(file: &str) {
    let types = TypeSet::load(&TypeSource::Shipped, sender()).expect("the shipped types");
    let bundle =
        |(_, bytes): (_, Vec<u8>)| serde_json::from_slice::<Value>(&bytes).expect("a bundle is JSON");
    let is_wanted = |bundle: &Value| bundle["subject"] == "Your order {{ orderId }} is confirmed";
    let bundle = types.renditions().into_iter().map(bundle).find(is_wanted).expect("the confirmation");
    let data = parse_json(SHORT.as_bytes()).expect("a sample");
    let preview = types.preview("order_confirmation", Some(&data), None).expect("a valid sample");
    let rendered = json!({ "subject": preview.subject, "html": preview.html, "text": preview.text });
    let exported = json!({ "bundle": bundle, "data": data, "rendered": rendered });
    std::fs::write(file, exported.to_string()).expect("a writable file");
}

fn main() {
    if let Ok(file) = std::env::var("POSTRIDER_BENCH_EXPORT") {
        export(&file);
        return;
    }
    let mut criterion = Criterion::default().with_measurement(CpuTime).configure_from_args();
    measure(&mut criterion);
    criterion.final_summary();
}
