//! Who may talk to a listener (H1).

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

/// The peers that are answered; all others get 403 with an empty body (W51).
///
/// An empty list, the default, lets only this machine in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AllowedPeers(Vec<Network>);

impl AllowedPeers {
    /// Lets in who is in one of these networks, and nobody else.
    pub fn new(networks: impl IntoIterator<Item = Network>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// Whether no network is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a network among them holds every address there is.
    pub(crate) fn is_everyone(&self) -> bool {
        self.0.iter().any(|network| network.prefix == 0)
    }

    /// Whether this peer is answered. An IPv4 address in its IPv6 form is the IPv4 address.
    pub fn allows(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        if self.0.is_empty() {
            return peer.is_loopback();
        }
        self.0.iter().any(|network| network.contains(peer))
    }
}

/// An address, or a range of them: `192.168.10.5`, `192.168.10.0/24`, `fd00::/8`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// One address.
    pub fn one(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: bits(address) }
    }

    fn contains(self, peer: IpAddr) -> bool {
        match (self.address, peer) {
            (IpAddr::V4(net), IpAddr::V4(peer)) => {
                let mask = u32::MAX.checked_shl(u32::from(32 - self.prefix)).unwrap_or(0);
                net.to_bits() & mask == peer.to_bits() & mask
            }
            (IpAddr::V6(net), IpAddr::V6(peer)) => {
                let mask = u128::MAX.checked_shl(u32::from(128 - self.prefix)).unwrap_or(0);
                net.to_bits() & mask == peer.to_bits() & mask
            }
            _ => false,
        }
    }
}

fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| BadNetwork)?;
        let Some(prefix) = prefix else { return Ok(Self::one(address)) };
        let prefix: u8 = prefix.trim().parse().map_err(|_| BadNetwork)?;
        if prefix > bits(address) {
            return Err(BadNetwork);
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl From<Ipv4Addr> for Network {
    fn from(address: Ipv4Addr) -> Self {
        Self::one(address.into())
    }
}

impl From<Ipv6Addr> for Network {
    fn from(address: Ipv6Addr) -> Self {
        Self::one(address.into())
    }
}

/// The text is no address and no range of addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an address, and not a range such as 192.168.10.0/24")]
pub struct BadNetwork;

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(networks: &[&str], peer: &str) -> bool {
        let networks = networks.iter().map(|text| text.parse().unwrap());
        AllowedPeers::new(networks).allows(peer.parse().unwrap())
    }

    #[test]
    fn w51_only_named_networks_are_let_in() {
        let rows: [(&[&str], &str, bool); 13] = [
            (&[], "127.0.0.1", true),
            (&[], "127.8.8.8", true),
            (&[], "::1", true),
            (&[], "::ffff:127.0.0.1", true),
            (&[], "10.0.0.7", false),
            (&["10.0.0.7"], "10.0.0.7", true),
            (&["10.0.0.7"], "::ffff:10.0.0.7", true),
            (&["10.0.0.7"], "127.0.0.1", false),
            (&["10.0.0.0/24", "fd00::/8"], "10.0.0.255", true),
            (&["10.0.0.0/24", "fd00::/8"], "10.0.1.0", false),
            (&["10.0.0.0/24", "fd00::/8"], "fd12::1", true),
            (&["0.0.0.0/0"], "8.8.8.8", true),
            (&["0.0.0.0/0"], "fd12::1", false),
        ];
        for (networks, peer, allowed) in rows {
            assert_eq!(allows(networks, peer), allowed, "{networks:?} {peer}");
        }
    }

    #[test]
    fn networks_are_read_and_shown() {
        let shown = |text: &str| text.parse::<Network>().map(|network| network.to_string());
        assert_eq!(shown("192.168.10.5"), Ok("192.168.10.5/32".to_owned()));
        assert_eq!(shown("192.168.10.0/24"), Ok("192.168.10.0/24".to_owned()));
        for bad in ["", "till", "10.0.0.0/33", "10.0.0.0/x", "10.0.0/8", "fd00::/129"] {
            assert_eq!(shown(bad), Err(BadNetwork), "{bad}");
        }
    }
}
