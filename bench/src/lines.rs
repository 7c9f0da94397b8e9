//! The workload: order logs of three services in the house format, over six hours; the same lines in every run.

use logline::{Entry, Labels, Stream, Timestamp};
use stdx::Rng;

const START: i64 = 1_790_000_000_000_000_000;
const HOURS: i64 = 6;
const SERVICES: [&str; 3] = ["shop-api", "crm-api", "mes-api"];
const STATUSES: [&str; 5] = ["CREATED", "SUBMITTED", "PRICE_CALCULATED", "MANUFACTURING_APPROVED", "PACKAGING"];
const ENDPOINTS: [&str; 4] = ["POST /orders", "GET /orders/{id}", "POST /orders/{id}/submit", "POST /models"];

/// Streams of a workload, in the order of their batches.
#[derive(Debug)]
pub(crate) struct Workload {
    batches: Vec<Vec<Stream>>,
    needle: String,
}

impl Workload {
    /// `lines` lines in batches of `batch`.
    pub(crate) fn new(lines: u64, batch: u64) -> Self {
        let mut random = Rng::seeded(4711);
        let mut needle = String::new();
        let count = lines.div_ceil(batch.max(1));
        let span = HOURS * 3_600_000_000_000 / i64::try_from(lines.max(1)).unwrap_or(1);
        let batches = (0..count)
            .map(|index| {
                let mut streams: Vec<Stream> = SERVICES.iter().filter_map(|name| stream(name)).collect();
                for n in index * batch..lines.min((index + 1) * batch) {
                    let time = Timestamp(START + i64::try_from(n).unwrap_or(0) * span);
                    let trace = format!("{:016x}{:016x}", random.bits(), random.bits());
                    if n == lines / 2 {
                        needle.clone_from(&trace);
                    }
                    let which = usize::try_from(random.below(3)).unwrap_or(0);
                    streams[which].entries.push(Entry {
                        timestamp: time,
                        line: line(time, &trace, &mut random),
                        metadata: Vec::new(),
                    });
                }
                streams
            })
            .collect();
        Self { batches, needle }
    }

    /// Bodies of the pushes.
    pub(crate) fn bodies(&self) -> Vec<Vec<u8>> {
        self.batches.iter().map(|streams| ingest::loki::encode(streams)).collect()
    }

    /// Bytes of line text.
    pub(crate) fn bytes(&self) -> u64 {
        self.batches.iter().flatten().flat_map(|stream| &stream.entries).map(|entry| entry.line.len() as u64).sum()
    }

    /// All of the time that any workload covers.
    pub(crate) const fn range() -> (i64, i64) {
        (START, START + HOURS * 3_600_000_000_000 + 1)
    }

    /// Name, query and step of each question.
    pub(crate) fn questions(&self) -> Vec<(&'static str, String, &'static str)> {
        let all = r#"{service=~".+"}"#;
        vec![
            ("trace id in the line", format!("{all} |= \"{}\"", self.needle), "60s"),
            ("order_id=N as substring", format!("{all} |= \"order_id=4711 \""), "60s"),
            ("absent word", format!("{all} |= \"nosuchword\""), "60s"),
            (
                "regex with a literal, one service, count",
                r#"sum(count_over_time({service="crm-api"} |~ "status=SUBMI..ED"[5m]))"#.to_owned(),
                "300s",
            ),
            (
                "negative filter count, one service",
                r#"sum(count_over_time({service="crm-api"} != "SUBMITTED"[5m]))"#.to_owned(),
                "300s",
            ),
            ("count by service per 5 min", format!("sum by (service) (count_over_time({all}[5m]))"), "300s"),
            (
                "logfmt parse, then group",
                r#"sum by (status) (count_over_time({service="mes-api"} | logfmt[1h]))"#.to_owned(),
                "3600s",
            ),
            ("last 100 lines of a service", r#"{service="shop-api"}"#.to_owned(), "60s"),
        ]
    }
}

fn stream(service: &str) -> Option<Stream> {
    let labels =
        Labels::new([("service".to_owned(), service.to_owned()), ("env".to_owned(), "bench".to_owned())]).ok()?;
    Some(Stream { labels, entries: Vec::new() })
}

fn line(time: Timestamp, trace: &str, random: &mut Rng) -> String {
    let kind = if random.chance(0.5) { "REQ" } else { "RESP" };
    let endpoint = random.pick(&ENDPOINTS).copied().unwrap_or_default();
    let status = random.pick(&STATUSES).copied().unwrap_or_default();
    let (order, customer, took) = (random.below(200_000), random.below(50_000), random.below(900));
    format!(
        "[{}][{kind}][{endpoint}] order_id={order} customer_id={customer} status={status} trace_id={trace} span_id={:016x} \
         request_id={:08x} http_status=200 duration_ms={took} peer=crm-api attempt=1",
        jiff::Timestamp::from(time),
        random.bits(),
        random.below(1 << 32),
    )
}
