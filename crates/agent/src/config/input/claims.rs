//! What an input has for itself: its address, its name for the place in the journal, the standard input.

use std::net::{IpAddr, SocketAddr};

use stdx::Settings;

use super::{Input, Kind};

/// What no two inputs may have.
#[derive(Clone, Copy, Debug)]
enum Claim<'a> {
    Stdin,
    JournalName(&'a str),
    Tcp(SocketAddr),
    Udp(SocketAddr),
}

impl Claim<'_> {
    fn is_against(self, other: Self) -> bool {
        match (self, other) {
            (Self::Stdin, Self::Stdin) => true,
            (Self::JournalName(name), Self::JournalName(other)) => name == other,
            (Self::Tcp(address), Self::Tcp(other)) | (Self::Udp(address), Self::Udp(other)) => {
                is_one_place(address, other)
            }
            _ => false,
        }
    }

    /// What is wrong with it beside the one of `owner`, and what helps.
    fn problem(self, owner: &str) -> String {
        match self {
            Self::Stdin => format!("is `stdin`, which `{owner}` reads already; leave one of them out"),
            Self::JournalName(name) => {
                format!(
                    "is `{name}`, as is that of `{owner}`, so both would share one place; give each a `name` of its own"
                )
            }
            Self::Tcp(address) | Self::Udp(address) => {
                format!("is `{address}`, which `{owner}` takes; give each an address of its own")
            }
        }
    }
}

/// Tells the inputs that want what an earlier one has, or what the agent itself listens on.
pub(super) fn check(settings: &mut Settings, inputs: &[Input], listen: Option<SocketAddr>) {
    let own = listen.map(|address| ("listen".to_owned(), Claim::Tcp(address)));
    let mut taken: Vec<(String, Claim<'_>)> = own.into_iter().collect();
    for (index, input) in inputs.iter().enumerate() {
        let owner = format!("input[{index}]");
        for (key, claim) in claims(&input.kind) {
            match taken.iter().find(|(_, other)| claim.is_against(*other)) {
                Some((other, _)) => settings.problem(&format!("{owner}.{key}"), claim.problem(other)),
                None => taken.push((owner.clone(), claim)),
            }
        }
    }
}

/// What an input claims, each with its key.
fn claims(kind: &Kind) -> Vec<(&'static str, Claim<'_>)> {
    match kind {
        Kind::Files(_) | Kind::Command(_) => Vec::new(),
        Kind::Stdin => vec![("kind", Claim::Stdin)],
        Kind::Journal(journal) => vec![("name", Claim::JournalName(&journal.name))],
        Kind::Syslog(syslog) => {
            let tcp = syslog.tcp.map(|address| ("tcp", Claim::Tcp(address)));
            tcp.into_iter().chain(syslog.udp.map(|address| ("udp", Claim::Udp(address)))).collect()
        }
        Kind::Forward(forward) => {
            let heartbeat = forward.heartbeat.then_some(("heartbeat", Claim::Udp(forward.tcp)));
            [("tcp", Claim::Tcp(forward.tcp))].into_iter().chain(heartbeat).collect()
        }
    }
}

/// Whether only one of them can be listened on; the kernel finds a free port for 0. All addresses of IPv6 are all of IPv4
/// as well.
fn is_one_place(address: SocketAddr, other: SocketAddr) -> bool {
    let (ip, other_ip) = (address.ip().to_canonical(), other.ip().to_canonical());
    let takes = |all: IpAddr, one: IpAddr| all.is_unspecified() && (all.is_ipv6() || one.is_ipv4());
    let is_same = ip == other_ip || takes(ip, other_ip) || takes(other_ip, ip);
    address.port() != 0 && address.port() == other.port() && is_same
}
