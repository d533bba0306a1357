//! A month's budget is spent, on the built functions: counted, held, told, released, sent once.

use std::collections::BTreeMap;

use postrider_testkit::emulator::Delivery;
use postrider_testkit::emulator::lambda::{Function, Outcome};
use serde_json::json;

use crate::failing::{publish, statuses, sweep};
use crate::stack::{Api, Stack};

const ORDERS: usize = 3;

/// Runs `cost` until it has counted twice: what was sent before the first look is not counted.
fn count(stack: &Stack, budget: &str) -> Function {
    let cost = stack.setup("cost").set("POSTRIDER__BUDGET__MONTHLY_USD", budget).build();
    for _ in 0..2 {
        let outcome = cost.invoke(&json!({ "source": "aws.scheduler" }));
        assert!(matches!(outcome, Outcome::Answered(_)), "{outcome:?}\n{}", cost.log().join("\n"));
    }
    cost
}

#[test]
fn a_spent_budget_holds_what_is_published_until_a_person_lets_it_go() {
    let stack = Stack::new(Delivery::Raw, 60);
    // What stands costs a billionth of a dollar within a millisecond.
    let cost = count(&stack, "0.000000001");
    let log: String = cost.log().concat();
    assert!(log.contains("hard budget is spent") && log.contains("\"BudgetHold\":1"), "{log}");
    publish(&stack, 0..ORDERS);
    stack.drain_orders(&[stack.function("dispatch")]);
    sweep(&stack.function("sweep"));
    assert_eq!((stack.account.sent().len(), stack.order_dead_letters.depth()), (0, (0, 0)));
    let api = Api::of(&stack);
    assert_eq!(statuses(&api), BTreeMap::from([("held".to_owned(), ORDERS)]));
    let first = &api.all()[0];
    assert_eq!(first["cause"], "budget_reached", "{first:#}");
    let (status, told) = api.ask("GET", "/v1/cost", "", None);
    assert!(status == 200 && told["hold"]["since"].is_string(), "{told:#}");
    let (status, told) = api.ask("POST", "/v1/cost/release", "", Some(&json!({})));
    assert!(status == 200 && told["hold"].is_null() && told["releasedAt"].is_string(), "{told:#}");
    // What a process has seen it believes for a minute; a new one asks.
    sweep(&stack.function("sweep"));
    assert_eq!(statuses(&api), BTreeMap::from([("sent".to_owned(), ORDERS)]));
    assert_eq!(stack.account.sent().len(), ORDERS);
    // A person's word holds for the month, however often is counted.
    let cost = count(&stack, "0.000000001");
    assert!(cost.log().concat().contains("\"BudgetHold\":0"));
}
