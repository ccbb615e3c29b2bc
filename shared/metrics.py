"""Metrics: numbers about the running system, for alarms and dashboards."""

from typing import Protocol

NAMESPACE = "Parley"


class Metrics(Protocol):
    def seconds(self, name: str, value: float) -> None:
        """Note one duration."""
        ...


class EmbeddedMetrics:
    """CloudWatch's embedded metric format: a line on standard output, which Lambda's logs turn
    into a metric."""

    def seconds(self, name: str, value: float) -> None:
        from aws_lambda_powertools.metrics import MetricUnit, single_metric

        with single_metric(name=name, unit=MetricUnit.Seconds, value=value, namespace=NAMESPACE):
            return


class NoMetrics:
    """For a laptop, where nobody collects them."""

    def seconds(self, name: str, value: float) -> None:
        return
