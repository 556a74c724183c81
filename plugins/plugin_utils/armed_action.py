# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The action plugin that all mutating modules share: it runs the module, and confirms what the module has armed."""

from __future__ import annotations

import os
import platform
import typing as t
import uuid

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError

from .armed import Armed, ArmedRun, ConnectionLost, Result
from .confirm import Clock, Confirmation, Ending, Span
from .contact import Bounded
from .ending import task_result
from .kept_action import KeptAction
from .place import Place
from .reach import Reach

TIMEOUT = 120
FACT = "vnet_checkpoint"
# Seconds. What is left of the module on the host is removed within this time, or stays.
CLEANING = 20.0
Variables = t.Mapping[str, t.Any]


class ArmedAction(KeptAction):
    """Every contact with the host ends, whatever becomes of its network."""

    _connection: t.Any
    _clock = Clock()
    _reach: Reach | None = None
    _place: Place | None = None

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        if self._task.async_val:
            raise AnsibleActionFail(
                f"{self._task.action} cannot run with async: it has to prove over a new connection that the host can still be reached. "
                "Remove async and poll; confirm_timeout limits how long the host stays unconfirmed."
            )
        return super().run(tmp, task_vars)

    def cleanup(self, force: bool = False) -> None:
        """A host that cannot be reached must not turn a task that has told its result into an unreachable one."""
        if isinstance(self._connection, Bounded):
            object.__setattr__(self._connection, "watch", self._clean_in_time)
        try:
            super().cleanup(force)
        except AnsibleError as error:
            self._display.vv(f"{self._task.action}: the module's temporary files stay on the host: {error}")

    def _act(self, task_vars: dict[str, t.Any]) -> Result:
        timeout = self._timeout("confirm_timeout")
        checkpoint = open_checkpoint(self._host_vars(task_vars))
        if self._task.check_mode:
            return self._unarmed({"checkpoint": checkpoint}, task_vars)
        # Nobody is cut off from himself.
        at_home = self._connection.transport == "local" and self._task.args.get("confirm") != "always"
        span_id = checkpoint or ("" if at_home else uuid.uuid4().hex)
        if (timeout == 0 or not span_id) and not checkpoint:
            return self._unarmed({"checkpoint": span_id}, task_vars)
        armed = self._run_armed(span_id, timeout or TIMEOUT, task_vars, joined=bool(checkpoint))
        return self._settled(armed, armed.span, task_vars) if armed.span else armed.result

    def _run_armed(self, span_id: str, timeout: float, task_vars: dict[str, t.Any], joined: bool = False) -> Armed:
        """Run the module under a span; what is raised when nothing is armed is what ansible-core itself would raise."""
        reach = self._reached(task_vars)
        reach.learn(declared_addresses(self._task.args))
        reach.greet()
        run = ArmedRun(reach, span_id, timeout, self._clock, joined)

        def module(watch: t.Callable[[float], float]) -> Result:
            self._connection = Bounded(self._connection, watch)
            try:
                return self._module({"checkpoint": span_id}, task_vars, reach.program)
            except AnsibleConnectionFailure as error:
                raise ConnectionLost from error

        try:
            return run.result(module)
        except ConnectionLost as lost:
            reach.drop(force=True)
            raise lost.__cause__ or AnsibleConnectionFailure(f"{reach.place.name} does not answer any more") from None

    def _settled(self, armed: Armed, span: Span, task_vars: dict[str, t.Any]) -> Result:
        reach = self._reached(task_vars)
        if armed.addresses:
            reach.learn(armed.addresses, complete=True)
        began = self._clock.now()
        ending = Confirmation(reach, span, self._teller(task_vars), self._clock).settle()
        final = self._ended(armed.result, ending, span, self._clock.now() - began, task_vars)
        return self._told_where(final, task_vars) if "confirmed" in final and reach.place != self._place else final

    def _ended(self, result: Result, ending: Ending, span: Span, seconds: float, task_vars: dict[str, t.Any]) -> Result:
        if not ending.place:
            # Nothing can be removed on a host that does not answer.
            self._connection._shell.tmpdir = None
        return self._moved(task_result(result, ending, span, seconds), task_vars)

    def _moved(self, result: Result, task_vars: dict[str, t.Any]) -> Result:
        """The rest of the play is led to where the host is now."""
        reach = self._reached(task_vars)
        reach.drop()
        if reach.place == self._place:
            return result
        connection = getattr(self._connection, "real", self._connection)
        return self._register(result, self._host_name(task_vars), reach.place.variables(connection, self._host_vars(task_vars)))

    def _told_where(self, result: Result, task_vars: Variables) -> Result:
        """The inventory has to follow what stays."""
        if not self._reach or not self._reach.place.address:
            return result
        place = self._reach.place.name
        told = f"{self._host_name(task_vars)} is reached at {place} now; set ansible_host in the inventory before the next run"
        return {**result, "warnings": [*(result.get("warnings") or []), told]}

    def _unarmed(self, extra: Variables, task_vars: dict[str, t.Any]) -> Result:
        reach = self._reached(task_vars)
        reach.greet()
        return self._module(extra, task_vars, reach.program)

    def _register(self, result: Result, name: str, variables: dict[str, str]) -> Result:
        if not hasattr(self, "register_host_variables"):
            # Until ansible-core 2.20 the strategy takes this from any action's result.
            return {**result, "add_host": {"host_name": name, "host_vars": variables}}
        if self._task.delegate_to:
            self.add_host(name, host_vars=variables)
        else:
            from ansible.plugins.action import VariableLayer

            self.register_host_variables(variables, VariableLayer.EPHEMERAL_FACT)
        return result

    def _reached(self, task_vars: dict[str, t.Any]) -> Reach:
        if self._reach is None:
            self._reach = Reach(self, self._host_vars(task_vars))
            self._place = self._reach.place
        return self._reach

    def _host_vars(self, task_vars: dict[str, t.Any]) -> Variables:
        """Of the host that the task works on."""
        delegate = self._task.delegate_to
        return t.cast(Variables, task_vars["ansible_delegated_vars"][delegate] if delegate else task_vars)

    def _timeout(self, option: str) -> float:
        try:
            return max(0.0, float(int(self._task.args.get(option, TIMEOUT))))
        except (TypeError, ValueError):
            return TIMEOUT  # the module refuses it, in its own words

    def _teller(self, task_vars: Variables) -> t.Callable[[str], None]:
        return lambda text: self._display.display(f"{self._host_name(task_vars)}: {text}")

    def _host_name(self, task_vars: Variables) -> str:
        return str(self._task.delegate_to or task_vars["inventory_hostname"])

    @staticmethod
    def _clean_in_time(waited: float) -> float:
        if waited >= CLEANING:
            raise AnsibleConnectionFailure(f"no answer within {CLEANING:g} s")
        return CLEANING - waited


def declared_addresses(options: t.Any) -> list[str]:
    """What the user has declared, without prefix lengths: where a host may be whose answer was lost with its old address."""
    if isinstance(options, t.Mapping):
        own = options.get("addresses")
        found = [str(address).partition("/")[0] for address in own] if isinstance(own, (list, tuple)) else []
        return found + declared_addresses([value for key, value in options.items() if key != "addresses"])
    if isinstance(options, (list, tuple)):
        return [address for each in options for address in declared_addresses(each)]
    return []


def controller() -> str:
    """This run of ansible, as far as one can tell: facts may come from a cache that an earlier run filled."""
    return f"{platform.node()}-{os.getppid()}"


def open_checkpoint(host_vars: Variables) -> str:
    """The id of the checkpoint that this run has open on the host; empty when there is none."""
    fact = (host_vars.get("ansible_facts") or {}).get(FACT) or {}
    return str(fact.get("id") or "") if fact.get("controller") == controller() else ""
