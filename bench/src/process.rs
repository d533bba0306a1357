//! What Linux counts about a process (proc(5)).

use std::fs;
use std::io;

/// Clock ticks a second in `/proc`; fixed at 100 for user space on every Linux architecture in use (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// CPU time a process has used in user and kernel mode, all its threads together, in milliseconds. Resolution: 10 ms.
///
/// # Errors
/// If there is no such process.
pub fn cpu_ms(pid: u32) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the command in parentheses and may itself hold spaces; fields are counted after it.
    let after_command = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_command
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(ticks * 1000 / TICKS_PER_SECOND)
}

/// The most memory a process has ever had resident (`VmHWM`), in KiB.
///
/// # Errors
/// If there is no such process.
pub fn peak_resident_kib(pid: u32) -> io::Result<u64> {
    status_kib(pid, "VmHWM:")
}

/// The memory a process has resident now (`VmRSS`), in KiB.
///
/// # Errors
/// If there is no such process.
pub fn resident_kib(pid: u32) -> io::Result<u64> {
    status_kib(pid, "VmRSS:")
}

fn status_kib(pid: u32, field: &str) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.split_ascii_whitespace().next()?.parse().ok())
        .ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("no {field} in /proc/{pid}/status"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_a_peak_at_least_as_high() {
        let pid = std::process::id();
        let now = resident_kib(pid).unwrap();
        assert!(now > 0 && peak_resident_kib(pid).unwrap() >= now / 2);
        assert!(cpu_ms(pid).is_ok());
    }
}
