//! How fast lines are masked, one core: house-format lines without personal data, and with some in every second line.

use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    divan::main();
}

const PLAIN: [&str; 4] = [
    r#"[2026-01-02T15:04:05.123+03:00][REQ][POST /orders/{id}/price] order_id=4711 customer_id=812 status=SUBMITTED trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7 request_id=9d1f7c3e-5a41-4e0b-8c1d-2f6a7b8c9d0e dir=in path=/orders/4711/price headers={"content-type":"application/json","user-agent":"shop/1.4"} body={"items":[{"model_id":99,"quantity":2,"price":"1490.00"}],"currency":"RUB"}"#,
    r#"[2026-01-02T15:04:05.171+03:00][RESP][POST /orders/{id}/price] order_id=4711 customer_id=812 status=PRICE_CALCULATED trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7 request_id=9d1f7c3e-5a41-4e0b-8c1d-2f6a7b8c9d0e http_status=200 duration_ms=48"#,
    r"[2026-01-02T15:04:05.172+03:00][STATUS][order] order_id=4711 from=SUBMITTED to=PRICE_CALCULATED trace_id=4bf92f3577b34da6a3ce929d0e0e4736",
    r#"[2026-01-02T15:04:06.000+03:00][RESP][POST /api/crm/orders] dir=out peer=crm attempt=2 order_id=4711 status=PRICE_CALCULATED http_status=502 duration_ms=3004 level=error error="upstream closed the connection while the request was sent""#,
];
const PERSONAL: &str = r#"[2026-01-02T15:04:05.123+03:00][REQ][POST /customers] customer_id=812 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7 request_id=9d1f7c3e dir=in body={"name":"Иван Петров","email":"ivan.petrov@example.ru","phone":"+7 (916) 123-45-67","card":"4111 1111 1111 1111","password":"hunter2"}"#;

fn lines(personal_every: usize) -> Vec<&'static str> {
    (0..4096).map(|n| if n % personal_every == 1 { PERSONAL } else { PLAIN[n % PLAIN.len()] }).collect()
}

#[divan::bench(args = [usize::MAX, 50, 2])]
fn marker(bencher: Bencher<'_, '_>, personal_every: usize) {
    run(bencher, personal_every, None);
}

#[divan::bench(args = [2])]
fn token(bencher: Bencher<'_, '_>, personal_every: usize) {
    run(bencher, personal_every, mask::TokenKey::new(1, b"0123456789abcdef").ok());
}

fn run(bencher: Bencher<'_, '_>, personal_every: usize, token_key: Option<mask::TokenKey>) {
    let masker =
        mask::Masker::new(mask::Config { token_key, ..mask::Config::default() }).expect("a valid configuration");
    let lines = lines(personal_every);
    let bytes: usize = lines.iter().map(|line| line.len()).sum();
    bencher.counter(BytesCount::new(bytes)).bench(|| lines.iter().map(|line| masker.mask(line).len()).sum::<usize>());
}
