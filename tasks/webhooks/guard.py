"""Where nothing is sent: what a caller names must not lead into our own network, however it is written and whatever DNS says meanwhile.

Two looks: `checked_target` when an address is given, without DNS; `addresses_of` when it is connected to.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings

from tasks.languages import sentence

Address = IPv4Address | IPv6Address

LONGEST_URL = 2000
PORTS = {"http": 80, "https": 443}
LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# So strict that no two parsers can differ on it: no user, no escapes in the host, ASCII alone (names in other letters as xn--...).
URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{LABEL}(?:\.{LABEL})*|\[[0-9a-f:.]+\])\.?(?::(?P<port>[0-9]{{1,5}}))?(?P<rest>[/?][!-~]*)?",
    re.IGNORECASE | re.ASCII,
)
UNICAST = ip_network("2000::/3")
NAT64 = ip_network("64:ff9b::/96")
# What `is_global` lets pass, by itself or in some versions of Python. 6to4 and Teredo hold an IPv4 address that their relays would go to.
SPECIAL = [
    *map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "100.64.0.0/10", "224.0.0.0/4", "240.0.0.0/4")),
    *map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")),
]


class NoAddress(ValueError):
    """Not the address of a web server as it is accepted here."""


class ForbiddenAddress(ValueError):
    """Nothing is sent there."""


@dataclass(frozen=True)
class Target:
    """A web address in its plain form, with the port only where it is not the usual one."""

    scheme: str
    host: str  # a name, or an address; IPv6 without its brackets
    port: int
    path: str  # and query

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def checked_target(text: str) -> Target:
    """Raises ForbiddenAddress for what can be seen without DNS, NoAddress for what is none at all."""
    target = parsed(text)
    if target.scheme != "https" and not settings.WEBHOOK_ALLOW_HTTP:
        raise ForbiddenAddress("The address has to begin with https://.")
    for address in known_addresses(target.host):
        check(address)
    return target


def parsed(text: str) -> Target:
    """Raises NoAddress."""
    found = URL.fullmatch(text.partition("#")[0]) if len(text) <= LONGEST_URL else None
    if not found:
        known = sentence("Send https://host[:port]/path, at most %(most)s characters, all of them ASCII, without a user.", most=LONGEST_URL)
        raise NoAddress(known)
    scheme, host, rest = found["scheme"].lower(), found["host"].lower().strip("[]"), found["rest"] or "/"
    port = int(found["port"] or PORTS[scheme])
    if not 0 < port < 65_536 or len(host) > 253:
        raise NoAddress("There is no such port, or the name of the host is too long.")
    return Target(scheme, host, port, rest if rest.startswith("/") else f"/{rest}")


def known_addresses(host: str) -> list[Address]:
    """What a host means without DNS: numbers in any way of writing them (127.1, 0x7f.1, 2130706433), and localhost."""
    if host == "localhost" or host.endswith(".localhost"):
        return [ip_address("127.0.0.1")]
    try:
        return resolved(host, 0, socket.AI_NUMERICHOST)
    except OSError:
        return []


def addresses_of(host: str, port: int) -> list[str]:
    """Every address of a host, as DNS says now: whoever connects to one of them connects to what was checked. Raises ForbiddenAddress if
    any is not public, OSError for a name that leads nowhere."""
    found = resolved(host, port)
    for address in found:
        check(address)
    return [str(address) for address in found]


def resolved(host: str, port: int, flags: int = 0) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(ip_address(address[0]) for *_, address in found))


def check(address: Address) -> None:
    if not permitted(address):
        raise ForbiddenAddress("The address leads into a network that is not public.")


def permitted(address: Address) -> bool:
    """Public, or in one of WEBHOOK_ALLOWED_NETWORKS."""
    meant = unwrapped(address)
    return any(meant in network for network in settings.WEBHOOK_ALLOWED_NETWORKS) or is_public(meant)


def unwrapped(address: Address) -> Address:
    """The IPv4 address that is meant by one in IPv6's clothes."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and (address.scope_id or address not in UNICAST):
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in SPECIAL)
