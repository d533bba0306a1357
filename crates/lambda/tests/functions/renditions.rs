//! What messages are made of is in the ledger before they leave, and nobody asks for it twice.

use std::sync::Arc;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::status::Status;
use postrider_core::ports::ledger::Ledger;
use postrider_lambda::renditions::Renditions;
use postrider_mail::types::{LiveTypes, Sender, TypeSet};
use postrider_testkit::faulty_ledger::Fault;

use crate::orders::orders;
use crate::world::World;

/// A world that stores nothing at its start.
fn world() -> (World, Arc<LiveTypes>) {
    let mut world = World::new();
    let sender = Sender::new(None, EmailAddress::parse("orders@shop.example").unwrap());
    let types = Arc::new(LiveTypes::new(TypeSet::shipped_on_demand(sender).unwrap()));
    let ledger = Arc::clone(&world.ledger) as Arc<dyn Ledger>;
    world.parts.renditions = Some(Arc::new(Renditions::new(ledger, Arc::clone(&types))));
    world.parts.catalog = Arc::clone(&types) as Arc<_>;
    (world, types)
}

#[tokio::test(start_paused = true)]
async fn a_message_leaves_only_once_what_it_is_made_of_is_stored() {
    let (world, types) = world();
    // Accepted, and then the ledger does not take the rendition; giving the claim back goes through.
    world.plan([Fault::Pass, Fault::Refuse]);
    world.dispatch(orders(["1"])).await;
    assert_eq!((world.sent(), world.status("1").await), (0, Status::Queued));
    world.sweep().await;
    assert_eq!((world.sent(), world.status("1").await), (1, Status::Sent));
    let content = world.ledger.content(world.of_order("1").await.id).await.unwrap().unwrap();
    let copy = content.copy.unwrap();
    assert_eq!(world.ledger.rendition(copy.rendition).await.unwrap(), types.current().bundle(copy.rendition));
}

#[tokio::test(start_paused = true)]
async fn a_rendition_is_stored_once_a_process() {
    let (world, _) = world();
    world.dispatch(orders(["1", "2", "3"])).await;
    // A second time the ledger would refuse it: accepted and recorded, and nothing between.
    world.plan([Fault::Pass, Fault::Pass, Fault::Refuse]);
    world.dispatch(orders(["4"])).await;
    world.plan_nothing();
    assert_eq!((world.sent(), world.status("4").await), (4, Status::Sent));
}
