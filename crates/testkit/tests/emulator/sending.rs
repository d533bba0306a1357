use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use postrider_testkit::emulator::{Account, Delivery, Message, Queue, Refusal};
use serde_json::{Value, json};

const RAW: &[u8] = b"From: Shop <orders@shop.example>\r\nTo: ada@example.com\r\nSubject: =?utf-8?q?H=C3=A4?=\r\n\r\nhi\xff\r\n";

/// An account that may send, and the queue of its reports.
fn mailing() -> (Account, Queue) {
    let account = Account::new();
    let (topic, queue) = (account.create_topic("reports"), account.create_queue("reports", &[]));
    topic.subscribe(&queue, Delivery::Raw);
    account.verify_identity("shop.example");
    account.create_configuration_set("shop", &topic);
    (account, queue)
}

fn request(from: &str, to: &str, configuration_set: &str) -> Value {
    json!({
        "FromEmailAddress": from,
        "Destination": { "ToAddresses": [to] },
        "Content": { "Raw": { "Data": BASE64_STANDARD.encode(RAW) } },
        "ConfigurationSetName": configuration_set,
        "EmailTags": [{ "Name": "notification", "Value": "n-1" }],
    })
}

fn send(account: &Account, to: &str) -> Result<String, Refusal> {
    let answer =
        account.ses("POST", "/v2/email/outbound-emails", &request("orders@shop.example", to, "shop"))?;
    Ok(answer["MessageId"].as_str().unwrap().to_owned())
}

fn code(result: Result<Value, Refusal>) -> (u16, String) {
    let refusal = result.unwrap_err();
    (refusal.status, refusal.code)
}

#[test]
fn what_was_sent_is_kept_byte_by_byte() {
    let (account, _) = mailing();
    let id = send(&account, "ada@example.com").unwrap();
    let sent = account.sent();
    assert_eq!((sent.len(), &sent[0].message_id, sent[0].raw.as_slice()), (1, &id, RAW));
    assert_eq!(sent[0].recipients, ["ada@example.com"]);
    assert_eq!(
        (sent[0].configuration_set.as_deref(), sent[0].tags["notification"].as_str()),
        (Some("shop"), "n-1")
    );
}

#[test]
fn every_recipient_of_the_simulator_has_its_fate() {
    let (account, queue) = mailing();
    let fates: [(&str, &[&str]); 6] = [
        ("ada@example.com", &["Send", "Delivery"]),
        ("success+1@simulator.amazonses.com", &["Send", "Delivery"]),
        ("bounce+1@simulator.amazonses.com", &["Send", "Bounce Permanent General"]),
        ("complaint@simulator.amazonses.com", &["Send", "Delivery", "Complaint"]),
        ("ooto@simulator.amazonses.com", &["Send", "Delivery", "Bounce Transient General"]),
        ("suppressionlist@simulator.amazonses.com", &["Send", "Bounce Permanent Suppressed"]),
    ];
    for (to, fate) in fates {
        let id = send(&account, to).unwrap();
        let events: Vec<Value> = queue.take_all().iter().map(Message::json).collect();
        assert_eq!(events.iter().map(named).collect::<Vec<_>>(), *fate, "{to}");
        for event in &events {
            let mail = &event["mail"];
            assert_eq!((&mail["messageId"], &mail["destination"]), (&json!(id), &json!([to])));
            assert_eq!(mail["tags"]["notification"], json!(["n-1"]));
            assert_eq!(mail["tags"]["ses:configuration-set"], json!(["shop"]));
            assert_eq!(mail["commonHeaders"]["subject"], "Hä");
        }
    }
}

fn named(event: &Value) -> String {
    let bounce = &event["bounce"];
    let parts = [&event["eventType"], &bounce["bounceType"], &bounce["bounceSubType"]];
    parts.map(|part| part.as_str().unwrap_or_default()).join(" ").trim_end().to_owned()
}

