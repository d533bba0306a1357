//! How statuses, priorities and timeline kinds are stored. A code, once released, never changes its meaning; the
//! schema's partial indexes name some of them.

use postrider_core::domain::notification::Priority;
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineKind;

/// The stored form of a status.
pub(crate) fn status_code(status: Status) -> u8 {
    match status {
        Status::Queued => 0,
        Status::Sending => 1,
        Status::Deferred => 2,
        Status::Sent => 3,
        Status::Delivered => 4,
        Status::Bounced => 5,
        Status::Complained => 6,
        Status::Failed => 7,
        Status::Dead => 8,
        Status::Suppressed => 9,
        Status::Held => 10,
        Status::Canceled => 11,
        Status::Unknown => 12,
    }
}

/// The status stored as `code`.
pub(crate) fn status_from_code(code: u8) -> Option<Status> {
    Status::ALL.into_iter().find(|status| status_code(*status) == code)
}

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

/// The stored form of a priority; the first to go has the lowest code.
pub(crate) fn priority_code(priority: Priority) -> u8 {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}

/// The priority stored as `code`.
pub(crate) fn priority_from_code(code: u8) -> Option<Priority> {
    Priority::ALL.into_iter().find(|priority| priority_code(*priority) == code)
}

/// The stored form of a timeline kind.
pub(crate) fn kind_code(kind: TimelineKind) -> u8 {
    match kind {
        TimelineKind::Accepted => 0,
        TimelineKind::Claimed => 1,
        TimelineKind::Sent => 2,
        TimelineKind::Deferred => 3,
        TimelineKind::Failed => 4,
        TimelineKind::Dead => 5,
        TimelineKind::Unknown => 6,
        TimelineKind::Released => 7,
        TimelineKind::Resent => 8,
        TimelineKind::Held => 9,
        TimelineKind::Retried => 10,
        TimelineKind::Canceled => 11,
        TimelineKind::Hastened => 12,
    }
}

/// The timeline kind stored as `code`.
pub(crate) fn kind_from_code(code: u8) -> Option<TimelineKind> {
    TimelineKind::ALL.into_iter().find(|kind| kind_code(*kind) == code)
}
