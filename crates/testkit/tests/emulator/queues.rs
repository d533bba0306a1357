use std::collections::BTreeSet;

use postrider_testkit::emulator::Account;

#[test]
fn a_received_message_is_invisible_until_its_visibility_times_out() {
    let account = Account::new();
    let queue = account.create_queue("orders", &[("VisibilityTimeout", "1")]);
    queue.send("one");
    let first = queue.receive(10, 0);
    assert_eq!((first.len(), first[0].receives()), (1, 1));
    assert_eq!((queue.receive(10, 0).len(), queue.depth()), (0, (0, 1)));
    // The wait ends as soon as the message is visible again.
    let again = queue.receive(10, 20);
    assert_eq!((again.len(), again[0].receives(), &again[0].id), (1, 2, &first[0].id));
    queue.delete(&again).unwrap();
    assert_eq!(queue.depth(), (0, 0));
}

#[test]
fn no_two_receivers_get_the_same_message() {
    let account = Account::new();
    let queue = account.create_queue("orders", &[("VisibilityTimeout", "600")]);
    for number in 0..100 {
        queue.send(&number.to_string());
    }
    let receivers: Vec<_> = (0..4)
        .map(|_| {
            let queue = queue.clone();
            std::thread::spawn(move || {
                let batches =
                    std::iter::repeat_with(|| queue.receive(10, 0)).take_while(|batch| !batch.is_empty());
                batches.flatten().map(|message| message.id).collect::<Vec<_>>()
            })
        })
        .collect();
    let received: Vec<String> = receivers.into_iter().flat_map(|receiver| receiver.join().unwrap()).collect();
    assert_eq!((received.len(), received.iter().collect::<BTreeSet<_>>().len()), (100, 100));
}

#[test]
fn what_was_received_too_often_goes_to_the_dead_letters_and_comes_back_by_a_move_task() {
    let account = Account::new();
    let dead = account.create_queue("orders-dead", &[]);
    let queue = account.create_queue("orders", &[("VisibilityTimeout", "0")]);
    queue.redrive_to(&dead, 3);
    queue.send("poison");
    let receives: Vec<u32> = (0..3).map(|_| queue.receive(10, 0)[0].receives()).collect();
    assert_eq!(receives, [1, 2, 3]);
    assert_eq!(dead.depth().0, 0, "not before it is received once more");
    assert!(queue.receive(10, 0).is_empty());
    assert_eq!((queue.depth(), dead.depth().0), ((0, 0), 1));
    dead.start_move_task();
    let back = queue.receive(10, 0);
    assert_eq!((back[0].body.as_str(), back[0].receives(), dead.depth()), ("poison", 1, (0, 0)));
}
