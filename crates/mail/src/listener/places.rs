//! How many connections there are, in all and with one peer.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use postrider_core::limits::{LISTENER_CONNECTIONS_MAX, LISTENER_CONNECTIONS_PER_PEER_MAX};

/// The connections there are.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// The right to one connection, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    peer: IpAddr,
}

impl Places {
    /// A place for a connection with `peer`, or `None` if there is none left.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = network(peer);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = taken.by_peer.get(&peer).copied().unwrap_or(0);
        if taken.total >= LISTENER_CONNECTIONS_MAX || of_peer >= LISTENER_CONNECTIONS_PER_PEER_MAX {
            return None;
        }
        taken.total += 1;
        taken.by_peer.insert(peer, of_peer + 1);
        Some(Place { places: Arc::clone(self), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        match taken.by_peer.get_mut(&self.peer) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                taken.by_peer.remove(&self.peer);
            }
        }
    }
}

/// Whoever has an IPv6 address has its whole /64.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(peer) => IpAddr::V4(peer),
        IpAddr::V6(peer) => IpAddr::V6(Ipv6Addr::from_bits(peer.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_peer_leaves_places_for_others() {
        let places = Arc::new(Places::default());
        let take = |from: &str| places.take(peer(from));
        let first: Vec<_> = (0..LISTENER_CONNECTIONS_PER_PEER_MAX).map_while(|_| take("192.0.2.1")).collect();
        assert_eq!(first.len(), LISTENER_CONNECTIONS_PER_PEER_MAX);
        assert!(take("192.0.2.1").is_none());
        assert!(take("::ffff:192.0.2.1").is_none());
        assert!(take("192.0.2.2").is_some());
        drop(first);
        assert!(take("192.0.2.1").is_some());
    }

    #[test]
    fn an_ipv6_network_is_one_peer() {
        let places = Arc::new(Places::default());
        let addresses = (0..).map(|host: u16| peer(&format!("2001:db8::{host:x}")));
        let taken: Vec<_> = addresses.map_while(|address| places.take(address)).collect();
        assert_eq!(taken.len(), LISTENER_CONNECTIONS_PER_PEER_MAX);
    }

    #[test]
    fn all_peers_together_have_a_bound_and_nothing_is_left_behind() {
        let places = Arc::new(Places::default());
        let addresses = (0..).map(|host: u8| peer(&format!("192.0.2.{host}")));
        let taken: Vec<_> = addresses.map_while(|address| places.take(address)).collect();
        assert_eq!(taken.len(), LISTENER_CONNECTIONS_MAX);
        drop(taken);
        let left = places.0.lock().expect("nobody panicked");
        assert_eq!((left.total, left.by_peer.len()), (0, 0));
    }
}
