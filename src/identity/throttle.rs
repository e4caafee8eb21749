//! How guessing is slowed down without locking anyone out.
//!
//! Failures are counted per account *and* network, and per network; never per account alone, because then any stranger could
//! keep the owner out (CWE-645; GHSA-cq42-vhv7-xr7p). A device on which the owner logged in before has a budget of its own
//! that strangers cannot spend. Source: ASVS 5.0 V6.3.1; NIST SP 800-63B-4, 3.2.2.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base::Timestamp;

/// How far back the caller counts failures, in seconds.
pub const WINDOW_SECONDS: i64 = 3_600;

/// One account from one network: five tries, then 15 seconds that double up to a quarter of an hour.
const ACCOUNT_ON_NETWORK: Budget = Budget { free: 5, first_wait_seconds: 15, longest_wait_seconds: 900 };
/// One network on all accounts: wide, because a whole office may share an address.
const NETWORK: Budget = Budget { free: 100, first_wait_seconds: 1, longest_wait_seconds: 60 };
/// One account from a device that it was used on before.
const KNOWN_DEVICE: Budget = Budget { free: 10, first_wait_seconds: 15, longest_wait_seconds: 900 };

/// How many failures go unpunished, and what follows: each further one doubles the wait.
struct Budget {
    free: u32,
    first_wait_seconds: u32,
    longest_wait_seconds: u32,
}

/// Failures within the last [`WINDOW_SECONDS`]: how many, and when the last one was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// When the last one was; `None` when there was none.
    pub last: Option<Timestamp>,
}

/// What is known when someone tries a password.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecentFailures {
    /// For this account from this network, on devices that are not known.
    pub account_on_network: Failures,
    /// From this network for any account.
    pub network: Failures,
    /// For this account on this device, when the account was used on it before; `None` for other devices.
    pub known_device: Option<Failures>,
}

/// Whether the password may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try it.
    Allow,
    /// Do not; come back later. What was sent must not be checked, nor counted as a failure.
    Wait {
        /// How much later, in seconds; at least one.
        seconds: u32,
    },
}

/// Whether a password may be tried at `now`.
///
/// On a known device only that device's own failures count; elsewhere the longer of the account's and the network's waits.
pub fn decide(recent: &RecentFailures, now: Timestamp) -> Verdict {
    let wait = match &recent.known_device {
        Some(device) => KNOWN_DEVICE.wait_seconds(device, now),
        None => ACCOUNT_ON_NETWORK
            .wait_seconds(&recent.account_on_network, now)
            .max(NETWORK.wait_seconds(&recent.network, now)),
    };
    if wait == 0 { Verdict::Allow } else { Verdict::Wait { seconds: wait } }
}

impl Budget {
    /// How long is still to wait; zero when the try is free.
    fn wait_seconds(&self, failures: &Failures, now: Timestamp) -> u32 {
        let (Some(last), Some(beyond)) = (failures.last, failures.count.checked_sub(self.free)) else {
            return 0;
        };
        let doubled = 1u32.checked_shl(beyond).unwrap_or(u32::MAX);
        let whole = self.first_wait_seconds.saturating_mul(doubled).min(self.longest_wait_seconds);
        let passed = u32::try_from(now.since(last).as_secs()).unwrap_or(u32::MAX);
        whole.saturating_sub(passed)
    }
}

/// Where a request comes from, as far as guessing is concerned: an IPv4 address, or the /64 that an IPv6 address is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// One address.
    V4(Ipv4Addr),
    /// The first address of a /64, which one subscriber has to themselves (RFC 6177).
    V6(Ipv6Addr),
}

impl Network {
    /// The network of `address`; an IPv4 address in IPv6's clothes is an IPv4 address.
    pub const fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(address) => write!(f, "{address}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);

    fn failures(count: u32, seconds_ago: i64) -> Failures {
        Failures { count, last: Some(NOW.plus_seconds(-seconds_ago)) }
    }

    fn guesser(count: u32, seconds_ago: i64) -> RecentFailures {
        RecentFailures { account_on_network: failures(count, seconds_ago), ..RecentFailures::default() }
    }

    #[test]
    fn a_few_mistakes_cost_nothing_and_guessing_costs_more_each_time() {
        assert_eq!(decide(&RecentFailures::default(), NOW), Verdict::Allow);
        assert_eq!(decide(&guesser(4, 0), NOW), Verdict::Allow);
        let waits: Vec<Verdict> = (5..9).map(|count| decide(&guesser(count, 0), NOW)).collect();
        assert_eq!(waits, [15, 30, 60, 120].map(|seconds| Verdict::Wait { seconds }));
        for many in [50, 1_000, u32::MAX] {
            assert_eq!(decide(&guesser(many, 0), NOW), Verdict::Wait { seconds: 900 });
        }
    }

    #[test]
    fn waiting_is_enough() {
        assert_eq!(decide(&guesser(5, 14), NOW), Verdict::Wait { seconds: 1 });
        assert_eq!(decide(&guesser(5, 15), NOW), Verdict::Allow);
        assert_eq!(
            decide(&guesser(5, -60), NOW),
            Verdict::Wait { seconds: 15 },
            "a clock set back lengthens nothing"
        );
    }

    #[test]
    fn a_stranger_cannot_lock_the_owner_out() {
        let mut recent = guesser(u32::MAX, 0);
        recent.network = failures(u32::MAX, 0);
        assert_ne!(decide(&recent, NOW), Verdict::Allow, "the stranger waits");
        recent.known_device = Some(Failures::default());
        assert_eq!(
            decide(&recent, NOW),
            Verdict::Allow,
            "the owner, on the device they always use, does not"
        );
        assert_eq!(decide(&RecentFailures::default(), NOW), Verdict::Allow, "nor from another network");
    }

    #[test]
    fn a_known_device_is_no_licence_to_guess() {
        let recent =
            |count| RecentFailures { known_device: Some(failures(count, 0)), ..RecentFailures::default() };
        assert_eq!(decide(&recent(9), NOW), Verdict::Allow);
        assert_eq!(decide(&recent(10), NOW), Verdict::Wait { seconds: 15 });
    }

    #[test]
    fn one_network_on_many_accounts_is_slowed_down() {
        let spraying = |count| RecentFailures { network: failures(count, 0), ..RecentFailures::default() };
        assert_eq!(decide(&spraying(99), NOW), Verdict::Allow);
        assert_eq!(decide(&spraying(103), NOW), Verdict::Wait { seconds: 8 });
        assert_eq!(decide(&spraying(10_000), NOW), Verdict::Wait { seconds: 60 });
    }

    #[test]
    fn a_subscriber_is_one_network_whatever_address_they_take() {
        let network = |address: &str| Network::of(address.parse().unwrap());
        assert_eq!(network("2001:db8:1:2::a"), network("2001:db8:1:2:ffff::b"));
        assert_ne!(network("2001:db8:1:2::a"), network("2001:db8:1:3::a"));
        assert_eq!(network("::ffff:203.0.113.7"), network("203.0.113.7"));
        assert_eq!(network("2001:db8:1:2::a").to_string(), "2001:db8:1:2::/64");
    }
}
