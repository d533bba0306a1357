use postrider_testkit::emulator::{Account, Delivery};
use serde_json::json;

#[test]
fn a_raw_subscription_delivers_the_message_alone_with_its_attributes() {
    let account = Account::new();
    let (topic, queue) = (account.create_topic("orders"), account.create_queue("orders", &[]));
    topic.subscribe(&queue, Delivery::Raw);
    topic.publish("{\"orderId\":\"1\"}", &[("eventType", "order.confirmed")]).unwrap();
    let message = queue.receive(10, 0).remove(0);
    assert_eq!(message.json(), json!({ "orderId": "1" }));
    let attribute = &message.message_attributes["eventType"];
    assert_eq!(
        (&attribute["DataType"], &attribute["StringValue"]),
        (&json!("String"), &json!("order.confirmed"))
    );
}

#[test]
fn another_subscription_delivers_it_in_an_envelope() {
    let account = Account::new();
    let (topic, queue) = (account.create_topic("orders"), account.create_queue("orders", &[]));
    topic.subscribe(&queue, Delivery::Enveloped);
    let id = topic.publish("hello", &[("eventType", "order.confirmed")]).unwrap();
    let message = queue.receive(10, 0).remove(0);
    let envelope = message.json();
    assert_eq!((&envelope["Type"], &envelope["Message"]), (&json!("Notification"), &json!("hello")));
    assert_eq!((&envelope["MessageId"], &envelope["TopicArn"]), (&json!(id), &json!(topic.arn())));
    assert_eq!(
        envelope["MessageAttributes"]["eventType"],
        json!({ "Type": "String", "Value": "order.confirmed" })
    );
    assert!(message.message_attributes.is_null());
}

#[test]
fn accounts_do_not_see_each_other() {
    let (one, other) = (Account::new(), Account::new());
    let queue = one.create_queue("orders", &[]);
    one.create_topic("orders").subscribe(&queue, Delivery::Raw);
    other.create_topic("orders").publish("for nobody", &[]).unwrap();
    assert!(queue.receive(10, 0).is_empty());
    assert_eq!(one.counters().calls("sns", "Publish"), 0);
    assert_eq!(other.counters().calls("sns", "Publish"), 1);
}
