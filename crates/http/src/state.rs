//! What every handler shares.

use std::sync::Arc;

use postrider_core::domain::budget::Rates;
use postrider_core::domain::money::Usd;
use postrider_core::domain::suppression::Secret;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::clock::{Clock, Random};
use postrider_core::ports::feedback::ListElsewhere;
use postrider_core::ports::ledger::{Claim, Ledger};
use postrider_core::use_cases::budget::HoldWatch;
use postrider_core::use_cases::erase_recipient::CapturedMessages;
use postrider_mail::types::LiveTypes;
use postrider_mail::verp::Verp;
use postrider_webhook::OutboundConfig;

use crate::access::Access;
use crate::body::BodyRoom;
use crate::gate::Gate;
use crate::health::Health;
use crate::idempotency::RunningKeys;
use crate::metrics::Metrics;
use crate::reload::ReloadTypes;
use crate::sns::SnsEndpoint;

/// Sends what has just been accepted, where no dispatcher looks for it.
pub trait Sender: Send + Sync {
    /// Until when to claim the event that is accepted next; `None` leaves it to whoever claims later.
    fn lease_until(&self) -> Option<Timestamp>;

    /// Takes over what was claimed in the step that accepted it, to send it and to record what comes of it.
    fn take(&self, claims: Vec<Claim>);
}

/// What sending costs, and how much it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tariff {
    /// The prices; nothing where nobody is paid by the message.
    pub rates: Rates,
    /// The hard budget of a month; `None` where there is none.
    pub budget: Option<Usd>,
}

/// The parts a running API is made of. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    /// Where notifications live.
    pub ledger: Arc<dyn Ledger>,
    /// The notification types in force.
    pub types: Arc<LiveTypes>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of ids.
    pub random: Arc<dyn Random>,
    /// The installation's secret.
    pub secret: Secret,
    /// What Prometheus reads.
    pub metrics: Arc<Metrics>,
    /// Whether the parts behind the API are well.
    pub health: Arc<Health>,
    /// Called after something became due, so that a sender wakes up.
    pub wake: Arc<dyn Fn() + Send + Sync>,
    /// Bytes of one event's body.
    pub request_limit_bytes: usize,
    /// Idempotency keys of running requests.
    pub running_keys: RunningKeys,
    /// Room for the bodies of running requests.
    pub body_room: BodyRoom,
    /// Tells our signed return paths; `None` without a bounce domain.
    pub return_paths: Option<Arc<Verp>>,
    /// What it takes to be an SNS endpoint; `None` where no topic may write.
    pub sns: Option<Arc<SnsEndpoint>>,
    /// Where webhooks may go.
    pub webhook_targets: Arc<OutboundConfig>,
    /// Called after something changed about webhooks, so that who calls them wakes up.
    pub wake_webhooks: Arc<dyn Fn() + Send + Sync>,
    /// How callers are told apart.
    pub access: Arc<Access>,
    /// What keeps strange pages out.
    pub gate: Arc<Gate>,
    /// The list of the mail service's account, from which addresses must go as well that are taken off ours; `None` where
    /// the two are not kept in step.
    pub list_elsewhere: Option<Arc<dyn ListElsewhere>>,
    /// Where messages were captured instead of being sent; `None` where they never are.
    pub captured: Option<Arc<dyn CapturedMessages>>,
    /// Reads the notification types again; `None` where they cannot change.
    pub reload: Option<Arc<dyn ReloadTypes>>,
    /// Who sends what is accepted; `None` where a dispatcher looks for it.
    pub sender: Option<Arc<dyn Sender>>,
    /// Whether the month's budget holds sending.
    pub hold: Arc<HoldWatch>,
    /// What sending costs, and how much it may.
    pub tariff: Tariff,
}
