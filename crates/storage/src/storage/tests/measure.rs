//! TEMPORARY measurement.
use super::super::*;
use super::support::*;
use logline::{Tenant, Timestamp};
use stdx::{Rng, SystemClock, Clock};

fn line(rng: &mut Rng) -> String {
    let (order, customer) = (rng.below(2_000), rng.below(10_000));
    let (trace, took) = (rng.bits(), rng.below(900));
    format!(
        "[2026-11-22T10:00:00.123Z][RESP][POST /orders/{{id}}/price] order_id={order} customer_id={customer} \
         trace_id={trace:016x}{trace:016x} status=PRICE_CALCULATED http_status=200 duration_ms={took} peer=MES"
    )
}
fn status() -> String {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    s.lines().filter(|l| l.starts_with("VmHWM") || l.starts_with("VmRSS")).collect::<Vec<_>>().join(" ")
}
fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = s.rsplit(") ").next().unwrap().split(' ').collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn measure_load() {
    let mut bench = Bench::new();
    bench.config.flush_bytes = stdx::ByteSize(64 << 20);
    let storage = bench.open().await;
    let mut rng = Rng::seeded(1);
    let clock = SystemClock;
    let start = clock.instant();
    let cpu0 = cpu();
    let (mut gen_cpu, mut bytes, mut busy) = (0.0, 0, 0);
    let total = 2000_i64;
    for number in 0..total {
        let g = cpu();
        let streams = ["shop", "crm", "mes"].map(|service| {
            let entries = (0..333_i64).map(|i| {
                let line = line(&mut rng);
                bytes += line.len();
                Entry { timestamp: Timestamp(MIDNIGHT + (number * 14 * 86_400 / total) * SECOND + i * 1_000_000), line, metadata: vec![("trace_id".into(), format!("{:016x}", rng.bits()))] }
            }).collect();
            Stream { labels: labels(service), entries }
        });
        let push = Batch { tenant: Tenant::default(), streams: streams.into(), id: None, received: Timestamp(MIDNIGHT) };
        gen_cpu += cpu() - g;
        loop {
            match storage.append(push.clone()).await {
                Ok(()) => break,
                Err(e) if matches!(e.kind(), crate::Kind::Busy { .. }) => { busy += 1; tokio::time::sleep(Duration::from_millis(50)).await }
                Err(e) => panic!("{e}"),
            }
        }
        if number % 400 == 0 { println!("{number} {} head {}", status(), storage.status().head_bytes); }
    }
    let t = clock.instant() - start;
    println!("append done {t:?} cpu {} gen {gen_cpu} bytes {bytes} busy {busy} {}", cpu() - cpu0, status());
    storage.close().await.unwrap();
    let t = clock.instant() - start;
    println!("closed {t:?} cpu {} gen {gen_cpu} {} ; per GB {}", cpu() - cpu0, status(), (cpu() - cpu0 - gen_cpu) / (bytes as f64 / 1e9));
    let s = storage.status();
    println!("{s:?} ratio {}", s.tables[0].file_bytes as f64 / bytes as f64);
    for table in &s.tables { println!("{table:?}"); }
    use arrow::datatypes::ToByteSlice as _;
    let _ = 0.to_byte_slice();
}
use logline::Entry;
#[test]
fn measure_wal() {
    let mut rng = Rng::seeded(1);
    let entries = (0..1000_i64).map(|i| entry(MIDNIGHT + i, &line(&mut rng))).collect();
    let push = Batch { tenant: Tenant::default(), streams: vec![Stream { labels: labels("shop"), entries }], id: None, received: Timestamp(0) };
    let c = cpu(); let clock = SystemClock; let s = clock.instant();
    let mut n = 0; let mut len = 0;
    while (clock.instant() - s).as_secs() < 2 { len = wal::encode(push.clone()).unwrap().len(); n += 1; }
    println!("encode {} MB/s, {} -> {len}", n as f64 * push.bytes() as f64 / (cpu() - c) / 1e6, push.bytes());
    let c = cpu(); let s = clock.instant(); let mut n = 0;
    while (clock.instant() - s).as_secs() < 2 { std::hint::black_box(push.clone()); n += 1; }
    println!("clone {} MB/s", n as f64 * push.bytes() as f64 / (cpu() - c) / 1e6);
    let c = cpu(); let s = clock.instant(); let mut n = 0;
    while (clock.instant() - s).as_secs() < 2 { std::hint::black_box(crate::logs::rows(&push).unwrap()); n += 1; }
    println!("rows {} MB/s", n as f64 * push.bytes() as f64 / (cpu() - c) / 1e6);
}
