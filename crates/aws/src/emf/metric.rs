//! The names of the metrics, which are a public contract.

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Messages the mailer took.
    EmailsSent,
    /// Attempts that failed, for whatever reason.
    SendFailures,
    /// Reports of a delivery.
    Deliveries,
    /// Reports of a permanent bounce.
    Bounces,
    /// Complaints.
    Complaints,
    /// Notifications not sent because their recipients are on the suppression list.
    Suppressed,
    /// Notifications asked for again with the same business key.
    Duplicates,
    /// Notifications that became dead letters, and events that will.
    DeadLetters,
    /// Attempts that will be repeated.
    Retries,
    /// Attempts whose outcome is unknown.
    Unknown,
    /// From an event's acceptance to its message being handed to the mailer.
    SendLatency,
    /// From a message being handed on to the report of its delivery.
    DeliveryLatency,
    /// How long the longest due notification has waited.
    QueueAge,
    /// What a month costs at the rate of the last day, in US dollars.
    EstimatedCostUsd,
    /// What one e-mail costs at that rate, in US dollars.
    CostPerEmailUsd,
    /// Whether the month's hard budget is spent and sending on hold: 1 or 0.
    BudgetHold,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 16] = [
        Self::EmailsSent,
        Self::SendFailures,
        Self::Deliveries,
        Self::Bounces,
        Self::Complaints,
        Self::Suppressed,
        Self::Duplicates,
        Self::DeadLetters,
        Self::Retries,
        Self::Unknown,
        Self::SendLatency,
        Self::DeliveryLatency,
        Self::QueueAge,
        Self::EstimatedCostUsd,
        Self::CostPerEmailUsd,
        Self::BudgetHold,
    ];

    /// The public name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EmailsSent => "EmailsSent",
            Self::SendFailures => "SendFailures",
            Self::Deliveries => "Deliveries",
            Self::Bounces => "Bounces",
            Self::Complaints => "Complaints",
            Self::Suppressed => "Suppressed",
            Self::Duplicates => "Duplicates",
            Self::DeadLetters => "DeadLetters",
            Self::Retries => "Retries",
            Self::Unknown => "Unknown",
            Self::SendLatency => "SendLatency",
            Self::DeliveryLatency => "DeliveryLatency",
            Self::QueueAge => "QueueAge",
            Self::EstimatedCostUsd => "EstimatedCostUsd",
            Self::CostPerEmailUsd => "CostPerEmailUsd",
            Self::BudgetHold => "BudgetHold",
        }
    }

    /// The unit, by CloudWatch's name. It knows no currencies.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::EmailsSent
            | Self::SendFailures
            | Self::Deliveries
            | Self::Bounces
            | Self::Complaints
            | Self::Suppressed
            | Self::Duplicates
            | Self::DeadLetters
            | Self::Retries
            | Self::Unknown => "Count",
            Self::SendLatency | Self::DeliveryLatency => "Milliseconds",
            Self::QueueAge => "Seconds",
            Self::EstimatedCostUsd | Self::CostPerEmailUsd | Self::BudgetHold => "None",
        }
    }
}
