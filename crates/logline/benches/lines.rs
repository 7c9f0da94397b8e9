//! How many bytes of lines one core reads, levels and writes in a second; target: 300 MB/s for reading.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use logline::{Context, Kind, Reader, Record, Timestamp, level_of};

const CASES: [(&str, &str); 5] =
    [("body", BODY), ("fields", FIELDS), ("json", JSON), ("logfmt", LOGFMT), ("text", TEXT)];

const BODY: &str = r#"[2026-03-01T12:00:00.120Z][REQ][POST /orders/{id}/submit] order_id=4711 status=CREATED customer_id=15 request_id=r-81f2 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 dir=in body={"items":[{"sku":"R-17","size":"16.5","metal":"gold"}],"note":"Для Анны"}"#;
const FIELDS: &str = r#"[2026-03-01T12:00:00.253Z][RESP][POST /orders/{id}/submit] order_id=4711 status=SUBMITTED customer_id=15 request_id=r-81f2 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7 http_status=200 duration_ms=133.5 dir=in path=/orders/4711/submit"#;
const JSON: &str = r#"{"@timestamp":"2026-03-01T12:00:00.120Z","level":"INFO","kind":"REQ","method":"POST","path":"/orders/4711/submit","orderId":"4711","status":"CREATED","customerId":15,"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","message":"order submitted","logger":"shop.Orders"}"#;
const LOGFMT: &str = r#"ts=2026-03-01T12:00:00.120Z level=info kind=REQ method=POST path=/orders/4711/submit orderId=4711 status=CREATED customerId=15 traceId=4bf92f3577b34da6a3ce929d0e0e4736 msg="order submitted" logger=shop.Orders spanId=00f067aa0ba902b7 requestId=r-81f2"#;
const TEXT: &str = "2026-03-01 12:00:00.120 [http-nio-8080-exec-4] o.s.w.s.DispatcherServlet : completed initialization of the dispatcher for the shop in 733 ms, with 12 mappings, 3 interceptors, a session store in memory and no multipart resolver, as configured by the profile";

fn main() {
    divan::main();
}

fn line(case: &str) -> &'static str {
    CASES.iter().find(|(name, _)| *name == case).map_or("", |(_, line)| line)
}

#[divan::bench(sample_size = 1000, args = CASES.map(|(name, _)| name))]
fn read(bencher: Bencher<'_, '_>, case: &str) {
    let (reader, context, line) = (Reader::default(), Context::default(), line(case));
    bencher.counter(BytesCount::of_str(line)).bench(|| reader.read(black_box(line), &context).defects());
}

#[divan::bench(sample_size = 1000, args = CASES.map(|(name, _)| name))]
fn level(bencher: Bencher<'_, '_>, case: &str) {
    let line = line(case);
    bencher.counter(BytesCount::of_str(line)).bench(|| level_of(black_box(line), &[]));
}

#[divan::bench(sample_size = 1000)]
fn write(bencher: Bencher<'_, '_>) {
    let mut out = String::with_capacity(1024);
    bencher.counter(BytesCount::of_str(FIELDS)).bench_local(|| {
        out.clear();
        Record::new(Timestamp(1_772_366_400_120_000_000), Kind::Resp, "POST /orders/{id}/submit")
            .order(black_box("4711"), "SUBMITTED")
            .field("customer_id", "15")
            .field("request_id", "r-81f2")
            .field("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736")
            .field("span_id", "00f067aa0ba902b7")
            .field("http_status", 200_u16)
            .field("duration_ms", 133.5)
            .field("dir", "in")
            .field("path", "/orders/4711/submit")
            .write(&mut out);
        out.len()
    });
}
