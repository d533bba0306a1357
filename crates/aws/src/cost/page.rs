//! The page `docs/cost.md`, made of the data.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rust_decimal::Decimal;

use super::{InvalidData, Prices, Usage, estimate};

/// The volumes that the page shows, in e-mails a day.
pub const PAGE_VOLUMES: [u64; 4] = [2_000, 20_000, 200_000, 2_000_000];

const HEAD: &str = "# What it costs on AWS

Made by `postrider cost estimate --markdown` (`just generate`) from `crates/aws/src/cost/prices.toml` and `usage.toml`; a test keeps this page in step with them. `postrider cost estimate --per-day 5000` answers for any other volume.

It is an estimate: it never met a bill. Prices are of one region, each with the date it was read and who said so; most come from third parties. Free tiers, taxes, support plans and Savings Plans are not taken off or added.
";

const ASSUMED: &str = "## What was counted, and what is assumed

Counted by the end-to-end test, with 200 orders in full batches ([bench/aws-cost.json](../bench/aws-cost.json)): calls of SES, write and read units of the ledger, requests of SQS, publishes of SNS, invocations and bytes of log. Fewer e-mails at once make smaller batches, so up to ten times as many invocations and SQS requests; at 2,000 a day that is a few cents a month.

Counted in the template, by a test: alarms by their metrics, keys, secret, dashboard, runs of the schedules, polling of the queues, endpoints.

Assumed, because nothing but an account of AWS tells: 0.025 GB-seconds of Lambda an e-mail and 50 ms a run of `sweep` and `cost`; that every run is traced (`EnableTracing`); detailed metrics of the HTTP API at the price of custom ones; 100,000 requests to KMS a month; about 400 bytes of log that Lambda writes of an invocation.

Not in it: attachments (SES 0.12 a GB), calls of the HTTP API (events over the topic need none), webhooks, traffic, storage of logs beyond their ingestion, copies of backups and of the secret in another region, a VPC's 0.01 a GB.
";

/// The whole page, as Markdown.
///
/// # Errors
/// [`InvalidData`].
pub fn page() -> Result<String, InvalidData> {
    let (prices, usage) = (Prices::shipped()?, Usage::shipped()?);
    let with_vpc = usage.clone().with_vpc()?;
    let mut page = HEAD.to_owned();
    let oldest = prices.oldest_date().unwrap_or_default();
    let each = estimate(&prices, &usage, 1)?;
    let besides_ses = prices.sum(&usage.per_email)? - prices.sum(&one_of(&usage.per_email, "ses_message"))?;
    page.push_str(&format!(
        "\n## A month of 30 days, in US dollars\n\nOldest price: {oldest}. What stands whatever is sent: {} a month, with `EnableVpc` {}. Each e-mail besides: {}, \
         of which SES takes all but {besides_ses}.\n\n| e-mails a day | a month | per 1,000 | per e-mail | a month with `EnableVpc` | kept mail adds, see below |\n| ---: | ---: | ---: | ---: | ---: | ---: |\n",
        money(each.standing_usd),
        money(estimate(&prices, &with_vpc, 1)?.standing_usd),
        each.each_usd,
        besides_ses = besides_ses.round_dp(9).normalize(),
    ));
    for volume in PAGE_VOLUMES {
        let plain = estimate(&prices, &usage, volume)?;
        let network = estimate(&prices, &with_vpc, volume)?;
        let email = plain.email_usd.unwrap_or_default();
        row(
            &mut page,
            &[
                grouped(volume),
                money(plain.month_usd),
                plain.thousand_usd().unwrap_or_default().round_dp(4).to_string(),
                email.round_dp(7).to_string(),
                money(network.month_usd),
                format!("+ {} each month", money(plain.kept_usd)),
            ],
        );
    }
    page.push_str(&kept(&prices, &usage)?);
    page.push('\n');
    page.push_str(ASSUMED);
    table(&mut page, "## One e-mail", &prices, &usage.per_email);
    table(&mut page, "## What stands, a month", &prices, &usage.standing_month);
    table(&mut page, "## With `EnableVpc` besides, a month", &prices, &usage.vpc_month);
    table(&mut page, "## Each e-mail that the ledger keeps, a month", &prices, &usage.kept_month);
    page.push_str(
        "\n## Prices\n\n| for | US dollars | for so many | read | says |\n| --- | ---: | ---: | --- | --- |\n",
    );
    for (name, price) in prices.iter() {
        row(
            &mut page,
            &[
                format!("`{name}`"),
                price.usd.to_string(),
                grouped(price.per),
                price.date.clone(),
                price.source.clone(),
            ],
        );
    }
    Ok(page)
}

fn kept(prices: &Prices, usage: &Usage) -> Result<String, InvalidData> {
    let million = Decimal::from(1_000_000);
    let part = |name: &str| -> Result<String, InvalidData> {
        Ok(money(prices.sum(&one_of(&usage.kept_month, name))? * million))
    };
    Ok(format!(
        "\nThe ledger keeps every notification for ever, and so the bill grows: the last column is what the mail of one month adds to every later month. A million kept notifications take {} a month \
         in the table, {} for point-in-time recovery and {} for daily backups, because each of the 90 that are kept is a whole copy. Lower `BackupRetentionDays` where the ledger is large; restoring to any \
         second of the last 35 days needs no backup.\n",
        part("table_gigabyte_month")?,
        part("recovery_gigabyte_month")?,
        part("backup_gigabyte_month")?,
    ))
}

fn one_of(used: &BTreeMap<String, Decimal>, name: &str) -> BTreeMap<String, Decimal> {
    used.iter().filter(|(key, _)| *key == name).map(|(key, units)| (key.clone(), *units)).collect()
}

fn table(page: &mut String, title: &str, prices: &Prices, used: &BTreeMap<String, Decimal>) {
    let _ = write!(page, "\n{title}\n\n| what | units | US dollars |\n| --- | ---: | ---: |\n");
    for (name, units) in used {
        let usd = prices.sum(&one_of(used, name)).unwrap_or_default();
        row(page, &[format!("`{name}`"), units.to_string(), usd.round_dp(9).normalize().to_string()]);
    }
}

fn row(page: &mut String, cells: &[String]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn money(usd: Decimal) -> String {
    let cents = format!("{:.2}", usd.round_dp(2));
    match cents.split_once('.').map(|(whole, part)| (whole.parse::<u64>(), part)) {
        Some((Ok(whole), part)) => format!("{}.{part}", grouped(whole)),
        _ => cents,
    }
}

/// With a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
