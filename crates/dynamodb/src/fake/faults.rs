//! Which calls fail, and how.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use postrider_core::ports::clock::Random;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Too much at once; nothing happens.
    Throttled,
    /// Another transaction holds the item; nothing happens. Reads are not held up by it, and fail as an overloaded
    /// service does.
    Conflict,
    /// An internal fault before anything happens.
    Server,
    /// It happens, and an internal fault is answered.
    ServerAfterwards,
    /// It happens, and nobody hears of it.
    LostAnswer,
    /// Somebody else was faster, or so it looks: the condition does not hold. Nothing happens; calls without a condition
    /// are spared.
    Refused,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 6] = [
        Self::Throttled,
        Self::Conflict,
        Self::Server,
        Self::ServerAfterwards,
        Self::LostAnswer,
        Self::Refused,
    ];
}

/// A plan of faults.
pub struct Faults {
    calls: u64,
    planned: BTreeMap<u64, Fault>,
    at_random: Option<(Arc<dyn Random>, u64)>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("calls", &self.calls).field("planned", &self.planned).finish()
    }
}

impl Faults {
    /// No call fails.
    #[must_use]
    pub fn none() -> Self {
        Self { calls: 0, planned: BTreeMap::new(), at_random: None }
    }

    /// Calls fail by their number, counted from 0.
    #[must_use]
    pub fn planned(planned: impl IntoIterator<Item = (u64, Fault)>) -> Self {
        Self { planned: planned.into_iter().collect(), ..Self::none() }
    }

    /// One call in `one_in` fails, each fault as often as the others.
    #[must_use]
    pub fn at_random(random: Arc<dyn Random>, one_in: u64) -> Self {
        Self { at_random: Some((random, one_in.max(1))), ..Self::none() }
    }

    /// What becomes of the next call.
    pub(super) fn next(&mut self) -> Option<Fault> {
        let call = self.calls;
        self.calls += 1;
        if let Some(fault) = self.planned.remove(&call) {
            return Some(fault);
        }
        let (random, one_in) = self.at_random.as_ref()?;
        let number = random.next_u64();
        let kinds = Fault::ALL.len() as u64;
        let kind = usize::try_from((number >> 32) % kinds).unwrap_or_default();
        (number % one_in == 0).then(|| Fault::ALL[kind])
    }
}
