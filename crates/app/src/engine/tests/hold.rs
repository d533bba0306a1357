//! The month's budget is spent while the engine runs.

use std::time::Duration;

use postrider_core::domain::budget::{BudgetRecord, CAUSE_BUDGET};
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::ports::ledger::Intervention;
use postrider_core::use_cases::budget;
use tokio::time::sleep;

use super::{Act, Stage, World};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn what_is_due_is_held_until_the_hold_is_over_and_then_sent_once() {
    let mut world = World::new(Stage::new(|_| Act::Take));
    let now = world.engine.clock.now();
    let mut record = BudgetRecord::new(now);
    record.judge(Some("5".parse().unwrap()), "6".parse().unwrap(), now);
    assert!(world.scene.ledger.store_budget(record, 0).await.unwrap());
    // As at the start of a server: it is known before anything is claimed.
    world.engine.resume().await.unwrap();
    let ids = world.post(&["1", "2"]).await;
    world.run();
    for id in &ids {
        let lifecycle = world.until(*id, Status::Held).await;
        assert_eq!((lifecycle.cause, lifecycle.attempts), (Some(CAUSE_BUDGET), 0));
    }
    sleep(10 * MINUTE).await;
    assert_eq!(world.handed_over(), []);
    // A person sends one of them all the same.
    world.scene.ledger.intervene(ids[1], Intervention::Retry, world.engine.clock.now()).await.unwrap();
    world.until(ids[1], Status::Sent).await;
    assert!(budget::release(&*world.scene.ledger, world.engine.clock.now()).await.unwrap());
    world.until(ids[0], Status::Sent).await;
    let story = world.scene.story(ids[0]).await;
    assert_eq!(story[1..4], [TimelineKind::Claimed, TimelineKind::Held, TimelineKind::Resumed]);
    assert_eq!(world.handed_over().len(), 2);
    world.stop().await;
}
