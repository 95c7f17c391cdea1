"""What pachd tells about itself to Prometheus: its meters, and a few numbers that are looked up when somebody asks.

Served over HTTP on the loopback, if a port is set, and on nothing else. Invariants: what is looked up is in memory,
or in a partial index (the unfinished jobs); no answer takes longer because of what is stored; no label names what
users made.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from trunkline.kernel import meters
from trunkline.kernel.errors import FailedPrecondition
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.pachd.gauges import STORE, Gauge

log = logging.getLogger("trunkline.pachd")

HOST = "127.0.0.1"


class _Ours(Collector):
    def __init__(self, gauges: Iterable[Gauge], store: MeteredStore) -> None:
        self._gauges, self._store = tuple(gauges), store

    def collect(self) -> Iterator[Metric]:
        """As the base class says."""
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            for labels, value in gauge.values():
                family.add_metric(labels, value)
            yield family
        yield from map(_family, meters.METERS)
        yield from _of_store(self._store)


def _of_store(store: MeteredStore) -> Iterator[Metric]:
    """What a store was asked."""
    counts = store.counts()
    for field, help in STORE.items():
        family = CounterMetricFamily(f"trunkline_store_{field}", help, labels=["operation"])
        for operation, count in counts.items():
            family.add_metric([operation], getattr(count, field))
        yield family


def _family(meter: meters.Counter | meters.Histogram) -> Metric:
    if isinstance(meter, meters.Counter):
        counter = CounterMetricFamily(meter.name, meter.help, labels=meter.labels)
        for labels, value in meter.values():
            counter.add_metric(labels, value)
        return counter
    bounds = [*map(str, meters.SECONDS), "+Inf"]
    histogram = HistogramMetricFamily(meter.name, meter.help, labels=meter.labels)
    for labels, found in meter.values():
        histogram.add_metric(labels, list(zip(bounds, map(float, found.cumulative), strict=True)), found.sum)
    return histogram


class Metrics:
    """The HTTP server.

    Args:
        port: on the loopback; 0 for any free one.

    Raises:
        FailedPrecondition: the port cannot be had.
    """

    def __init__(self, port: int, gauges: Iterable[Gauge], store: MeteredStore) -> None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Ours(gauges, store))
        self._server: WSGIServer
        self._thread: threading.Thread
        try:
            self._server, self._thread = start_http_server(port, HOST, registry)
        except OSError as error:
            told = f"cannot listen on {HOST}:{port} for metrics: {error.strerror}"
            raise FailedPrecondition(f"{told}; set TRUNKLINE_METRICS_PORT (0 for any free one), or unset it") from None
        self.address = f"{HOST}:{self._server.server_port}"
        log.info("metrics are served", extra={"address": self.address})

    def stop(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
