//! A topic of SNS.

use super::account::{Account, Refusal, element, expect_done};
use super::queue::Queue;

/// A topic.
#[derive(Clone, Debug)]
pub struct Topic {
    account: Account,
    arn: String,
}

/// How a queue gets what is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The message alone; its attributes become the queue message's.
    Raw,
    /// In a JSON document of SNS.
    Enveloped,
}

impl Topic {
    pub(super) fn create(account: &Account, name: &str) -> Self {
        let answer =
            expect_done(account.form("sns", "CreateTopic", &[("Name".to_owned(), name.to_owned())]), name);
        let arn = element(&answer, "TopicArn").unwrap_or_default().to_owned();
        Self { account: account.clone(), arn }
    }

    pub(super) fn at(account: &Account, arn: &str) -> Self {
        Self { account: account.clone(), arn: arn.to_owned() }
    }

    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// From now on what is published goes to `queue` too.
    ///
    /// # Panics
    /// If SNS refuses.
    pub fn subscribe(&self, queue: &Queue, delivery: Delivery) {
        let raw = (delivery == Delivery::Raw).to_string();
        let fields = [
            ("TopicArn", self.arn.as_str()),
            ("Protocol", "sqs"),
            ("Endpoint", queue.arn()),
            ("Attributes.entry.1.key", "RawMessageDelivery"),
            ("Attributes.entry.1.value", &raw),
            ("ReturnSubscriptionArn", "true"),
        ];
        let _ = expect_done(self.account.form("sns", "Subscribe", &owned(&fields)), &self.arn);
    }

    /// Publishes a message with text attributes, and tells its id.
    ///
    /// # Errors
    /// What SNS refuses, or fails at because it was told to.
    pub fn publish(&self, message: &str, attributes: &[(&str, &str)]) -> Result<String, Refusal> {
        let mut fields = owned(&[("TopicArn", self.arn.as_str()), ("Message", message)]);
        for (number, (name, value)) in (1..).zip(attributes) {
            let entry = format!("MessageAttributes.entry.{number}");
            fields.push((format!("{entry}.Name"), (*name).to_owned()));
            fields.push((format!("{entry}.Value.DataType"), "String".to_owned()));
            fields.push((format!("{entry}.Value.StringValue"), (*value).to_owned()));
        }
        let answer = self.account.form("sns", "Publish", &fields)?;
        Ok(element(&answer, "MessageId").unwrap_or_default().to_owned())
    }
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
