//! How many connections each network holds: one that holds its share keeps no other out.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use identity::throttle::Network;

/// How often it is told that networks are turned away: whoever knocks again and again fills no log.
const TELL_INTERVAL: Duration = Duration::from_secs(60);

/// How many connections one network may hold, and which count for the whole alone.
#[derive(Clone, Debug)]
pub struct Shares {
    /// Most connections of one network: an IPv4 address, or the /64 that an IPv6 address is one of.
    pub of_each: usize,
    /// Proxies in front, behind which many networks are.
    pub proxies: Vec<base::network::Network>,
}

/// Who holds how many connections now.
pub(crate) struct Places {
    shares: Shares,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    counts: HashMap<Network, usize>,
    told: Option<Instant>,
}

/// One connection, as long as it lasts.
#[must_use]
pub(crate) struct Place(Option<(Arc<Places>, Network)>);

impl Places {
    pub(crate) fn new(shares: Shares) -> Arc<Self> {
        Arc::new(Self { shares, held: Mutex::default() })
    }

    /// A place for a connection from `peer`; `None` when its network holds its share.
    pub(crate) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        if self.shares.proxies.iter().any(|proxies| proxies.contains(peer)) {
            return Some(Place(None));
        }
        let network = Network::of(peer);
        let mut held = self.held();
        let count = held.counts.entry(network).or_default();
        if *count >= self.shares.of_each {
            held.tell(network, self.shares.of_each);
            return None;
        }
        *count += 1;
        Some(Place(Some((Arc::clone(self), network))))
    }

    fn leave(&self, network: Network) {
        if let Entry::Occupied(mut count) = self.held().counts.entry(network) {
            match count.get().checked_sub(1) {
                None | Some(0) => drop(count.remove()),
                Some(left) => *count.get_mut() = left,
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn tell(&mut self, network: Network, share: usize) {
        let now = Instant::now();
        if self.told.is_none_or(|told| now.duration_since(told) >= TELL_INTERVAL) {
            self.told = Some(now);
            tracing::warn!(%network, "a network holds its {share} connections and gets no more; a proxy must be named to be exempt");
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((places, network)) = self.0.take() {
            places.leave(network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Arc<Places> {
        Places::new(Shares { of_each: 2, proxies: vec!["10.20.0.0/16".parse().unwrap()] })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_gets_its_share_and_what_it_gives_back() {
        let places = places();
        let first = places.take(ip("192.0.2.1")).unwrap();
        let _second = places.take(ip("::ffff:192.0.2.1")).unwrap();
        assert!(places.take(ip("192.0.2.1")).is_none(), "in either spelling");
        assert!(places.take(ip("192.0.2.2")).is_some(), "another is another");
        drop(first);
        let _third = places.take(ip("192.0.2.1")).unwrap();
        assert!(places.take(ip("192.0.2.1")).is_none());
    }

    #[test]
    fn a_subscribers_addresses_are_one_network() {
        let places = places();
        let _held = ["2001:db8::1", "2001:db8::ffff:2"].map(|address| places.take(ip(address)).unwrap());
        assert!(places.take(ip("2001:db8::3")).is_none());
        assert!(places.take(ip("2001:db8:0:1::3")).is_some());
    }

    #[test]
    fn proxies_count_for_the_whole_alone() {
        let places = places();
        let held: Vec<_> = (0..10).map(|_| places.take(ip("10.20.0.1"))).collect();
        assert!(held.iter().all(Option::is_some));
    }

    #[test]
    fn nothing_is_kept_of_who_is_gone() {
        let places = places();
        drop([places.take(ip("192.0.2.1")), places.take(ip("192.0.2.1")), places.take(ip("192.0.2.1"))]);
        drop(places.take(ip("10.20.0.1")));
        assert!(places.held().counts.is_empty());
    }
}
