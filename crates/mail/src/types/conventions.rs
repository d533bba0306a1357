//! How the messages of one rendition write numbers and dates.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use postrider_core::limits::REGIONAL_FORMATS_MAX;

use crate::render::formats::Formats;

/// The conventions of a locale, and of its regional variants that events ask for: words in `de` serve an event in
/// `de-AT`, whose numbers are Austria's.
#[derive(Debug)]
pub(super) struct Conventions {
    own: Arc<Formats>,
    regional: RwLock<BTreeMap<String, Arc<Formats>>>,
}

impl Conventions {
    /// Those of `locale`; `None` if it is no BCP 47 tag.
    pub(super) fn of(locale: &str) -> Option<Self> {
        Some(Self { own: Arc::new(Formats::of(locale)?), regional: RwLock::default() })
    }

    /// Those of the locale asked for if it is a variant of ours, else our own.
    pub(super) fn for_locale(&self, wanted: Option<&str>) -> Arc<Formats> {
        let Some(wanted) = wanted.filter(|wanted| is_variant(wanted, self.own.tag())) else {
            return Arc::clone(&self.own);
        };
        let kept = self.regional.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(formats) = kept.get(wanted) {
            return Arc::clone(formats);
        }
        drop(kept);
        let Some(formats) = Formats::of(&wanted.replace('_', "-")) else { return Arc::clone(&self.own) };
        let formats = Arc::new(formats);
        let mut kept = self.regional.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < REGIONAL_FORMATS_MAX {
            kept.insert(wanted.to_owned(), Arc::clone(&formats));
        }
        formats
    }
}

/// Whether `wanted` is `locale` with more subtags: `de-AT` and `de_AT` are variants of `de`.
fn is_variant(wanted: &str, locale: &str) -> bool {
    let (Some(head), Some(rest)) = (wanted.get(..locale.len()), wanted.get(locale.len()..)) else {
        return false;
    };
    head.replace('_', "-").eq_ignore_ascii_case(locale) && rest.starts_with(['-', '_'])
}

/// The locale among `known` that serves `wanted` best: itself, else what is left when subtags are taken from its end.
pub(super) fn best_match<'a, I: Iterator<Item = &'a String>>(
    wanted: &str,
    known: impl Fn() -> I,
) -> Option<&'a String> {
    let mut wanted = wanted.replace('_', "-");
    loop {
        if let Some(found) = known().find(|known| known.eq_ignore_ascii_case(&wanted)) {
            return Some(found);
        }
        wanted.truncate(wanted.rfind('-')?);
    }
}
