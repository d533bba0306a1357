//! From a name to addresses, once a call.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use postrider_core::limits::{OUTBOUND_ADDRESSES_MAX, OUTBOUND_LOOKUPS_MAX};
use tokio::sync::Semaphore;

/// Looks names up. What it answers is not trusted: every address is checked before it is connected to.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// The addresses of `name`.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver.
#[derive(Debug)]
pub struct SystemResolver {
    running: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { running: Arc::new(Semaphore::new(OUTBOUND_LOOKUPS_MAX)) }
    }
}

#[async_trait]
impl Resolver for SystemResolver {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let running = Arc::clone(&self.running);
        let permit = running.acquire_owned().await.map_err(io::Error::other)?;
        let name = name.to_owned();
        // A look-up cannot be given up. It keeps its permit until it ends, whoever may have stopped waiting.
        let looking = tokio::spawn(async move {
            let found = tokio::net::lookup_host((name, 0)).await;
            drop(permit);
            found
                .map(|addresses| addresses.map(|address| address.ip()).take(OUTBOUND_ADDRESSES_MAX).collect())
        });
        looking.await.map_err(io::Error::other)?
    }
}
