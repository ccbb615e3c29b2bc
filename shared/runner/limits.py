"""What an agent's turns and conversations may take, by its configuration."""

from dataclasses import dataclass

from shared.errors import TurnFailed
from shared.models.port import Usage


@dataclass(frozen=True, kw_only=True)
class Limits:
    """None is no limit of the agent's own. Dollars are whole billionths of one."""

    turn_seconds: float | None = None
    turn_nano_usd: int | None = None
    conversation_nano_usd: int | None = None

    @property
    def in_dollars(self) -> bool:
        """Whether one of them can only be kept where the price of the model is known."""
        return self.turn_nano_usd is not None or self.conversation_nano_usd is not None

    def check(self, turn: Usage, earlier: int = 0) -> None:
        """Before each call of a model. `turn` is what this turn has cost, and `earlier` (nano-USD)
        what the turns of its conversation before it have.

        Raises:
            TurnFailed: BUDGET_EXCEEDED; or a cost is not known, and there is a limit to it.
        """
        if not self.in_dollars:
            return
        if turn.cost_nano_usd is None:
            raise unknown_price()
        if self.turn_nano_usd is not None and turn.cost_nano_usd >= self.turn_nano_usd:
            raise used_up("turn")
        spent = earlier + turn.cost_nano_usd
        if self.conversation_nano_usd is not None and spent >= self.conversation_nano_usd:
            raise used_up("conversation")


NO_LIMITS = Limits()

_USED_UP = {
    "turn": "The budget of this turn is used up.",
    "conversation": "The budget of this conversation is used up. Begin a new one.",
    "tenant": "Today's budget is used up.",
}


def used_up(limit: str) -> TurnFailed:
    """The refusal to spend more than the budget of a `turn`, a `conversation` or a `tenant`."""
    return TurnFailed(_USED_UP[limit], code="BUDGET_EXCEEDED", details={"limit": limit})


def unknown_price() -> TurnFailed:
    """The refusal to spend what nobody can count, where there is a budget."""
    return TurnFailed(
        "There is a budget, and the price of this turn's model is not known. "
        "Choose another model, or add this one to the price list (MODEL_PRICES)."
    )
