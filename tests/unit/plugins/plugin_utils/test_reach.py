# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the host's program says, as it comes out of a shell."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleError

from ansible_collections.hypervisor.vnet.plugins.plugin_utils import reach
from ansible_collections.hypervisor.vnet.plugins.plugin_utils.reach import Reach, read_answer
from ansible_collections.hypervisor.vnet.tests.unit.plugins.plugin_utils.pretend_connection import Pretended

ANSWERS = [
    ("one line", '{"state": "running"}', {"state": "running"}),
    ("a terminal's lines", 'Welcome {to} this host\r\n{"state":\r\n "running"}\r\n', {"state": "running"}),
    ("noise around it", '{"not json\nlecture\n  {"state": "running"} bye\n', {"state": "running"}),
]


@pytest.mark.parametrize(("case", "text", "answer"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_the_answer_is_found_in_what_the_shell_says(case, text, answer):
    assert read_answer(["result"], {"rc": 0, "stdout": text, "stderr": ""}) == answer


@pytest.mark.parametrize(
    "said",
    ["python3: can't open file '/var/lib/hypervisor-vnet/hypervisor-vnet': [Errno 2] No such file", "sh: 1: hypervisor-vnet: not found"],
)
def test_a_host_without_the_program_knows_nothing(said):
    assert read_answer(["result"], {"rc": 2, "stdout": "", "stderr": said}) == {"state": "unknown"}


def test_anything_else_is_told():
    with pytest.raises(AnsibleError, match="hypervisor-vnet result ended with 1: Traceback: boom"):
        read_answer(["result"], {"rc": 1, "stdout": "", "stderr": "Traceback:\n boom"})


def test_a_host_that_takes_long_gets_more_time_at_each_attempt(tmp_path, monkeypatch):
    asked = []

    def in_vain(attempts, limit):
        asked.append(limit)
        return None, None, {"web1": "no answer"}

    monkeypatch.setattr(reach, "race", in_vain)
    host = Reach(SimpleNamespace(_connection=Pretended(tmp_path)), {})
    for _number in range(5):
        assert not host.ask(["result"], 2.0, fresh=True).answer
    assert asked == [17.0, 32.0, 62.0, 62.0, 62.0]
