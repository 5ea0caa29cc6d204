"""Which IP addresses this server may connect to when somebody else names the target.

Whoever names a target must not reach, through this server, what only this server can reach: its own machine,
its private network, or the service that hands out a cloud machine's credentials.
"""

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# What only a setting opens: networks that belong to whoever runs the server.
PRIVATE: dict[str, tuple[str, ...]] = {
    "loopback": ("127.0.0.0/8", "::1/128"),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
}
# What nothing opens. The first that holds an address names it.
NEVER: dict[str, tuple[str, ...]] = {
    "metadata": ("169.254.169.254/32", "100.100.100.200/32", "fd00:ec2::254/128", "192.0.0.192/32"),
    "unspecified": ("0.0.0.0/8", "::/128"),
    "link-local": ("169.254.0.0/16", "fe80::/10", "fec0::/10"),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
    "reserved": (
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "240.0.0.0/4", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20"),
        *("5f00::/16", "64:ff9b:1::/48"),
    ),
}
REMEDY = "CHITTYGRAPH_PRIVATE_WEBHOOK_TARGETS=true allows it"
PUBLIC_IPV6 = IPv6Network("2000::/3")
# IPv6 addresses that stand for one of IPv4, and where in them its 32 bits begin.
EMBEDDING: dict[str, int] = {
    "::ffff:0:0/96": 96,  # mapped
    "::ffff:0:0:0/96": 96,  # translated
    "::/96": 96,  # compatible
    "64:ff9b::/96": 96,  # NAT64
    "2002::/16": 16,  # 6to4
}


def _networks(named: dict[str, tuple[str, ...]]) -> list[tuple[str, Network]]:
    return [(name, ipaddress.ip_network(text)) for name, texts in named.items() for text in texts]


_PRIVATE, _NEVER = _networks(PRIVATE), _networks(NEVER)
_EMBEDDING = [(IPv6Network(text), start) for text, start in EMBEDDING.items()]


def problem(address: Address, *, allow_private: bool) -> str | None:
    """The kind of address that makes it forbidden, such as `loopback`; None if it is allowed."""
    for each in _meant(address):
        kind = _kind(_NEVER, each) or (None if allow_private else _kind(_PRIVATE, each))
        if kind is not None:
            return kind
    return None


def _meant(address: Address) -> list[Address]:
    """The address itself, unless it only stands for another one, which comes in its place."""
    if isinstance(address, IPv4Address):
        return [address]
    whole = IPv6Address(int(address))  # without a zone, which no network holds
    if _kind(_NEVER, whole) or _kind(_PRIVATE, whole):
        return [whole]
    for network, start in _EMBEDDING:
        if whole in network:
            return [IPv4Address(int(whole) >> (96 - start) & 0xFFFFFFFF)]
    return [whole]


def _kind(networks: list[tuple[str, Network]], address: Address) -> str | None:
    for name, network in networks:
        if address.version == network.version and address in network:
            return name
    if networks is _NEVER and isinstance(address, IPv6Address) and not _is_known(address):
        return "reserved"
    return None


def _is_known(address: IPv6Address) -> bool:
    """Whether it is public, private, or stands for an address of IPv4."""
    if address in PUBLIC_IPV6 or _kind(_PRIVATE, address):
        return True
    return any(address in network for network, _ in _EMBEDDING)
