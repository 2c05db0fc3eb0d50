//! Where we may call out to. Networks are asked of the address that is connected to, after the name was resolved and
//! in the same breath, so that a name that says something else a moment later gets nowhere.
//!
//! Addresses by which machines in a cloud hand out credentials, and others that no receiver has, are refused unless
//! the operator names them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// An address and how many of its leading bits count: `10.0.0.0/8`, `fd00::/8`, `192.0.2.7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// IPv4 lies at `::ffff:0:0/96`.
    bits: u128,
    length: u32,
}

/// `[alerting] allow_networks` and `deny_networks`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fence {
    /// Empty is everywhere.
    pub allow: Vec<Network>,
    /// Wins over `allow`.
    pub deny: Vec<Network>,
}

/// Why an address is not connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("{0} is in deny_networks of [alerting]")]
    Denied(IpAddr),
    #[error("{0} is not in allow_networks of [alerting]")]
    NotAllowed(IpAddr),
    #[error(
        "{0} is a link-local, metadata or group address: name it in allow_networks of [alerting] if that is meant"
    )]
    Reserved(IpAddr),
}

/// Where a name leads.
#[derive(Debug)]
pub(crate) enum Unresolved {
    /// The name has addresses, and none may be connected to.
    Refused(Refused),
    /// The name has none now.
    Unknown(std::io::Error),
}

/// Link-local (with the metadata services of most clouds), the metadata services that lie elsewhere (AWS over IPv6,
/// Alibaba, Azure, Oracle), "this host", multicast and broadcast.
const RESERVED: [&str; 11] = [
    "169.254.0.0/16",
    "fe80::/10",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0/8",
    "::",
    "224.0.0.0/4",
    "ff00::/8",
    "255.255.255.255",
];

impl Network {
    fn contains(&self, address: u128) -> bool {
        (self.bits ^ address).leading_zeros() >= self.length
    }

    fn is_within(&self, wider: &Self) -> bool {
        self.length >= wider.length && wider.contains(self.bits)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            format!(
                "\"{text}\" is not a network: write it like \"10.0.0.0/8\", \"fd00::/8\" or \"192.0.2.7\""
            )
        };
        let (address, length) =
            text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.trim().parse().map_err(|_| refused())?;
        let longest: u32 = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(longest), |length| length.trim().parse().map_err(|_| refused()))?;
        if length > longest {
            return Err(refused());
        }
        let network = Self { bits: number(address), length: length + 128 - longest };
        if network.bits.checked_shl(network.length).is_some_and(|host| host != 0) {
            return Err(format!(
                "\"{text}\" has bits behind its /{length}: write the network's first address"
            ));
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = Ipv6Addr::from_bits(self.bits);
        match address.to_ipv4_mapped().filter(|_| self.length >= 96) {
            Some(v4) => write!(f, "{v4}/{}", self.length - 96),
            None => write!(f, "{address}/{}", self.length),
        }
    }
}

impl Fence {
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Refused> {
        let address = address.to_canonical();
        let forms = [Some(number(address)), inner(address).map(|v4| number(v4.into()))];
        let forms = || forms.iter().flatten().copied();
        let among =
            |networks: &[Network]| forms().any(|form| networks.iter().any(|network| network.contains(form)));
        if among(&self.deny) {
            return Err(Refused::Denied(address));
        }
        let mut reserved =
            RESERVED.iter().map(|text| text.parse::<Network>().expect("the constants are networks"));
        if let Some(reserved) = reserved.find(|reserved| among(&[*reserved])) {
            let named: Vec<Network> =
                self.allow.iter().filter(|network| network.is_within(&reserved)).copied().collect();
            return if among(&named) { Ok(()) } else { Err(Refused::Reserved(address)) };
        }
        if !self.allow.is_empty() && !among(&self.allow) {
            return Err(Refused::NotAllowed(address));
        }
        Ok(())
    }

    /// The addresses of a host, a name or a literal, that may be connected to: at least one.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Unresolved> {
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let found: Vec<SocketAddr> = match literal {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => tokio::net::lookup_host((host, port)).await.map_err(Unresolved::Unknown)?.collect(),
        };
        let mut allowed = Vec::new();
        let mut refused = None;
        for address in found {
            match self.check(address.ip()) {
                Ok(()) => allowed.push(address),
                Err(reason) => refused = Some(reason),
            }
        }
        match refused {
            _ if !allowed.is_empty() => Ok(allowed),
            Some(reason) => Err(Unresolved::Refused(reason)),
            None => Err(Unresolved::Unknown(std::io::Error::other("the name has no address"))),
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The IPv4 address that a translator (64:ff9b::/96) or a tunnel (2002::/16) would send it on to.
fn inner(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
