"""Whether the models of agents have prices, where something is to be kept within a budget."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.backends.agents import Agent, AgentFault
from shared.errors import ConfigurationError
from shared.protocol.faults import Fault, shown


@dataclass(frozen=True, kw_only=True)
class Pricing:
    """`priced` says whether it is known what a model costs; `budget`: every tenant has one, so
    that each agent must be priced. Otherwise those must that have limits in dollars."""

    priced: Callable[[str], bool]
    budget: bool = False

    def check(self, agent: Agent, values: Mapping[Any, Any]) -> None:
        """Whether the agent's spending can be counted, whichever of its models is used. `values`
        are the configuration as it was written.

        Raises:
            AgentFault: one of them has no price.
        """
        limits = agent.limits
        own = [name for name in ("turn_usd", "conversation_usd") if getattr(limits, name, None)]
        if not (own or self.budget):
            return
        why = f"limits.{own[0]}" if own else "TENANT_USD_PER_DAY"
        named = "model" in values
        at: tuple[str | int, ...] = ("model",) if named else ("limits", *own[:1])
        places = [(at, agent.model)]
        places += [(("models_allowed", n), model) for n, model in enumerate(agent.models_allowed)]
        for path, model in places:
            if not self.priced(model):
                raise AgentFault(Fault(path, _reason(model, why)))

    def check_settings(self, models: Mapping[str, str]) -> None:
        """The same of the models that variables name, where every tenant has a budget.

        Raises:
            ConfigurationError: one of them has no price.
        """
        for variable, model in models.items():
            if self.budget and not self.priced(model):
                raise ConfigurationError(
                    f'{variable} is "{shown(model)}", whose price is not known, so nobody can keep '
                    "TENANT_USD_PER_DAY. Add it to the file that MODEL_PRICES names, or choose "
                    "another model."
                )


def _reason(model: str, why: str) -> str:
    return (
        f'cannot be kept within {why}: the price of "{shown(model)}" is not known; '
        "add it to the file that MODEL_PRICES names, or choose another model"
    )
