//! One invocation of a function, and the time it has.

use lambda_runtime::Context;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::DISPATCH_ANSWER_MS;

/// One invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Lambda's id of the invocation.
    pub request_id: String,
    /// When Lambda ends the process unless it has answered.
    pub deadline: Timestamp,
}

impl Invocation {
    /// Until when work may be done: the rest is for the answer.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        let answer_ms = i64::try_from(DISPATCH_ANSWER_MS).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.deadline.as_millis().saturating_sub(answer_ms))
    }
}

impl From<&Context> for Invocation {
    fn from(context: &Context) -> Self {
        let deadline = Timestamp::from_millis(i64::try_from(context.deadline).unwrap_or(i64::MAX));
        Self { request_id: context.request_id.clone(), deadline }
    }
}
