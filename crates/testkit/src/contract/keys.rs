//! API keys.

use std::sync::Arc;

use postrider_core::domain::api_key::{ApiKey, KeyToken, Scope, Scopes};
use postrider_core::domain::id::ApiKeyId;
use postrider_core::limits::{API_KEYS_MAX, API_KEYS_REVOKED_KEPT_MAX};
use postrider_core::ports::keys::{KeyCreated, NewKey};

use super::scene::{Scene, sure};

/// The `n`th key of a case, made now.
#[must_use]
pub fn api_key(scene: &Scene, n: u8) -> ApiKey {
    let id = ApiKeyId::new(scene.now(), n.into());
    ApiKey {
        id,
        name: format!("Schlüssel {n}"),
        scopes: Scopes::of([Scope::Send, Scope::Read]).unwrap_or(Scopes::ALL),
        hash: KeyToken::new(id, [n; 20]).hash(),
        created_at: scene.now(),
        revoked_at: None,
    }
}

async fn create(scene: &Scene, key: ApiKey) -> KeyCreated {
    sure(scene.ledger.create_key(NewKey { key, only_as_first: false }).await)
}

async fn made(scene: &Scene, n: u8) -> ApiKey {
    let key = api_key(scene, n);
    assert_eq!(create(scene, key.clone()).await, KeyCreated::Created(key.clone()));
    key
}

async fn keys(scene: &Scene) -> Vec<ApiKey> {
    sure(scene.ledger.keys().await)
}

/// Before anybody made one there is none, and what was made is found as it was, oldest first.
pub async fn a_key_comes_back_as_it_was(scene: &Scene) {
    assert_eq!(keys(scene).await, []);
    let first = made(scene, 9).await;
    scene.clock.advance_ms(1);
    let second = ApiKey { name: String::new(), scopes: Scopes::ALL, ..api_key(scene, 1) };
    create(scene, second.clone()).await;
    assert_eq!(keys(scene).await, [first, second]);
}

/// A step that is repeated makes no second key.
pub async fn the_same_key_again_finds_the_first(scene: &Scene) {
    let first = made(scene, 1).await;
    scene.clock.advance_ms(1);
    let again = ApiKey { name: "another".to_owned(), created_at: scene.now(), ..first.clone() };
    assert_eq!(create(scene, again).await, KeyCreated::Created(first.clone()));
    assert_eq!(keys(scene).await, [first]);
}

/// A revoked key stays revoked since the first time, and nothing else about it changes.
pub async fn a_revoked_key_stays_revoked(scene: &Scene) {
    let (key, other) = (made(scene, 1).await, made(scene, 2).await);
    scene.clock.advance_ms(1_000);
    let revoked = ApiKey { revoked_at: Some(scene.now()), ..key.clone() };
    assert_eq!(sure(scene.ledger.revoke_key(key.id, scene.now()).await), Some(revoked.clone()));
    scene.clock.advance_ms(1_000);
    assert_eq!(sure(scene.ledger.revoke_key(key.id, scene.now()).await), Some(revoked.clone()));
    assert_eq!(create(scene, key).await, KeyCreated::Created(revoked.clone()), "no way back");
    assert_eq!(keys(scene).await, [revoked, other]);
}

/// Revoking what is not there says so and changes nothing.
pub async fn what_is_not_there_cannot_be_revoked(scene: &Scene) {
    let key = made(scene, 1).await;
    assert_eq!(sure(scene.ledger.revoke_key(api_key(scene, 2).id, scene.now()).await), None);
    assert_eq!(keys(scene).await, [key]);
}

/// Living keys are bounded; a revoked one makes room.
pub async fn no_more_keys_live_than_the_bound(scene: &Scene) {
    let mut last = made(scene, 0).await;
    for n in 1..u8::try_from(API_KEYS_MAX).unwrap_or(u8::MAX) {
        last = made(scene, n).await;
    }
    assert_eq!(create(scene, api_key(scene, 200)).await, KeyCreated::TooMany);
    assert_eq!(keys(scene).await.len(), API_KEYS_MAX);
    sure(scene.ledger.revoke_key(last.id, scene.now()).await);
    made(scene, 200).await;
}

/// Of the revoked ones the last few are kept; so there is always one to tell that there was ever a key.
pub async fn the_last_revoked_keys_are_kept(scene: &Scene) {
    let mut revoked = Vec::new();
    for n in 0..u8::try_from(API_KEYS_REVOKED_KEPT_MAX).unwrap_or(u8::MAX) + 3 {
        let key = made(scene, n).await;
        scene.clock.advance_ms(1);
        revoked.extend(sure(scene.ledger.revoke_key(key.id, scene.now()).await));
    }
    assert_eq!(keys(scene).await, revoked[3..]);
    assert_eq!(sure(scene.ledger.revoke_key(revoked[0].id, scene.now()).await), None, "forgotten");
}

/// Once there was a key, nobody makes a first one again, not even when all are revoked.
pub async fn only_the_first_key_is_made_as_the_first(scene: &Scene) {
    let as_first = |n| NewKey { key: api_key(scene, n), only_as_first: true };
    let first = as_first(1);
    assert_eq!(sure(scene.ledger.create_key(first.clone()).await), KeyCreated::Created(first.key.clone()));
    assert_eq!(sure(scene.ledger.create_key(as_first(2)).await), KeyCreated::NotTheFirst);
    sure(scene.ledger.revoke_key(first.key.id, scene.now()).await);
    assert_eq!(sure(scene.ledger.create_key(as_first(3)).await), KeyCreated::NotTheFirst);
    assert_eq!(keys(scene).await.len(), 1);
}

/// Of many that ask for the first key at the same time, one gets it.
pub async fn of_many_first_keys_one_is_made(scene: &Scene) {
    let asking: Vec<_> = (0..8)
        .map(|n| {
            let (ledger, new) = (Arc::clone(&scene.ledger), api_key(scene, n));
            tokio::spawn(
                async move { sure(ledger.create_key(NewKey { key: new, only_as_first: true }).await) },
            )
        })
        .collect();
    let mut made = 0;
    for asked in asking {
        match asked.await {
            Ok(KeyCreated::Created(_)) => made += 1,
            Ok(other) => assert_eq!(other, KeyCreated::NotTheFirst),
            Err(error) => panic!("a task ended: {error}"),
        }
    }
    assert_eq!((made, keys(scene).await.len()), (1, 1));
}
