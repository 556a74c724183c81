# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Vifs in the words of xl(1), and as people see them."""

from __future__ import annotations

from ..model.vif import DEFAULTS, Vif, Words

# The order of xl-network-configuration(5).
_ORDER = ("mac", "bridge", "gatewaydev", "ip", "script", "backend", "vifname", "rate", "mtu", "vlan", "trusted")


def xl_words(devid: int, words: Words) -> tuple[str, ...]:
    """What `xl network-attach DOMAIN` takes."""
    told = {word: value for word, value in words.items() if (word, value) != ("backend", "Domain-0")}
    if "rate" in told:
        told["rate"] = vif_rate(told["rate"])
    flags = {"trusted": "trusted" if words.get("trusted") == "1" else "untrusted"}
    return (f"devid={devid}", *(flags.get(word, f"{word}={told[word]}") for word in _ORDER if word in told))


def vif_rate(kept: str) -> str:
    """A rate as libxl keeps it, in its own words: such that it comes back as it was."""
    size, span = map(int, kept.split(","))
    # Rounded up, because libxl rounds down.
    return f"{-(-size * 10**6 // span)}B/s@{span}us"


def describe_vif(devid: int, domain: str, words: Words, owner: str = "", status: str = "") -> str:
    """A vif as a paragraph."""
    lines = [f"vif {devid} of {domain}", *([f"  owner {owner}"] if owner else []), *([f"  {status}"] if status else [])]
    shown = {word: words[word] for word in _ORDER if word in words and words[word] not in (DEFAULTS.get(word), "Domain-0")}
    if "rate" in shown:
        shown["rate"] = vif_rate(shown["rate"])
    if "trusted" in shown:
        shown["trusted"] = "no"
    return "\n".join([*lines, *(f"  {word} {value}" for word, value in shown.items()), ""])


def stray_key(vifname: str) -> str:
    """What Debian's vif-bridge leaves in xenstore of a vif with a name: it takes the name apart as if it was vifDOMID.DEVID
    (set_mtu in xen-network-common.sh). Empty where that is a real domain's.
    """
    top = vifname.removeprefix("vif").rpartition(".")[0] or vifname.removeprefix("vif")
    return f"/local/domain/{top}" if vifname and top and not top.isdigit() else ""


def mentions(vif: Vif) -> str:
    """A vif in a sentence."""
    return f"{vif.words.get('vifname') or vif.words.get('mac') or vif.devid} of {vif.domain}"
