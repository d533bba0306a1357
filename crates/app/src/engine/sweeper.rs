//! Looks after what was left behind: lost leases, unknown outcomes whose waiting time is over.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::limits::SWEEP_MAX;
use postrider_core::ports::ledger::{Leases, Ledger, LedgerError, Sweep, Swept};
use tokio::sync::watch;

use super::Engine;

const INTERVAL: Duration = Duration::from_secs(1);

pub async fn run(engine: Arc<Engine>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        match engine.sweep(Leases::Expired).await {
            Ok(_) => {}
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
