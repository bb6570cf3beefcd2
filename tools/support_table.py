"""Print `docs/support.md`: what each kind of endpoint offers, and why it does not offer the rest.

python -m tools.support_table > docs/support.md
"""

from __future__ import annotations

from constructs_lib.hosting.support import ABSENT, FEATURES, REFUSED, Feature, Kind

_INTRODUCTION = """\
# What each kind of endpoint offers

<!-- Made by `python -m tools.support_table`. Do not edit. -->

The same values serve all kinds of endpoints: `Rollout`, `AutoScaling`, `DataCapture`, keys, networks. Where
SageMaker does not allow one, the construct refuses it at synthesis with the [rule](rules.md) that stands here,
and the error says what to do instead.

- **yes**: ask for it as the first column says. On a `ComponentEndpoint`, scaling, rollout and model are those
  of `add_component`; the rest is the endpoint's.
- **no**: refused, for this reason and by this rule.
- **—**: there is no parameter for it; where to find it instead.
"""


def cell(kind: Kind, feature: Feature) -> str:
    """What the table says of one feature of one kind."""
    if feature in ABSENT[kind]:
        return f"—: {ABSENT[kind][feature]}"
    refusal = REFUSED[kind].get(feature)
    return "yes" if refusal is None else f"no: {refusal.reason} (`{refusal.rule.id}`)"


def page() -> str:
    """The whole page."""
    kinds = list(Kind)
    rows = [
        ["", *(f"`{kind.value}`" for kind in kinds)],
        ["---"] * (len(kinds) + 1),
        *([feature.title, *(cell(kind, feature) for kind in kinds)] for feature in FEATURES),
    ]
    return "\n".join([_INTRODUCTION, *(f"| {' | '.join(row)} |" for row in rows), ""])


if __name__ == "__main__":
    print(page(), end="")
