//! Drills: the program is hurt in one way each, and afterwards every acknowledged order is accounted for.

pub mod audit;
pub mod crash;
pub mod disk_full;
pub mod duplicates;
pub mod memory;
mod posting;

/// What a drill found, as name and value in the order of telling, and what must not have been.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The counts.
    pub counts: Vec<(&'static str, u64)>,
    /// Every promise that was broken; empty after a good drill.
    pub violations: Vec<String>,
}

impl Report {
    /// Adds a count.
    pub fn count(&mut self, name: &'static str, value: usize) {
        self.counts.push((name, value as u64));
    }

    /// Adds a violation if `broken`.
    pub fn demand(&mut self, kept: bool, otherwise: impl FnOnce() -> String) {
        if !kept {
            self.violations.push(otherwise());
        }
    }

    /// The counts as lines of text, then the violations.
    #[must_use]
    pub fn to_text(&self) -> String {
        let counts = self.counts.iter().map(|(name, value)| format!("{name:<40} {value:>12}\n"));
        let violations = self.violations.iter().map(|violation| format!("VIOLATION: {violation}\n"));
        let verdict = if self.violations.is_empty() { "every promise kept\n" } else { "" };
        counts.chain(violations).chain([verdict.to_owned()]).collect()
    }
}
