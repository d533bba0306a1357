//! How much a month's mail may cost.

use postrider_core::domain::money::Usd;

use super::load::ConfigError;
use super::reader::Reader;
use super::settings::MailerSettings;

/// How much a month's mail may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetSettings {
    /// The hard budget, in US dollars; no hold if `None`.
    pub monthly_usd: Option<Usd>,
    /// Whether the functions run in a network of their own, which stands every month.
    pub vpc: bool,
}

pub(super) fn read_budget(read: &Reader<'_>, mailer: &MailerSettings) -> Result<BudgetSettings, ConfigError> {
    let monthly_usd = match read.text("budget.monthly_usd") {
        None => None,
        Some(text) => {
            let usd: Usd = text.parse().map_err(|error: postrider_core::domain::money::InvalidUsd| {
                read.invalid("budget.monthly_usd", error.to_string())
            })?;
            // Nothing sent means nothing to hold: nobody wants to say that by a budget.
            (usd > Usd::ZERO).then_some(usd)
        }
    };
    if monthly_usd.is_some() && !matches!(mailer, MailerSettings::Ses(_)) {
        let message = "needs mailer.kind = \"ses\": nobody else says how much was sent, and what it costs";
        return Err(read.invalid("budget.monthly_usd", message));
    }
    Ok(BudgetSettings { monthly_usd, vpc: read.flag("budget.vpc").unwrap_or(false) })
}
