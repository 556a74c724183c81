# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of guests, of what holds for all their guards, of QEMU's own files, and of xl's."""

from __future__ import annotations

_RULE = r"""
  type: list
  elements: dict
  suboptions:
    direction:
      description:
        - V(from) the guest or V(to) it.
      type: str
      choices: [from, to]
      required: true
    address:
      description:
        - Address or network of the other side. Any without it.
      type: str
    protocol:
      description:
        - Any without it.
      type: str
      choices: [ah, esp, gre, icmp, icmpv6, sctp, tcp, udp]
    port:
      description:
        - Destination port of V(tcp), V(udp) or V(sctp).
      type: int
"""

_TAP = r"""
owner:
  description:
    - The user who may open the tap, as a name or number of the host. Root only when it is left out.
  type: str
group:
  description:
    - The group whose members may open the tap, as a name or number of the host.
  type: str
multi_queue:
  description:
    - Whether QEMU can open it several times, once for each queue. The default is what C(queues) of O(guests[].interfaces[].qemu) asks for.
  type: bool
vnet_hdr:
  description:
    - Whether frames carry a virtio header. QEMU says it anew when it opens the tap.
  type: bool
mtu:
  description:
    - MTU of the host's end. The default is O(guests[].interfaces[].mtu), else the bridge's.
  type: int
mac:
  description:
    - MAC address of the host's end, not of the guest.
  type: str
isolated:
  description:
    - Whether the port is isolated. Isolated ports of a bridge reach its other ports, and not each other.
  type: bool
up:
  description:
    - Whether the tap is switched on, which is the default.
  type: bool
rate:
  description:
    - Limits for what goes to the guest and what comes from it, with units of tc, as in V(10mbit), V(1.5gbit), or V(2mbps) for bytes.
  type: dict
  suboptions:
    to_guest:
      description:
        - What the guest may get. Frames wait in a queue of 50 ms, then they are dropped.
      type: str
    from_guest:
      description:
        - What the guest may send. What is more is dropped.
      type: str
vlan:
  description:
    - The VLANs of the port, on a bridge with C(vlan_filtering), as in M(hypervisor.vnet.kvm_tap).
    - A guard refuses frames with a VLAN tag, so a trunk needs O(guests[].interfaces[].guarded=false).
  type: dict
  suboptions:
    access:
      description:
        - The one VLAN of a guest that knows of none, 1 to 4094.
      type: int
    trunk:
      description:
        - The VLANs of a guest that tags its frames, as numbers and ranges.
      type: list
      elements: str
    native:
      description:
        - The VLAN of frames without a tag, beside a trunk. Without it they are dropped.
      type: int
"""

_GUARD = rf"""
dhcp_client:
  description:
    - The guest may ask for a lease.
  type: bool
  default: true
dhcp_server:
  description:
    - The guest may give leases to others.
  type: bool
  default: false
router_advertisements:
  description:
    - The guest is an IPv6 router and may say so.
  type: bool
  default: false
allowed_pairs:
  description:
    - Addresses that the guest shares with others, as VRRP and keepalived do.
  type: list
  elements: dict
  suboptions:
    mac:
      description:
        - The virtual MAC. Without it, the guest's own.
      type: str
    address:
      description:
        - Address or network.
      type: str
      required: true
mode:
  description:
    - V(observe) counts what V(enforce) would drop, and lets it pass.
  type: str
  choices: [enforce, observe]
  default: enforce
log:
  description:
    - Log what is refused to O(log_group).
  type: bool
  default: false
allow:
  description:
    - Exceptions from O(guests[].interfaces[].guard.deny).
{_RULE.strip(chr(10))}
deny:
  description:
    - What the guest may not send or get although its addresses are right.
{_RULE.strip(chr(10))}
"""


def _indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line if line else line for line in text.strip("\n").split("\n"))


