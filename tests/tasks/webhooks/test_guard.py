"""Where nothing is sent, however it is written."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from tasks.webhooks.guard import ForbiddenAddress, addresses_of, checked_target, permitted

INWARD = [  # addresses of ours, in every way of writing them
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1:8443/",
    "https://0x7f.1/",
    "https://0X7F000001/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://0/",
    "https://0.0.0.0/",
    "https://127.0.0.1./",
    "https://127.1./",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://a.localhost/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0251.0376.0251.0376/",
    "https://192.0.0.8/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[fd00::1]/",
    "https://[ff0e::1]/",
    "http://example.com/",
]
NONSENSE = [
    "",
    "example.com",
    "//example.com/",
    "https:example.com",
    "https:///example.com",
    "https://",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:70/",
    "https://user@example.com/",
    "https://user:secret@example.com/",
    "https://@127.0.0.1/",
    "https://example.com@127.0.0.1/",
    "https://example.com\\@127.0.0.1/",
    "https://127.0.0.1\\.example.com/",
    "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
    "https://127\u30020\u30020\u30021/",
    "https://\u2460\u2461\u2466.0.0.1/",
    "https://\u24dbocalhost/",
    "https://m\xfcnchen.example/",
    "https://\u212a.example/",
    "http\u017f://example.com/",
    "https://%31%32%37.0.0.1/",
    "https://127.0.0.1%00.example.com/",
    "https://127.0.0.1\x00/",
    "https://exam\nple.com/",
    "https://example.com/\r\nHost: other",
    "https://example.com/ x",
    " https://example.com/",
    "https://example.com/\n",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[127.0.0.1/",
    "https://[]/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:-1/",
    "https://example.com:\u0661/",
    "https://example..com/",
    "https://.example.com/",
    "https://example.com../",
    "https://-x.example/",
    f"https://{'a' * 64}.example/",
    f"https://{'a.' * 130}example/",
    f"https://example.com/{'x' * 2000}",
    "https://example.com/\ud800",
]
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("url", INWARD)
def test_an_address_of_ours_is_refused_without_dns(url: str) -> None:
    with pytest.raises(ForbiddenAddress):
        checked_target(url)


@pytest.mark.parametrize("url", NONSENSE, ids=ascii)
def test_what_two_programs_could_read_differently_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match=r"Send https|no such port|too long"):
        checked_target(url)


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Example.COM.:443/Path?q=1#part", "https://example.com/Path?q=1"),
        ("https://example.com:8443?q", "https://example.com:8443/?q"),
        ("https://xn--mnchen-3ya.example/", "https://xn--mnchen-3ya.example/"),
        ("https://[2606:4700:4700::1111]:8443/", "https://[2606:4700:4700::1111]:8443/"),
        ("https://8.8.8.8/%7e", "https://8.8.8.8/%7e"),
    ],
)
def test_a_public_address_is_taken_in_its_plain_form(url: str, plain: str) -> None:
    assert str(checked_target(url)) == plain
    assert str(checked_target(plain)) == plain


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str) -> None:
    assert permitted(ip_address(address))


def test_networks_that_were_allowed_are_open_and_no_others(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8"), ip_network("10.1.0.0/16")]
    for url in ("https://127.1/", "https://localhost/", "https://10.1.2.3/", "https://[::ffff:10.1.2.3]/"):
        checked_target(url)
    with pytest.raises(ForbiddenAddress):
        checked_target("https://10.2.0.1/")


def test_plain_http_is_for_those_who_allow_it(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_HTTP = True
    assert str(checked_target("http://example.com:80/x")) == "http://example.com/x"


class Names:
    """A resolver that knows what it was told."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, port)) for address in self.addresses]


@pytest.mark.parametrize("found", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["2606:4700::1", "fe80::1%2"], ["::ffff:192.168.0.1"]])
def test_a_name_with_one_address_that_is_not_public_is_refused(found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names(*found))
    with pytest.raises(ForbiddenAddress):
        addresses_of("rebound.example", 443)


def test_a_name_leads_to_its_addresses_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names("8.8.8.8", "8.8.4.4", "8.8.8.8"))
    assert addresses_of("dns.example", 443) == ["8.8.8.8", "8.8.4.4"]
