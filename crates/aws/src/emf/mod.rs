//! Metrics as lines of a log, which CloudWatch makes metrics of (the embedded metric format). No request is made for
//! them.
//!
//! The metrics have no dimensions: the namespace names the environment, and every dimension would be one more metric to
//! pay for. Recipients, orders and types of mail never name a metric.

mod metric;
#[cfg(test)]
mod tests;

pub use metric::Metric;

use std::collections::BTreeMap;
use std::str::FromStr;

use postrider_core::domain::time::Timestamp;
use postrider_core::limits::METRIC_VALUES_MAX;
use serde_json::{Map, Number, Value, json};

/// Characters of a namespace; CloudWatch takes no more.
const NAMESPACE_CHARS_MAX: usize = 255;

/// The namespace of metrics: `Postrider/prod`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace(String);

/// The text names no namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a namespace of CloudWatch, such as Postrider/prod: letters, digits and . - _ / #, at most 255"
)]
pub struct InvalidNamespace;

impl FromStr for Namespace {
    type Err = InvalidNamespace;

    fn from_str(name: &str) -> Result<Self, InvalidNamespace> {
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/' | b'#');
        // Amazon keeps what begins like this for itself.
        let is_reserved = name.starts_with("AWS/");
        if name.is_empty() || name.len() > NAMESPACE_CHARS_MAX || is_reserved || !name.bytes().all(is_plain) {
            return Err(InvalidNamespace);
        }
        Ok(Self(name.to_owned()))
    }
}

/// The product's name, where none is given.
impl Default for Namespace {
    fn default() -> Self {
        Self("Postrider".to_owned())
    }
}

impl Namespace {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What was measured during one invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measurements {
    counts: BTreeMap<Metric, u64>,
    samples: BTreeMap<Metric, Vec<Number>>,
}

impl Measurements {
    /// Counts something that happened `times` times.
    pub fn count(&mut self, metric: Metric, times: u64) {
        if times > 0 {
            let count = self.counts.entry(metric).or_default();
            *count = count.saturating_add(times);
        }
    }

    /// Notes one value.
    pub fn sample(&mut self, metric: Metric, value: impl Into<Number>) {
        self.samples.entry(metric).or_default().push(value.into());
    }

    /// Adds what was measured elsewhere.
    pub fn add(&mut self, other: Self) {
        for (metric, times) in other.counts {
            self.count(metric, times);
        }
        for (metric, values) in other.samples {
            self.samples.entry(metric).or_default().extend(values);
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn counted(&self, metric: Metric) -> u64 {
        self.counts.get(&metric).copied().unwrap_or(0)
    }

    /// The values noted so far.
    #[must_use]
    pub fn sampled(&self, metric: Metric) -> &[Number] {
        self.samples.get(&metric).map_or(&[], Vec::as_slice)
    }

    /// The lines to write to the log, each a JSON object without line ends: none if nothing was measured, and one unless
    /// a metric has more than [`METRIC_VALUES_MAX`] values. `properties` can be searched for and make no metrics; their
    /// names must not be those of metrics.
    #[must_use]
    pub fn lines(&self, namespace: &Namespace, at: Timestamp, properties: &[(&str, &str)]) -> Vec<String> {
        let longest = self.samples.values().map(|values| values.len().div_ceil(METRIC_VALUES_MAX)).max();
        let lines = longest.unwrap_or(0).max(usize::from(!self.counts.is_empty()));
        (0..lines).map(|line| self.line(line, namespace, at, properties)).collect()
    }

    fn line(&self, line: usize, namespace: &Namespace, at: Timestamp, properties: &[(&str, &str)]) -> String {
        let mut values = Map::new();
        let mut metrics = Vec::new();
        let mut put = |metric: Metric, value: Value| {
            metrics.push(json!({ "Name": metric.name(), "Unit": metric.unit() }));
            values.insert(metric.name().to_owned(), value);
        };
        for (metric, times) in self.counts.iter().filter(|_| line == 0) {
            put(*metric, json!(times));
        }
        for (metric, samples) in &self.samples {
            match samples.chunks(METRIC_VALUES_MAX).nth(line) {
                None => {}
                Some([only]) => put(*metric, Value::Number(only.clone())),
                Some(several) => put(*metric, several.iter().cloned().map(Value::Number).collect()),
            }
        }
        let directive = json!({ "Namespace": namespace.as_str(), "Dimensions": [[]], "Metrics": metrics });
        let mut root = Map::new();
        root.insert(
            "_aws".to_owned(),
            json!({ "Timestamp": at.as_millis(), "CloudWatchMetrics": [directive] }),
        );
        root.extend(properties.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        root.extend(values);
        Value::Object(root).to_string()
    }
}
