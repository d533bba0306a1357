//! A queue of SQS.

use serde_json::{Value, json};

use super::account::{Account, Refusal, expect_done};

/// How many messages one receive gives at most, as SQS has it.
const RECEIVE_MAX: usize = 10;
/// How many messages [`Queue::take_all`] takes before it says that there is no end.
const TAKEN_MAX: usize = 20_000;

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    account: Account,
    url: String,
    arn: String,
}

/// A message as it was received.
#[derive(Clone, Debug)]
pub struct Message {
    /// The message's id.
    pub id: String,
    /// What deletes it.
    pub receipt_handle: String,
    /// The body.
    pub body: String,
    /// The body's MD5 as SQS tells it.
    pub body_md5: String,
    /// SQS's own attributes, such as `ApproximateReceiveCount`.
    pub attributes: Value,
    /// The sender's attributes as SQS writes them: `{"name": {"DataType", "StringValue"}}`.
    pub message_attributes: Value,
}

impl Message {
    fn read(shown: &Value) -> Self {
        let text = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
        Self {
            id: text("MessageId"),
            receipt_handle: text("ReceiptHandle"),
            body: text("Body"),
            body_md5: text("MD5OfBody"),
            attributes: shown["Attributes"].clone(),
            message_attributes: shown["MessageAttributes"].clone(),
        }
    }

    /// The body as JSON, `null` where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// How often it has been received, this time included.
    #[must_use]
    pub fn receives(&self) -> u32 {
        self.attributes["ApproximateReceiveCount"]
            .as_str()
            .and_then(|count| count.parse().ok())
            .unwrap_or_default()
    }
}

impl Queue {
    pub(super) fn create(account: &Account, name: &str, attributes: &[(&str, &str)]) -> Self {
        let attributes: serde_json::Map<String, Value> =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let body = json!({ "QueueName": name, "Attributes": attributes });
        let created = expect_done(account.call("sqs", "AmazonSQS.CreateQueue", &body), name);
        let url = created["QueueUrl"].as_str().unwrap_or_default().to_owned();
        Self::at(account, &url)
    }

    pub(super) fn at(account: &Account, url: &str) -> Self {
        let mut queue = Self { account: account.clone(), url: url.to_owned(), arn: String::new() };
        queue.arn = queue.attribute("QueueArn");
        queue
    }

    /// Lets time pass for what is in it: what is invisible is so for that much less.
    ///
    /// # Panics
    /// If the emulator does not do it.
    pub fn elapse(&self, seconds: u64) {
        self.account.elapse(self.arn.rsplit(':').next().unwrap_or_default(), seconds);
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// One of its attributes as text, such as `VisibilityTimeout`.
    ///
    /// # Panics
    /// If SQS refuses.
    #[must_use]
    pub fn attribute(&self, name: &str) -> String {
        let answer = self.call("GetQueueAttributes", json!({ "AttributeNames": [name] }));
        answer["Attributes"][name].as_str().unwrap_or_default().to_owned()
    }

    /// Changes one of its attributes.
    ///
    /// # Panics
    /// If SQS refuses.
    pub fn set_attribute(&self, name: &str, value: &str) {
        let _ = self.call("SetQueueAttributes", json!({ "Attributes": { name: value } }));
    }

    /// Sends what was received `max_receives` times to `dead_letters` instead of handing it out again.
    ///
    /// # Panics
    /// If SQS refuses.
    pub fn redrive_to(&self, dead_letters: &Self, max_receives: u32) {
        let policy = json!({ "deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": max_receives });
        self.set_attribute("RedrivePolicy", &policy.to_string());
    }

    /// Puts a message in it.
    ///
    /// # Panics
    /// If SQS refuses.
    pub fn send(&self, body: &str) {
        let _ = self.call("SendMessage", json!({ "MessageBody": body }));
    }

    /// Takes up to `count` messages, 10 at most, that are invisible from now on for as long as the queue says. Waits
    /// `wait_secs` for the first.
    ///
    /// # Panics
    /// If SQS refuses.
    #[must_use]
    pub fn receive(&self, count: usize, wait_secs: u32) -> Vec<Message> {
        expect_done(self.try_receive(count, wait_secs), &self.url)
    }

    /// As [`Self::receive`].
    ///
    /// # Errors
    /// What SQS refuses, or fails at because it was told to.
    pub fn try_receive(&self, count: usize, wait_secs: u32) -> Result<Vec<Message>, Refusal> {
        let body = json!({
            "MaxNumberOfMessages": count.clamp(1, RECEIVE_MAX),
            "WaitTimeSeconds": wait_secs,
            "AttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        });
        let answer = self.try_call("ReceiveMessage", body)?;
        Ok(answer["Messages"].as_array().into_iter().flatten().map(Message::read).collect())
    }

    /// Deletes messages, in as few requests as SQS allows.
    ///
    /// # Errors
    /// What SQS refuses, or fails at because it was told to. Some may be gone then.
    pub fn delete<'a>(&self, messages: impl IntoIterator<Item = &'a Message>) -> Result<(), Refusal> {
        let entries: Vec<Value> = messages
            .into_iter()
            .enumerate()
            .map(|(number, message)| json!({ "Id": number.to_string(), "ReceiptHandle": message.receipt_handle }))
            .collect();
        for entries in entries.chunks(RECEIVE_MAX) {
            self.try_call("DeleteMessageBatch", json!({ "Entries": entries }))?;
        }
        Ok(())
    }

    /// Makes a received message visible again after so many seconds.
    ///
    /// # Panics
    /// If SQS refuses.
    pub fn change_visibility(&self, message: &Message, seconds: u32) {
        let body = json!({ "ReceiptHandle": message.receipt_handle, "VisibilityTimeout": seconds });
        let _ = self.call("ChangeMessageVisibility", body);
    }

    /// Takes and deletes everything that is visible now.
    ///
    /// # Panics
    /// If SQS refuses, or there is no end of it.
    #[must_use]
    pub fn take_all(&self) -> Vec<Message> {
        let mut all = Vec::new();
        loop {
            let some = self.receive(RECEIVE_MAX, 0);
            if some.is_empty() {
                return all;
            }
            expect_done(self.delete(&some), &self.url);
            all.extend(some);
            assert!(all.len() <= TAKEN_MAX, "{} has no end", self.url);
        }
    }

    /// How many messages are visible, and how many are received and not yet deleted.
    ///
    /// # Panics
    /// If SQS refuses.
    #[must_use]
    pub fn depth(&self) -> (u64, u64) {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let answer = self.call("GetQueueAttributes", json!({ "AttributeNames": names }));
        let [visible, in_flight] = names.map(|name| {
            answer["Attributes"][name].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
        });
        (visible, in_flight)
    }

    /// Starts moving everything back where it came from. This queue must be somebody's dead-letter queue.
    ///
    /// # Panics
    /// If SQS refuses.
    pub fn start_move_task(&self) {
        let body = json!({ "SourceArn": self.arn });
        let _ = expect_done(self.account.call("sqs", "AmazonSQS.StartMessageMoveTask", &body), &self.arn);
    }

    fn call(&self, action: &str, body: Value) -> Value {
        expect_done(self.try_call(action, body), &self.url)
    }

    fn try_call(&self, action: &str, mut body: Value) -> Result<Value, Refusal> {
        body["QueueUrl"] = self.url.as_str().into();
        self.account.call("sqs", &format!("AmazonSQS.{action}"), &body)
    }
}
