//! The month's budget, and how long whoever sends goes by its hold.

/// How long a process that sends may believe what it has seen of the budget's hold.
pub const BUDGET_SEEN_MS: u64 = 60 * 1000;
/// Spans of time for which it is remembered how much was sent: two days of hourly looks.
pub const BUDGET_SPANS_MAX: usize = 48;
/// How often the record of the budget is written anew because somebody else wrote it in between.
pub const BUDGET_TRIES_MAX: u32 = 8;
/// How long it may go by what it has seen if it cannot look again.
pub const BUDGET_BELIEVED_MS: u64 = 5 * BUDGET_SEEN_MS;
/// How long an invocation of a function lasts at most, by Lambda's rules.
pub const INVOCATION_MS_MAX: u64 = 15 * 60 * 1000;
/// After how long nobody can go by a hold that is over.
pub const BUDGET_LIFTED_MS: u64 = 20 * 60 * 1000;
// Whoever looked last may be an invocation that lasts longest and cannot look again. What it held after nobody looks for it
// any more would be held for ever.
const _: () = assert!(BUDGET_SEEN_MS < BUDGET_BELIEVED_MS);
const _: () = assert!(BUDGET_BELIEVED_MS + INVOCATION_MS_MAX <= BUDGET_LIFTED_MS);
/// By how much the last count may lie in the future before a clock is taken to be wrong. Sooner, real time catches up.
pub const BUDGET_AHEAD_MS: u64 = 15 * 60 * 1000;
/// Notifications that one sweep queues again when a hold is over, about.
pub const BUDGET_RESUMED_MAX: usize = 1_000;
/// Pages of held notifications it looks at for them.
pub const BUDGET_LOOKS_MAX: usize = 100;
/// How long a server's sweep does so at once, so that leases that ran out do not wait for it.
pub const BUDGET_RESUME_MS: u64 = 5 * 1000;
