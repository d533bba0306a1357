//! Random sequences of steps, carried out side by side by the ledger in memory and another: what the contract's cases do
//! not think of.

pub mod notifications;
pub mod webhooks;

/// What a ledger may do otherwise than the one in memory, because the port leaves it open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Freedom {
    /// It may announce the next due time too early.
    pub announces_early: bool,
    /// That the mail service took a message, told under the id that is recorded, is no news to it.
    pub folds_acceptances: bool,
    /// It gives changes numbers of its own, which rise alike for changes of different instants.
    pub numbers_changes: bool,
}
