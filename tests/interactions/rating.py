"""A third kind: one file, and one entry where the kinds are listed."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from shared.interactions.port import SUBMIT_TOOL, FieldFault, InvalidValues, Raised
from shared.interactions.reading import Asked, Shape, raised_of, read, read_arguments
from shared.interactions.schemas import REASON, fields


class _Asked(Asked):
    most: int = Field(5, ge=2, le=10)


class _Values(Shape):
    stars: Annotated[int, Field(ge=1, le=10, strict=True)]


class Rating:
    name = "rating"
    capability = "stars"
    tool = "request_rating"
    description = "Ask the user how many stars they give."
    parameters = fields({"most": {"type": "integer"}, "reason": REASON}, required=[])

    def raised(self, arguments: Mapping[str, Any]) -> Raised:
        return raised_of(read_arguments(_Asked, arguments))

    def validate(self, spec: Mapping[str, Any], values: Any) -> dict[str, Any]:
        given = read(_Values, values)
        if isinstance(given, list):
            raise InvalidValues(FieldFault(fault.field or "stars", fault.reason) for fault in given)
        if given.stars > spec["most"]:
            raise InvalidValues([FieldFault("stars", f"must be at most {spec['most']}")])
        return given.model_dump()

    def validate_alone(self, values: Any) -> dict[str, Any]:
        return self.validate({"most": 10}, values)

    def ask(self, raised: Raised) -> str:
        most = raised.spec["most"]
        return f"Ask for 1 to {most} stars, then call {SUBMIT_TOOL} with kind {self.name}."

    def contact(self, values: Mapping[str, Any]) -> dict[str, str]:
        return {}
