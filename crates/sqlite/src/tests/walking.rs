//! Walks through the whole ledger take turns.

use std::sync::Arc;
use std::sync::mpsc;

use super::{place, scene};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_nobody_waits_for_any_more_keeps_its_turn_until_it_ends() {
    let (_directory, path) = place();
    let (_scene, ledger) = scene(&path);
    let (started, start) = tokio::sync::oneshot::channel();
    let (release, released) = mpsc::channel::<()>();
    let walking = Arc::clone(&ledger);
    let request = tokio::spawn(async move {
        let walk = move |_: &rusqlite::Transaction<'_>| {
            let _ = started.send(());
            let _ = released.recv();
            Ok(())
        };
        walking.walk_alone(walk).await
    });
    start.await.expect("it walks");
    request.abort();
    assert!(request.await.expect_err("it is given up").is_cancelled());
    assert!(ledger.is_walking());
    release.send(()).expect("the walk goes on by itself");
    assert_eq!(ledger.walk_alone(|_| Ok(1)).await, Ok(1));
}
