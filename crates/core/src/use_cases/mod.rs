//! What Postrider does, one file a use case, over the ports alone.

pub mod accept_event;
pub mod budget;
pub mod deliver;
pub mod dispatch;
pub mod erase_recipient;
pub mod record_feedback;
pub mod redrive;