class ModuleDocFragment:
    """Fragments V(hypervisor.vnet._guest), V(.guards), V(.qemu) and V(.xl)."""

    # Annotated, because linters that look for plain YAML in an assignment would read the placeholders as such.
    DOCUMENTATION: str = f"""
options:
  guests:
    description:
      - The guests that may run on this host, all in one call. The filter P(hypervisor.vnet.merge_guests#filter) picks those of the host, and fills
        in names and MAC addresses.
      - Each interface gets a tap in its network's bridge, and a guard that lets it send from its own addresses only.
      - With O(state=absent) only the names of the interfaces count.
      - Without it, taps and guards stay as they are.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the guest.
        type: str
        required: true
      toolstack:
        description:
          - What runs the guest. This version knows V(qemu), V(xl), V(xm) and V(libvirt).
          - V(xl) and V(xm) make the interfaces of Xen guests when they start them (C(vifname) in their files is their name here). They have guards,
            which stand by name before the guest does, and no taps. One with a O(guests[].interfaces[].model) has an emulated card, which is guarded as
            C(NAME-emu).
          - V(libvirt) makes the interfaces of its domains, as it is told here. The domain O(guests[].name) must be defined on the host. Its interface with this
            MAC is plugged in or changed, in the domain as it runs and as it is stored, and nothing else of it is touched. Of
            O(guests[].interfaces[].tap) it has C(isolated), C(mtu) and C(rate). A new one has the O(guests[].interfaces[].model) V(virtio) unless it says
            another. One that was there before is not removed but as it was before, in all but name, model and MTU at once.
        type: str
        default: qemu
      interfaces:
        description:
          - The guest's interfaces in their order. The same records are what P(hypervisor.vnet.qemu_netdev#filter) and
            P(hypervisor.vnet.guest_network_config#filter) read.
        type: list
        elements: dict
        suboptions:
          network:
            description:
              - The network that the guest is in, one of O(networks) or of an earlier call by its name, or any bridge of the host. With V(libvirt) for
                O(guests[].toolstack), any network of libvirt, too.
            type: str
          name:
            description:
              - Name of the tap, or of the interface of a Xen guest or a domain of libvirt. libvirt forgets names that begin with C(vnet).
            type: str
          mac:
            description:
              - MAC address of the guest's card.
            type: str
          addresses:
            description:
              - The guest's addresses, with or without the prefix length of their network. What begins its network, as in V(10.0.0.8/29), is the
                whole network.
              - V(auto) takes a free address of each family of the network, which the guest keeps as long as it is declared. The network must
                be a declared one without an uplink. RV(assigned) tells the address, and M(hypervisor.vnet.vnet_info) does so later.
              - V(none4) or V(none6) blocks a family altogether, V(none) both. An interface without addresses is refused.
            type: list
            elements: str
          guarded:
            description:
              - V(false) lets the guest send what it likes. It may be needed for a guest that is a bridge itself.
            type: bool
            default: true
          tap:
            description:
              - What the tap has beside what follows from the rest, as in M(hypervisor.vnet.kvm_tap).
            type: dict
            suboptions:
{_indented(_TAP, 14)}
          guard:
            description:
              - What the guard has beside what follows from the rest, as in M(hypervisor.vnet.antispoof).
            type: dict
            suboptions:
{_indented(_GUARD, 14)}
          mtu:
            description:
              - MTU of the guest's card.
            type: int
          model:
            description:
              - The guest's card, for P(hypervisor.vnet.qemu_netdev#filter) and for libvirt.
            type: str
          qemu:
            description:
              - Options of QEMU, for P(hypervisor.vnet.qemu_netdev#filter).
              - An interface whose C(type) is not V(tap), or whose tap others make (C(fd), C(fds), C(helper)), has neither tap nor guard here.
            type: dict
          device:
            description:
              - Name of the interface inside the guest, for P(hypervisor.vnet.guest_network_config#filter), as are the following.
            type: str
          gateway4:
            description:
              - The guest's default gateway for IPv4.
            type: str
          gateway6:
            description:
              - The guest's default gateway for IPv6.
            type: str
          dns:
            description:
              - The guest's DNS servers.
            type: list
            elements: str
          dns_search:
            description:
              - Domains that the guest searches.
            type: list
            elements: str
          dhcp4:
            description:
              - Whether the guest asks for a lease of IPv4.
            type: bool
          dhcp6:
            description:
              - Whether the guest asks for a lease of IPv6.
            type: bool
          accept_ra:
            description:
              - Whether the guest follows router advertisements.
            type: bool
"""

    GUARDS = r"""
options:
  unlisted_ports:
    description:
      - What happens to frames from ports of bridges that have no guard. V(drop) closes those whose names O(match); V(untouched) opens them again.
      - V(keep) leaves it as it is, which is V(untouched) at first. It is one setting for the whole host, whatever the O(owner).
    type: str
    choices: [keep, untouched, drop]
    default: keep
  match:
    description:
      - Beginnings of the names that O(unlisted_ports=drop) is about.
    type: list
    elements: str
    default: [vif*, tap*]
  log_group:
    description:
      - The NFLOG group for what guards log. It is one setting for the whole host, 0 at first.
    type: int
  conntrack:
    description:
      - Whether the host tracks, as connections, the packets of guarded guests that go from port to port of a bridge. It matters where
        br_netfilter is on (C(net.bridge.bridge-nf-call-iptables)), as Docker and older Xen hosts have it.
      - V(bypass) leaves them out, in both directions, as C(-t raw -j NOTRACK) does. What the host routes, what is meant for the host itself,
        and broadcasts stay tracked. A packet filter with states then sees those packets as C(untracked).
      - V(keep) leaves it as it is, which is V(track) at first. It is one setting for the whole host.
    type: str
    choices: [keep, track, bypass]
    default: keep
"""

    QEMU = r"""
options:
  qemu_acl:
    description:
      - The bridges that QEMU's setuid helper may plug guests of anybody on this host into, V([]) for none. They stand in C(/etc/qemu/bridge.conf)
        between two marks of ours, and lines of others stay as they are.
      - Guests that come this way have no guard, because their taps get a new name each time.
      - Without it the file stays as it is.
    type: list
    elements: str
  qemu_scripts:
    description:
      - V(enable) makes C(/etc/qemu-ifup) and C(/etc/qemu-ifdown) ours, which QEMU runs for a tap unless it is told C(script=no). They plug a declared
        tap into its bridge, and refuse one that is not declared. V(disable) gives the host back the scripts that it had.
      - Distributions' own script plugs the tap into the bridge of the default route, declared or not.
    type: str
    choices: [keep, enable, disable]
    default: keep
"""

    XL = r"""
options:
  xl_defaults:
    description:
      - What xl gives to a vif of which the guest's own file says nothing else, V({}) for xl's own defaults. It stands in C(/etc/xen/xl.conf) between two
        marks of ours, and lines of others stay as they are. Ours count where both say something.
      - It is for guests that start and interfaces that are attached from then on.
      - It goes with O(state=absent), and with O(prune) when O(guests) is given and this is not, if it was declared by the same O(owner).
      - Without it, and without O(prune), the file stays as it is.
    type: dict
    suboptions:
      script:
        description:
          - The hotplug script, as a name in C(/etc/xen/scripts) or a whole path.
        type: str
      bridge:
        description:
          - The bridge. It must be there, or be declared.
        type: str
      gatewaydev:
        description:
          - The interface of the host whose address C(vif-route) takes.
        type: str
      backend:
        description:
          - Name or number of the domain that is the other end.
        type: str
"""
