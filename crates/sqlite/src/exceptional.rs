//! Which notifications the schema keeps apart.

use postrider_core::domain::status::Status;

/// Whether the schema keeps notifications in `status` in the index `notifications_exceptional`.
pub(crate) fn is_exceptional(status: Status) -> bool {
    match status {
        Status::Queued | Status::Sending | Status::Deferred | Status::Sent | Status::Delivered => false,
        Status::Bounced
        | Status::Complained
        | Status::Failed
        | Status::Dead
        | Status::Suppressed
        | Status::Held
        | Status::Canceled
        | Status::Unknown => true,
    }
}
