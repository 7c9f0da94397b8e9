// Twenty records and one whose body is a map, as OpenTelemetry's exporter for Node sends them: JSON, gzip, chunked.
const { LoggerProvider, BatchLogRecordProcessor } = require('@opentelemetry/sdk-logs');
const { OTLPLogExporter } = require('@opentelemetry/exporter-logs-otlp-http');
const { resourceFromAttributes } = require('@opentelemetry/resources');

(async () => {
  const exporter = new OTLPLogExporter({ url: process.argv[2], compression: 'gzip' });
  const provider = new LoggerProvider({
    resource: resourceFromAttributes({ 'service.name': 'node-shop', 'host.name': 'web-1' }),
    processors: [new BatchLogRecordProcessor({ exporter })],
  });
  const logger = provider.getLogger('orders', '1.0');
  const attributes = { order_id: 4711, tags: ['a', 1], http: { status: 500 }, none: null };
  for (let n = 0; n < 20; n++) {
    logger.emit({ severityNumber: 17, severityText: 'ERROR', body: `привет number ${n}`, attributes });
  }
  logger.emit({ body: { b: 1, a: { c: true } } });
  await provider.shutdown();
})();
