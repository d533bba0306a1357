//! One run of one function in an account that has sent before: its first order, then many.

use std::time::Duration;

use postrider_bench::Failure;
use postrider_bench::order::Orders;
use postrider_testkit::emulator::lambda::{EventSource, Function, Usage};
use postrider_testkit::emulator::{Account, Delivery};

use super::contender::{CONFIGURATION_SET, Contender, DOMAIN};

/// Longer than any run takes.
const PATIENCE: Duration = Duration::from_secs(300);
/// Longer than any run takes, so that nothing comes twice.
const VISIBILITY_SECS: &str = "900";

/// What one run showed.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// From the start of the program to the answer to its first order, which has been mailed.
    pub first_response_ms: f64,
    /// Processor time until then.
    pub start_cpu_ms: f64,
    /// Processor time of each order after it.
    pub cpu_ms_per_message: f64,
    /// Processor time of all orders, the start included, an order.
    pub cpu_ms_per_message_with_start: f64,
    /// The most memory at once.
    pub peak_memory_mib: f64,
}

/// Lets a first process of the function send one order, so that the account and its table are as they are on any day but
/// the first. Then starts another with one order, hands it `messages` more in batches of ten, and checks that all were mailed.
pub fn run(contender: &Contender, messages: u64) -> Result<Run, Failure> {
    let account = Account::new();
    let queue = account.create_queue("orders", &[("VisibilityTimeout", VISIBILITY_SECS)]);
    let topic = account.create_topic("orders");
    topic.subscribe(&queue, Delivery::Raw);
    account.verify_identity(DOMAIN);
    account.create_configuration_set(CONFIGURATION_SET, &account.create_topic("reports"));
    account.set_ses_account(&serde_json::json!({ "MaxSendRate": 1_000 }));
    contender.prepare(&account)?;
    let source = EventSource::new(&queue);
    let orders = Orders::new(1);
    let take_one = |index| -> Result<Function, Failure> {
        let function = contender.function(&account);
        topic.publish(&orders.event(index), &[])?;
        let taken = source.poll(&function, 0);
        if taken.deleted == 1 {
            return Ok(function);
        }
        let log = function.log();
        Err(format!("{} did not take its first order: {taken:?}\n{log:#?}", contender.name()).into())
    };

    drop(take_one(0)?);
    let function = take_one(1)?;
    let started = usage(contender, function.usage())?;
    for index in 2..messages + 2 {
        topic.publish(&orders.event(index), &[])?;
    }
    let functions = [function];
    source.drain(&functions, PATIENCE);
    let [function] = &functions;
    let ended = usage(contender, function.usage())?;
    let sent = account.sent().len() as u64;
    if sent != messages + 2 {
        return Err(format!("{} mailed {sent} of {} orders", contender.name(), messages + 2).into());
    }
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let count = f64::from(u32::try_from(messages)?);
    #[expect(clippy::cast_precision_loss, reason = "mebibytes of a small process")]
    let peak_memory_mib = ended.peak_memory_bytes as f64 / (1024.0 * 1024.0);
    Ok(Run {
        first_response_ms: ms(ended.first_response),
        start_cpu_ms: ms(started.cpu),
        cpu_ms_per_message: ms(ended.cpu.saturating_sub(started.cpu)) / count,
        cpu_ms_per_message_with_start: ms(ended.cpu) / (count + 1.0),
        peak_memory_mib,
    })
}

fn usage(contender: &Contender, usage: Option<Usage>) -> Result<Usage, Failure> {
    usage.ok_or_else(|| format!("the program of {} has ended", contender.name()).into())
}
