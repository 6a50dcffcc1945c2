//! Limits on simultaneous connections.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use tokio::task::AbortHandle;

use crate::lock;

/// How many connections are accepted at a time.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// In all.
    pub most: usize,
    /// From one other machine.
    pub per_peer: usize,
    /// How many of these are reserved for this machine.
    pub reserved: usize,
}

impl Default for Rules {
    /// 128 in total, 32 of them reserved for this machine, and 24 for each other machine. A browser opens six.
    fn default() -> Self {
        Self { most: 128, per_peer: 24, reserved: 32 }
    }
}

/// The seats of all connections. When they are taken, the connection that has been idle for the longest time gives way to the new
/// one, so that connections that are opened and not used lock nobody out.
#[derive(Debug)]
pub struct Seats {
    rules: Rules,
    taken: Mutex<Vec<Arc<Seat>>>,
}

/// One connection.
#[derive(Debug)]
pub struct Seat {
    peer: IpAddr,
    /// The time of its last progress.
    progress: Mutex<Instant>,
    /// Whether a whole request of it is being answered.
    working: AtomicBool,
    task: OnceLock<AbortHandle>,
}

impl Seats {
    /// Seats within these rules, all free.
    pub fn new(rules: Rules) -> Self {
        Self { rules, taken: Mutex::default() }
    }

    /// A seat for a connection from `peer`; `None` when all seats are taken and busy.
    pub fn take(&self, peer: IpAddr) -> Option<Arc<Seat>> {
        let Rules { most, per_peer, reserved } = self.rules;
        let mut taken = lock(&self.taken);
        if !peer.is_loopback() {
            make_room(&mut taken, per_peer, |seat| seat.peer == peer)?;
            make_room(&mut taken, most.saturating_sub(reserved), |seat| !seat.peer.is_loopback())?;
        }
        make_room(&mut taken, most, |_| true)?;
        let (progress, working) = (Mutex::new(Instant::now()), AtomicBool::new(false));
        let seat = Arc::new(Seat { peer, progress, working, task: OnceLock::new() });
        taken.push(Arc::clone(&seat));
        Some(seat)
    }

    /// Frees a seat.
    pub fn give_back(&self, seat: &Arc<Seat>) {
        lock(&self.taken).retain(|held| !Arc::ptr_eq(held, seat));
    }
}

/// Makes one of the `most` seats of a kind free; the one that has been idle for the longest time is closed where that is needed.
fn make_room(taken: &mut Vec<Arc<Seat>>, most: usize, kind: impl Fn(&Seat) -> bool) -> Option<()> {
    if taken.iter().filter(|seat| kind(seat)).count() < most {
        return Some(());
    }
    let idle =
        taken.iter().enumerate().filter(|(_, seat)| kind(seat) && !seat.working.load(Ordering::SeqCst));
    let (place, _) = idle.min_by_key(|(_, seat)| *lock(&seat.progress))?;
    let seat = taken.swap_remove(place);
    if let Some(task) = seat.task.get() {
        task.abort();
    }
    Some(())
}

impl Seat {
    /// Sets the handle that closes the connection.
    pub fn can_be_closed_by(&self, task: AbortHandle) {
        let _ = self.task.set(task);
    }

    /// Records progress on the connection.
    pub fn note_progress(&self) {
        *lock(&self.progress) = Instant::now();
    }

    /// Sets whether a complete request is being answered; such a connection is not closed for another.
    pub fn set_working(&self, working: bool) {
        self.working.store(working, Ordering::SeqCst);
        self.note_progress();
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn other(number: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, number))
    }

    fn peers(seats: &Seats) -> Vec<IpAddr> {
        let mut peers: Vec<IpAddr> = lock(&seats.taken).iter().map(|seat| seat.peer).collect();
        peers.sort();
        peers
    }

    #[test]
    fn the_longest_idle_gives_way_and_whoever_works_does_not() {
        let seats = Seats::new(Rules { most: 3, per_peer: 3, reserved: 0 });
        let held: Vec<_> = (1..=3).map(|n| seats.take(other(n)).expect("a seat")).collect();
        held[0].set_working(true);
        let newest = seats.take(HERE).expect("a seat");
        assert_eq!(peers(&seats), [other(1), other(3), HERE], "2 was idle for the longest time");
        for seat in held.iter().chain([&newest]) {
            seat.set_working(true);
        }
        assert!(seats.take(HERE).is_none(), "all are at work");
        seats.give_back(&held[0]);
        assert!(seats.take(HERE).is_some());
    }

    #[test]
    fn one_peer_has_few_seats_and_this_machine_always_some() {
        let seats = Seats::new(Rules { most: 6, per_peer: 2, reserved: 2 });
        for _ in 0..9 {
            assert!(seats.take(other(1)).is_some());
        }
        assert_eq!(peers(&seats), [other(1); 2]);
        let at_work: Vec<_> = (2..9).filter_map(|n| seats.take(other(n))).collect();
        assert_eq!(peers(&seats).len(), 4, "two are kept for this machine");
        at_work.iter().for_each(|seat| seat.set_working(true));
        assert!(seats.take(IpAddr::V6(Ipv6Addr::LOCALHOST)).is_some() && seats.take(HERE).is_some());
        assert_eq!(peers(&seats).len(), 6);
    }
}
