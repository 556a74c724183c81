# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions of networks with every element that libvirt's description of its format names (11.3, formatnetwork.html), and every
example there, each for an inactive network; but PCI addresses, which libvirt takes only where virtual functions have them.

They speak of LINKS of the host, beside those that it has."""

from __future__ import annotations

LINKS = ("br0", "eth10", "eth20", "eth21", "ovsbr0")
_HEAD = "xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'"
EXAMPLES = {
    "x-nat": """<network ipv6='yes' trustGuestRxFilters='yes'>
<uuid>3e3fce45-4f53-4fa7-bb32-11f34168b82b</uuid>
<metadata><app:info xmlns:app='http://example.org/app'><app:owner>ops</app:owner></app:info></metadata>
<forward mode='nat'><nat ipv6='yes'><address start='192.0.2.4' end='192.0.2.10'/><port start='500' end='1000'/></nat></forward>
<bridge name='virbr20' stp='off' delay='5' macTableManager='libvirt'/><mac address='52:54:00:12:34:56'/><mtu size='9000'/>
<domain name='example.com' localOnly='yes'/>
<dns enable='yes' forwardPlainNames='no'><forwarder addr='192.0.2.53'/><forwarder domain='example.com' addr='192.0.2.54'/>
<forwarder domain='www.example.com'/><txt name='example' value='example value'/>
<host ip='192.168.20.2'><hostname>myhost</hostname><hostname>myhostalias</hostname></host>
<srv service='name' protocol='tcp' domain='test-domain-name.com' target='.' port='1024' priority='10' weight='10'/></dns>
<ip address='192.168.20.1' netmask='255.255.255.0' localPtr='yes'><tftp root='/srv'/><dhcp>
<range start='192.168.20.100' end='192.168.20.254'><lease expiry='1' unit='hours'/></range>
<host mac='00:16:3E:77:e2:ed' name='foo.example.com' ip='192.168.20.10'><lease expiry='30'/></host>
<host mac='00:16:3e:3e:a9:1a' name='bar.example.com' ip='192.168.20.11'/><bootp file='pxelinux.0' server='192.168.20.3'/></dhcp></ip>
<ip family='ipv4' address='192.168.21.1' prefix='24'/>
<ip family='ipv6' address='2001:db8:ca2:2::1' prefix='64'><dhcp><range start='2001:db8:ca2:2:1::10' end='2001:db8:ca2:2:1::ff'/>
<host name='paul' ip='2001:db8:ca2:2:3::1'/><host id='0:1:0:1:18:aa:62:fe:0:16:3e:44:55:66' ip='2001:db8:ca2:2:3::2'/></dhcp></ip>
<route address='192.168.222.0' netmask='255.255.255.0' gateway='192.168.20.5' metric='2'/>
<route family='ipv6' address='2001:db8:ca2:3::' prefix='64' gateway='2001:db8:ca2:2::2'/></network>""",
    "x-options": f"""<network {_HEAD}><forward mode='nat'/><bridge name='virbr22' stp='on' delay='0'/>
<bandwidth><inbound average='1000' peak='5000' burst='5120'/><outbound average='128' peak='256' burst='256'/></bandwidth>
<port isolated='yes'/>
<portgroup name='slow' default='yes'><bandwidth><inbound average='1000' peak='5000' burst='5120'/></bandwidth></portgroup>
<ip address='192.168.24.1' netmask='255.255.255.0'/>
<dnsmasq:options><dnsmasq:option value='foo=bar'/><dnsmasq:option value='cname=*.foo.example.com,master.example.com'/></dnsmasq:options></network>""",
    "x-route": """<network><forward dev='eth1' mode='route'><interface dev='eth1'/></forward><bridge name='virbr23'/>
<ip address='192.168.25.1' netmask='255.255.255.0'/><ip family='ipv6' address='2001:db8:ca2:5::1' prefix='64'/></network>""",
    "x-open": "<network><forward mode='open'/><bridge name='virbr24'/><ip address='192.168.26.1' prefix='24'/></network>",
    "x-isolated": "<network ipv6='yes'><bridge name='virbr25'/></network>",
    "x-unnamed": "<network><bridge stp='on'/><ip address='192.168.27.1' prefix='24'/></network>",
    "x-macvtap": """<network><forward mode='bridge'><interface dev='eth0'/><interface dev='eth1'/></forward>
