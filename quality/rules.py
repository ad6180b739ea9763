"""The catalogue of rules about sources, written from the seed that the models judge by.

`python -m quality.rules seeds/quality_rules.csv docs/rules.md`
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

HEAD = """# Rules about sources

Real feeds break rules every day. What breaks one is a *finding*: a row of
`gold.fct_quality_finding` with the values that show it, the first poll, a severity and who can mend
it; `gold.mart_quality_day` counts them by system and day. A finding never fails a build. A severe
one, where a rule is broken in so large a share of a day's polls that the day means little, holds
its own system back until it is mended.

This page is written by `make docs` from `seeds/quality_rules.csv`; the limits that the rules go by
stand under `vars` in `dbt_project.yml`.
"""


def page(rules: list[Mapping[str, str]]) -> str:
    """Return the catalogue as Markdown, a table of all rules first."""
    lines = [
        HEAD,
        "| rule | about | severity | owner | what should hold |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| [{rule['rule_id']}](#{_anchor(rule)}) | {rule['subject']} | {rule['severity']} "
        f"| {rule['owner']} | {rule['rule']} |"
        for rule in rules
    ]
    for rule in rules:
        lines += ["", *_entry(rule)]
    return "\n".join(lines) + "\n"


def _entry(rule: Mapping[str, str]) -> list[str]:
    severe = ""
    if rule["severe_share"]:
        share = round(100 * float(rule["severe_share"]))
        severe = (
            f", severe from {share} % of a day's polls on, if {rule['severe_polls']} "
            "or more break it"
        )
    return [
        f"## {rule['rule_id']} {rule['rule_name']}",
        "",
        f"{rule['rule']} ({rule['severity']}{severe}; owner: {rule['owner']})",
        "",
        f"- **Example.** {rule['example']}",
        f"- **Reason.** {rule['reason']}",
        f"- **Remedy.** {rule['remedy']}",
    ]


def _anchor(rule: Mapping[str, str]) -> str:
    return f"{rule['rule_id']} {rule['rule_name']}".lower().replace(" ", "-")


def main(seed: Path, target: Path) -> None:
    """Write the catalogue of a seed's rules."""
    with seed.open(encoding="utf-8", newline="") as lines:
        target.write_text(page(list(csv.DictReader(lines))), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
