# Records as OpenTelemetry's exporter for Python sends them over gRPC, with and without gzip: address, token, certificate
# (or "-"). Prints "sent" for each batch that was taken, else the status that the exporter logs.
import logging, sys
from grpc import Compression, ssl_channel_credentials
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult
from opentelemetry.sdk.resources import Resource

address, token, certificate = sys.argv[1:]
logging.basicConfig(stream=sys.stdout, format="%(message)s")
secure = {"insecure": True}
if certificate != "-":
    secure = {"insecure": False, "credentials": ssl_channel_credentials(open(certificate, "rb").read())}

class Exporter(OTLPLogExporter):
    def export(self, batch, *args, **named):
        result = super().export(batch, *args, **named)
        print("sent" if result == LogRecordExportResult.SUCCESS else "failed", flush=True)
        return result

for compression in [Compression.NoCompression, Compression.Gzip]:
    headers = {"authorization": "Bearer " + token}
    exporter = Exporter(endpoint=address, headers=headers, compression=compression, timeout=10, **secure)
    provider = LoggerProvider(resource=Resource.create({"service.name": "grpc-shop"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = logging.getLogger("orders." + compression.name)
    logger.propagate = False
    logger.addHandler(LoggingHandler(logger_provider=provider))
    for n in range(1000):
        logger.warning("привет %s number %d %s", compression.name, n, "x" * 500, extra={"order_id": 4711})
    provider.shutdown()