#[test]
fn what_ses_refuses_is_refused_with_its_code() {
    let (account, queue) = mailing();
    let post = |body: &Value| account.ses("POST", "/v2/email/outbound-emails", body);
    let from = "orders@shop.example";
    assert_eq!(code(post(&request(from, "a@example.com", "other"))), (404, "NotFoundException".to_owned()));
    assert_eq!(
        code(post(&request("a@other.example", "a@example.com", "shop"))),
        (400, "MessageRejected".to_owned())
    );
    let injected = request(from, "a@example.com\r\nBcc: b@example.com", "shop");
    assert_eq!(code(post(&injected)), (400, "BadRequestException".to_owned()));
    let mut tagged = request(from, "a@example.com", "shop");
    tagged["EmailTags"][0]["Value"] = "two words".into();
    assert_eq!(code(post(&tagged)), (400, "BadRequestException".to_owned()));
    assert!(account.sent().is_empty() && queue.receive(10, 0).is_empty());
}

#[test]
fn the_account_says_what_it_may_send_and_is_held_to_it() {
    let (account, _) = mailing();
    account.set_ses_account(&json!({ "Max24HourSend": 2, "MaxSendRate": 5 }));
    send(&account, "a@example.com").unwrap();
    let shown = account.ses("GET", "/v2/email/account", &Value::Null).unwrap();
    let quota = json!({ "Max24HourSend": 2, "MaxSendRate": 5, "SentLast24Hours": 1.0 });
    assert_eq!((&shown["SendQuota"], &shown["EnforcementStatus"]), (&quota, &json!("HEALTHY")));
    send(&account, "a@example.com").unwrap();
    assert_eq!(send(&account, "a@example.com").unwrap_err().code, "TooManyRequestsException");
    account.set_ses_account(&json!({ "Max24HourSend": -1, "ProductionAccessEnabled": false }));
    assert_eq!(send(&account, "a@example.com").unwrap_err().code, "MessageRejected", "in the sandbox");
    send(&account, "success@simulator.amazonses.com").unwrap();
    account.set_ses_account(&json!({ "SendingEnabled": false }));
    assert_eq!(send(&account, "a@example.com").unwrap_err().code, "SendingPausedException");
}

#[test]
fn a_rate_that_is_enforced_lets_a_seconds_worth_through_at_once() {
    let (account, _) = mailing();
    account.set_ses_account(&json!({ "MaxSendRate": 0.001, "EnforcesRate": true }));
    send(&account, "a@example.com").unwrap();
    assert_eq!(send(&account, "a@example.com").unwrap_err().status, 429);
}

#[test]
fn the_suppression_list_is_paged_by_address_and_time_and_keeps_mail_back() {
    let (account, queue) = mailing();
    for (address, reason) in
        [("A@example.com", "BOUNCE"), ("b@example.com", "COMPLAINT"), ("c@example.com", "BOUNCE")]
    {
        let body = json!({ "EmailAddress": address, "Reason": reason });
        account.ses("PUT", "/v2/email/suppression/addresses", &body).unwrap();
    }
    let list = |query: &str| {
        let path = format!("/v2/email/suppression/addresses?{query}");
        let page = account.ses("GET", &path, &Value::Null).unwrap();
        let summaries = page["SuppressedDestinationSummaries"].as_array().unwrap().clone();
        let addresses: Vec<String> =
            summaries.iter().map(|summary| summary["EmailAddress"].as_str().unwrap().to_owned()).collect();
        (addresses, page["NextToken"].as_str().map(str::to_owned))
    };
    let (first, token) = list("PageSize=2");
    assert_eq!(first, ["a@example.com", "b@example.com"]);
    assert_eq!(
        list(&format!("PageSize=2&NextToken={}", token.unwrap())),
        (vec!["c@example.com".to_owned()], None)
    );
    assert_eq!(list("Reason=COMPLAINT").0, ["b@example.com"]);
    assert_eq!(list("StartDate=2100-01-01T00%3A00%3A00Z").0, [""; 0]);
    send(&account, "a@example.com").unwrap();
    send(&account, "b@example.com").unwrap();
    let events: Vec<String> = queue.take_all().iter().map(|message| named(&message.json())).collect();
    assert_eq!(events, ["Send", "Bounce Permanent OnAccountSuppressionList", "Send", "Complaint"]);
    account.ses("DELETE", "/v2/email/suppression/addresses/a%40example.com", &Value::Null).unwrap();
    let gone = account.ses("GET", "/v2/email/suppression/addresses/a%40example.com", &Value::Null);
    assert_eq!(code(gone), (404, "NotFoundException".to_owned()));
}
