# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the whole result of the task that product.py runs where the environment says, if it does."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: keep_result
type: notification
short_description: Keep the whole result of a task
description:
  - Writes it as JSON into the file that the environment variable VNET_RESULT names, if there is one.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """One file for one task on one host."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "keep_result"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        self._keep(result, failed=False)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._keep(result, failed=True)

    def _keep(self, result: Any, failed: bool) -> None:
        if "VNET_RESULT" in os.environ:
            found = {"changed": False, **result.result, "failed": failed}
            Path(os.environ["VNET_RESULT"]).write_text(json.dumps(found), encoding="utf-8")
