//! What is looked up.

mod counts;
mod dead_letters;
mod lanes;
mod list;
mod renditions;
mod stats;
mod suppressions;

pub(crate) use counts::stats;
pub(crate) use dead_letters::dead_letter_groups;
pub(crate) use lanes::Lanes;
pub(crate) use list::list;
pub(crate) use renditions::{rendition, store_rendition};
pub(crate) use stats::queue_stats;
pub(crate) use suppressions::{list_suppressions, suppressions_of};