<portgroup name='engineering' default='yes'><virtualport type='802.1Qbh'><parameters profileid='test'/></virtualport></portgroup>
<portgroup name='accounting' trustGuestRxFilters='yes'><virtualport type='802.1Qbg'>
<parameters managerid='11' typeid='1193047' typeidversion='2' instanceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport></portgroup></network>""",
    "x-private": "<network><forward mode='private' dev='eth1'/></network>",
    "x-vepa": "<network><forward mode='vepa'><interface dev='eth1'/></forward></network>",
    "x-passthrough": "<network><forward mode='passthrough'><pf dev='eth1'/></forward></network>",
    "x-ovs": """<network><forward mode='bridge'/><bridge name='ovsbr0'/>
<virtualport type='openvswitch'><parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport>
<vlan trunk='yes'><tag id='42' nativeMode='untagged'/><tag id='47'/></vlan>
<portgroup name='dontpanic'><vlan><tag id='42'/></vlan></portgroup></network>""",
    "x-identity": """<network connections='3'><uuid>3e3fce45-4f53-4fa7-bb32-11f34168b82c</uuid>
<metadata><app1:foo xmlns:app1='http://app1.org/app1/'>..</app1:foo><app2:bar xmlns:app2='http://app1.org/app2/'>..</app2:bar></metadata>
<bridge name='virbr40' stp='on' delay='5' macTableManager='kernel' zone='internal'/><domain name='example.com' localOnly='no'/></network>""",
    "x-shared-ports": "<network><forward mode='bridge'/><bridge name='br0'/><port isolated='yes'/></network>",
    "x-hostdev": """<network><forward mode='hostdev' managed='yes'><driver name='vfio'/><pf dev='eth0'/></forward><vlan><tag id='42'/></vlan>
<virtualport type='802.1Qbh'><parameters profileid='finance'/></virtualport>
<portgroup name='slow'><vlan trunk='yes'><tag id='3'/><tag id='4' nativeMode='tagged'/></vlan></portgroup></network>""",
    "x-passthrough-devs": "<network><forward mode='passthrough'><interface dev='eth20'/><interface dev='eth21'/></forward></network>",
    "x-leases": """<network><forward mode='nat' dev='eth10'><nat><address start='192.0.2.4' end='192.0.2.10'/></nat></forward><bridge name='virbr41'/>
<dns><srv service='ldap' protocol='udp'/></dns><ip address='192.168.41.1' netmask='255.255.255.0'><dhcp>
<range start='192.168.41.100' end='192.168.41.254'><lease expiry='0'/></range><range start='192.168.41.50' end='192.168.41.60'/>
<host mac='00:16:3e:77:e2:ee' ip='192.168.41.10'><lease expiry='150' unit='seconds'/></host>
<host name='unnumbered' ip='192.168.41.12'/></dhcp></ip></network>""",
    "x-no-dns": "<network><bridge name='virbr42'/><dns enable='no'/><ip address='192.168.42.1' prefix='24'/></network>",
    "x-nat-six": """<network><bridge name='virbr43'/><forward mode='nat'><nat ipv6='yes'><port start='1024' end='65535'/></nat></forward>
<ip address='192.168.43.1' netmask='255.255.255.0'><dhcp><range start='192.168.43.2' end='192.168.43.254'/></dhcp></ip>
<ip family='ipv6' address='fd00:43::1' prefix='64'/></network>""",
    "x-route-six": """<network><bridge name='virbr44'/><forward mode='route'/><ip family='ipv6' address='2001:db8:ca2:7::1' prefix='64'>
<dhcp><range start='2001:db8:ca2:7::100' end='2001:db8:ca2:7::1ff'/>
<host id='0:4:7e:7d:f0:7d:a8:bc:c5:d2:13:32:11:ed:16:ea:84:63' name='lucas' ip='2001:db8:ca2:7:3::4'/></dhcp></ip>
<route family='ipv6' address='2001:db8:ca2:8::' prefix='64' gateway='2001:db8:ca2:7::4'/></network>""",
    "x-isolated-six": """<network><bridge name='virbr45'/><ip family='ipv6' address='2001:db8:ca2:6::1' prefix='64'><dhcp>
<host name='peter' ip='2001:db8:ca2:6:6::1'/><host id='0:3:0:1:0:16:3e:11:22:33' name='dariusz' ip='2001:db8:ca2:6:6::3'/></dhcp></ip></network>""",
    "x-no-gateway": "<network ipv6='yes'><bridge name='virbr46' stp='on' delay='0'/><mac address='00:16:3E:5D:C7:9E'/></network>",
}
# What only a later libvirt takes in, by the first that does.
LATER = {
    (9, 7): {
        "x-titled": """<network><title>A short description - title - of the network</title>
<description>Some human readable description</description><bridge name='virbr47'/></network>"""
    },
    (10, 1): {"x-registered": "<network><bridge name='virbr48'/><domain name='example.net' localOnly='yes' register='yes'/></network>"},
}
