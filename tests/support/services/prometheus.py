"""/metrics as a Prometheus reads it."""

from collections.abc import Iterator
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.support.services.server_process import TIMEOUT_SECONDS


class Scraped:
    """The samples of one scrape."""

    def __init__(self, text: str) -> None:
        self.families = list(text_string_to_metric_families(text))
        self.samples = [sample for family in self.families for sample in family.samples]

    @classmethod
    def of(cls, url: str) -> "Scraped":
        """What a server tells at this address."""
        with urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
            return cls(answer.read().decode())

    def total(self, name: str, **labels: str) -> float:
        """The sum of a metric over all samples that have these labels; 0 when there are none."""
        return sum(sample.value for sample in self._found(name, labels))

    def labels(self, name: str, label: str) -> set[str]:
        """The values that a label has among a metric's samples."""
        return {sample.labels[label] for sample in self._found(name, {})}

    def _found(self, name: str, labels: dict[str, str]) -> Iterator[Sample]:
        for sample in self.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                yield sample
