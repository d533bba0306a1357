//! Ports that stay closed when they should be closed.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which Linux takes ports for outgoing connections (32768 and up, see ip(7)).
const FIRST: u16 = 10_240;
const COUNT: u16 = 32_768 - FIRST;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A loopback address on which nobody listens and nobody will by chance: it can be closed, opened and closed again.
///
/// Port 0 would give one that the system also uses for outgoing connections. A client that keeps trying such a port
/// while it is closed sooner or later connects to itself, and the server cannot come back on it.
///
/// # Errors
/// If every port is taken.
pub fn reserved_addr() -> io::Result<SocketAddr> {
    // Processes that run at the same time start far apart.
    let start = u16::try_from(std::process::id().wrapping_mul(997) % u32::from(COUNT)).unwrap_or(0);
    for _ in 0..COUNT {
        let offset = (u32::from(start) + u32::from(NEXT.fetch_add(1, Ordering::Relaxed))) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).unwrap_or(0);
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(addr).is_ok() {
            return Ok(addr);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "every loopback port below 32768 is taken"))
}
