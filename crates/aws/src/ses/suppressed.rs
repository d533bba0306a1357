//! The suppression list of the account, and keeping ours in step with it.

/// Which way entries go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From here to the account.
    To,
    /// From the account to here.
    From,
    /// Both.
    Both,
}
