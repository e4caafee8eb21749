//! Networks that an operator names.

use std::net::IpAddr;
use std::str::FromStr;

/// A network in CIDR notation, `10.20.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// Whether `ip` is in it. An IPv4 address that is written as IPv6 is where the IPv4 address is (RFC 4291, 2.5.5.2).
    pub fn contains(&self, ip: IpAddr) -> bool {
        let same = |a: u128, b: u128, bits: u32| {
            let host = bits - u32::from(self.prefix_bits);
            a.checked_shr(host).unwrap_or(0) == b.checked_shr(host).unwrap_or(0)
        };
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(u128::from(u32::from(a)), u128::from(u32::from(b)), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(u128::from(a), u128::from(b), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a network like `10.20.0.0/16`, got `{text}`");
        let (address, bits) = text.split_once('/').ok_or_else(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let prefix_bits: u8 = bits.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        if prefix_bits > most { Err(wrong()) } else { Ok(Self { address, prefix_bits }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_in_either_spelling_and_no_others() {
        let contains =
            |network: &str, ip: &str| network.parse::<Network>().unwrap().contains(ip.parse().unwrap());
        assert!(contains("10.20.0.0/16", "10.20.255.1") && contains("10.20.0.0/16", "::ffff:10.20.0.1"));
        assert!(contains("127.0.0.1/32", "127.0.0.1") && !contains("127.0.0.1/32", "127.0.0.2"));
        assert!(contains("fd12::/16", "fd12::5") && !contains("fd12::/16", "fd13::1"));
        assert!(contains("0.0.0.0/0", "192.168.0.1") && !contains("0.0.0.0/0", "::1"));
        for bad in ["10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0.0/-1", "::/129"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
