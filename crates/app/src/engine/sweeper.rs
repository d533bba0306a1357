//! Looks after what was left behind: lost leases, unknown outcomes whose waiting time is over.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::limits::{BUDGET_RESUME_MS, SWEEP_MAX};
use postrider_core::ports::ledger::{Leases, Ledger, LedgerError, Sweep, Swept};
use postrider_core::use_cases::budget;
use tokio::sync::watch;

use super::Engine;

const INTERVAL: Duration = Duration::from_secs(1);

pub async fn run(engine: Arc<Engine>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let swept = async {
            engine.sweep(Leases::Expired).await?;
            engine.resume().await
        };
        match swept.await {
            Ok(()) => {}
            Err(LedgerError::Unavailable { reason }) => tracing::error!(reason, "the sweep could not run"),
            Err(LedgerError::Fatal { reason }) => {
                engine.fatal.send_replace(Some(reason));
                return;
            }
        }
    }
}

impl Engine {
    /// Sweeps until nothing is left to sweep.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn sweep(&self, leases: Leases) -> Result<Swept, LedgerError> {
        let now = self.clock.now();
        let sweep = Sweep {
            now,
            leases,
            judge_at: now.plus_ms(self.policy.unknown_wait_ms),
            on_unknown: self.on_unknown,
            max_attempts: self.policy.max_attempts,
            limit: SWEEP_MAX,
        };
        let swept = sweep_all(&*self.ledger, sweep).await?;
        self.metrics.unknown.inc_by(swept.leases_lost as u64);
        self.metrics.dead_letters.inc_by(swept.held as u64);
        if swept != Swept::default() {
            tracing::warn!(
                leases_lost = swept.leases_lost,
                resent = swept.resent,
                held = swept.held,
                "the sweep found notifications whose outcome is unknown"
            );
        }
        if swept.resent > 0 {
            self.wake.notify_one();
        }
        Ok(swept)
    }
}

impl Engine {
    /// Sees whether the budget holds sending, for every attempt, and queues what a hold had held that is over.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn resume(&self) -> Result<(), LedgerError> {
        let now = self.clock.now();
        if !self.hold.is_lifting(&*self.ledger, now).await? {
            return Ok(());
        }
        let resumed = budget::resume(&*self.ledger, &*self.clock, now.plus_ms(BUDGET_RESUME_MS)).await?;
        if resumed > 0 {
            tracing::info!(resumed, "the budget's hold is over; what it held is queued");
            self.wake.notify_one();
        } else {
            // Perhaps the last of it.
            self.hold.forget();
        }
        Ok(())
    }
}

async fn sweep_all(ledger: &dyn Ledger, sweep: Sweep) -> Result<Swept, LedgerError> {
    let mut total = Swept::default();
    loop {
        let swept = ledger.sweep(sweep).await?;
        total.leases_lost += swept.leases_lost;
        total.resent += swept.resent;
        total.held += swept.held;
        if swept.leases_lost + swept.resent + swept.held < SWEEP_MAX {
            return Ok(total);
        }
    }
}
