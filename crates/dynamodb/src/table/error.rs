//! Why a call to the table came to nothing, or may have.

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Repeating it may help.
    #[error("{0}")]
    Passing(Passing),
    /// Repeating it does not help: somebody must change something.
    #[error("{what} ({code}); {advice}")]
    Refused {
        /// The service's code: `AccessDeniedException`.
        code: String,
        /// What it means.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// An item cannot be understood.
    #[error("the item {key} cannot be read: {what}")]
    Unreadable {
        /// Its key.
        key: String,
        /// What is wrong with it.
        what: String,
    },
}

/// What passes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Passing {
    /// Too much at once. Certainly nothing happened.
    #[error(
        "the table takes no more just now; if this lasts, look for its throttled requests and raise its limits"
    )]
    Throttled,
    /// A transaction holds the item. Certainly nothing happened.
    #[error("another transaction holds the same item")]
    Conflict,
    /// An internal fault of the service. It may have happened all the same.
    #[error("the service had a fault of its own")]
    Server,
    /// No answer. It may have happened all the same.
    #[error("the service did not answer; check the network, the endpoint and the credentials")]
    Unanswered,
}

impl Passing {
    /// Whether the write may have been done.
    #[must_use]
    pub fn may_have_happened(self) -> bool {
        match self {
            Self::Server | Self::Unanswered => true,
            Self::Throttled | Self::Conflict => false,
        }
    }
}
