"""What CloudFormation would make of a template's functions, with stand-ins for what only AWS knows."""

from __future__ import annotations

import re
from typing import Any

Template = dict[str, Any]

_PSEUDO = {
    "AWS::AccountId": "111122223333",
    "AWS::Region": "us-east-1",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "Stack",
    "AWS::StackId": "arn:aws:cloudformation:us-east-1:111122223333:stack/Stack/1",
}


def _attribute(id: str, name: str) -> str:
    return {"Arn": f"arn:aws:iam::111122223333:role/{id}", "GroupId": "sg-0a1b2c3d"}.get(name, id)


class Resolver:
    """Resolves the functions of one template."""

    def __init__(self, template: Template) -> None:
        self._template = template

    def properties(self, id: str) -> dict[str, Any]:
        """The properties of resource `id`, without functions."""
        resolved: dict[str, Any] = self._value(self._template["Resources"][id].get("Properties", {}))
        return resolved

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, argument)
        return {name: self._value(item) for name, item in value.items()}

    def _function(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return self._reference(argument)
            case "Fn::GetAtt":
                return _attribute(*argument)
            case "Fn::Join":
                separator, parts = argument
                return separator.join(str(self._value(part)) for part in parts)
            case "Fn::Sub":
                return re.sub(r"\$\{([^}!]+)\}", lambda found: str(self._reference(found[1])), argument)
            case "Fn::Select":
                index, items = argument
                return self._value(items)[int(index)]
            case "Fn::Split":
                separator, text = argument
                return str(self._value(text)).split(separator)
            case "Fn::FindInMap":
                mapping, key, entry = argument
                return self._template["Mappings"][mapping][self._value(key)][entry]
            case "Fn::ImportValue":
                return "imported"
        raise AssertionError(f"a function the tests do not know: {name}")

    def _reference(self, id: str) -> Any:
        if id in _PSEUDO:
            return _PSEUDO[id]
        if id in self._template.get("Parameters", {}):
            return self._template["Parameters"][id]["Default"]
        topic = self._template["Resources"][id]["Type"] == "AWS::SNS::Topic"
        return f"arn:aws:sns:us-east-1:111122223333:{id}" if topic else id
