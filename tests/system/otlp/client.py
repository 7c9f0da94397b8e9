# Twenty records as OpenTelemetry's exporter for Python sends them: protobuf, gzip. Errors of the exporter end it with 1.
import logging, sys
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult
from opentelemetry.sdk.resources import Resource

failed = []

class Exporter(OTLPLogExporter):
    def export(self, batch, *args, **named):
        result = super().export(batch, *args, **named)
        if result != LogRecordExportResult.SUCCESS:
            failed.append(result)
        return result

provider = LoggerProvider(resource=Resource.create({"service.name": "py-shop", "k8s.pod.name": "shop-0", "host.name": "web-1"}))
provider.add_log_record_processor(BatchLogRecordProcessor(Exporter(endpoint=sys.argv[1], compression=Compression.Gzip)))
logger = logging.getLogger("orders")
logger.addHandler(LoggingHandler(logger_provider=provider))
for n in range(20):
    logger.warning("привет number %d", n, extra={"order_id": 4711, "http": {"status": 500}})
provider.shutdown()
sys.exit(len(failed))
