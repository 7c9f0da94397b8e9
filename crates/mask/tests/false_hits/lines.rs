//! A seeded generator of lines without personal data: the house format, nginx, PostgreSQL, sshd, the kernel, JSON, Java.

use fastrand::Rng;

/// One line.
pub(crate) fn line(random: &mut Rng) -> String {
    match random.u32(0..100) {
        0..=39 => house(random),
        40..=54 => nginx(random),
        55..=64 => postgres(random),
        65..=72 => sshd(random),
        73..=80 => kernel(random),
        81..=92 => json(random),
        _ => java(random),
    }
}

fn pick<'a>(random: &mut Rng, items: &[&'a str]) -> &'a str {
    items[random.usize(0..items.len())]
}

fn hex(random: &mut Rng, len: usize) -> String {
    (0..len).map(|_| char::from_digit(random.u32(0..16), 16).unwrap_or('0')).collect()
}

fn uuid(random: &mut Rng) -> String {
    [8, 4, 4, 4, 12].map(|len| hex(random, len)).join("-")
}

/// A number of one to so many digits; short ones are as frequent as long ones.
fn number(random: &mut Rng, digits: u32) -> u64 {
    let digits = random.u32(1..=digits);
    random.u64(10_u64.pow(digits - 1)..10_u64.pow(digits))
}

fn time(random: &mut Rng) -> String {
    let mut number = |below: u32| random.u32(0..below);
    format!(
        "2026-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}",
        number(12) + 1,
        number(28) + 1,
        number(24),
        number(60),
        number(60),
        number(1_000_000)
    )
}

fn ip(random: &mut Rng) -> String {
    [(); 4].map(|()| random.u8(..).to_string()).join(".")
}

const STATUSES: [&str; 10] = [
    "CREATED",
    "SUBMITTED",
    "PRICE_CALCULATED",
    "MANUFACTURING_APPROVED",
    "MANUFACTURING_STARTED",
    "MANUFACTURING_COMPLETED",
    "PACKAGING",
    "SHIPPED",
    "DELIVERED",
    "CLOSED",
];
const ROUTES: [&str; 5] =
    ["POST /orders", "GET /orders/{id}", "POST /orders/{id}/price", "PUT /api/mes/jobs/{id}", "GET /models/{id}/file"];

pub(crate) fn house(random: &mut Rng) -> String {
    let digits = random.u32(3..17);
    let (order, status, route) = (random.u64(1..10_u64.pow(digits)), pick(random, &STATUSES), pick(random, &ROUTES));
    let ids = format!(
        "order_id={order} customer_id={} trace_id={} span_id={} request_id={}",
        random.u64(1..100_000_000),
        hex(random, 32),
        hex(random, 16),
        uuid(random)
    );
    let at = time(random);
    match random.u32(0..3) {
        0 => format!(
            r#"[{at}+03:00][REQ][{route}] {ids} status={status} dir=in path=/orders/{order} headers={{"content-type":"application/json","user-agent":"shop/1.4.{}"}} body={{"items":[{{"model_id":{},"name":"{}","quantity":{},"price":"{}.00"}}],"currency":"RUB"}}"#,
            random.u32(0..100),
            random.u64(1..1_000_000_000),
            pick(random, &["Кольцо с топазом", "Gold Ring", "Серьги «Нева»", "Chain 585", "Брошь"]),
            random.u32(1..9),
            random.u32(100..2_000_000)
        ),
        1 => format!(
            "[{at}+03:00][RESP][{route}] {ids} status={status} http_status={} duration_ms={} bytes={}",
            pick(random, &["200", "201", "404", "502"]),
            random.u32(0..100_000),
            number(random, 11)
        ),
        _ => format!(
            "[{at}Z][STATUS][order] {ids} from={status} to={} amount={}.{:02}",
            pick(random, &STATUSES),
            random.u32(0..9_000_000),
            random.u32(0..100)
        ),
    }
}

fn nginx(random: &mut Rng) -> String {
    let path = match random.u32(0..4) {
        0 => format!("/api/v1/orders/{}", number(random, 12)),
        1 => format!(
            "/search?q={}&page={}&from={}",
            pick(random, &["gold%20ring", "%D0%BA%D0%BE%D0%BB%D1%8C%D1%86%D0%BE", "a%2Bb"]),
            random.u32(1..90),
            random.u64(1_600_000_000..1_900_000_000)
        ),
        2 => format!("/static/app.{}.js?v={}", hex(random, 8), random.u32(1..10_000)),
        _ => format!("/models/{}/preview@2x.png", uuid(random)),
    };
    format!(
        r#"{} - - [22/Nov/2026:{:02}:{:02}:{:02} +0300] "GET {path} HTTP/1.1" {} {} "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/{}.0.{}.{} Safari/537.36" {}.{:03}"#,
        ip(random),
        random.u32(0..24),
        random.u32(0..60),
        random.u32(0..60),
        pick(random, &["200", "304", "404"]),
        random.u32(0..10_000_000),
        random.u32(90..140),
        random.u32(1_000..7_000),
        random.u32(10..300),
        random.u32(0..9),
        random.u32(0..1_000)
    )
}

fn postgres(random: &mut Rng) -> String {
    let at = time(random).replace('T', " ");
    let pid = random.u32(100..4_000_000);
    match random.u32(0..4) {
        0 => format!(
            "{at} MSK [{pid}] LOG:  duration: {}.{:03} ms  statement: SELECT id, name, address FROM clients WHERE id = {}",
            random.u32(0..100_000),
            random.u32(0..1_000),
            number(random, 11)
        ),
        1 => format!(
            "{at} MSK [{pid}] LOG:  checkpoint complete: wrote {} buffers ({}.{}%); write={}.{:03} s; lsn={}/{}",
            random.u32(0..100_000),
            random.u32(0..100),
            random.u32(0..10),
            random.u32(0..300),
            random.u32(0..1_000),
            hex(random, 2).to_uppercase(),
            hex(random, 8).to_uppercase()
        ),
        2 => format!(
            "{at} MSK [{pid}] ERROR:  duplicate key value violates unique constraint \"orders_pkey\" DETAIL: Key (id)=({}) already exists.",
            number(random, 10)
        ),
        _ => format!(
            "{at} MSK [{pid}] LOG:  automatic vacuum of table \"shop.public.orders\": pages: {} removed, {} remain, tuples: {} removed",
            random.u32(0..10_000),
            random.u32(0..1_000_000),
            number(random, 9)
        ),
    }
}

fn sshd(random: &mut Rng) -> String {
    let head = format!(
        "Nov {:2} {:02}:{:02}:{:02} app-{} sshd[{}]:",
        random.u32(1..30),
        random.u32(0..24),
        random.u32(0..60),
        random.u32(0..60),
        random.u32(1..20),
        random.u32(300..4_000_000)
    );
    match random.u32(0..4) {
        0 => format!(
            "{head} Failed password for invalid user admin from {} port {} ssh2",
            ip(random),
            random.u32(1_024..65_536)
        ),
        1 => format!(
            "{head} Accepted publickey for deploy from {} port {} ssh2: ED25519 SHA256:{}",
            ip(random),
            random.u32(1_024..65_536),
            base64ish(random, 43)
        ),
        2 => format!("{head} Connection closed by {} port {} [preauth]", ip(random), random.u32(1_024..65_536)),
        _ => format!(
            "{head} pam_unix(sshd:session): session opened for user deploy(uid={}) by (uid=0)",
            random.u32(1_000..70_000)
        ),
    }
}

fn base64ish(random: &mut Rng, len: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..len).map(|_| char::from(LETTERS[random.usize(0..LETTERS.len())])).collect()
}

fn kernel(random: &mut Rng) -> String {
    let head = format!("[{:>5}.{:06}]", random.u32(0..9_000_000), random.u32(0..1_000_000));
    match random.u32(0..4) {
        0 => format!(
            "{head} pci 0000:{}:{}.{}: [8086:{}] type 00 class 0x{}",
            hex(random, 2),
            hex(random, 2),
            random.u32(0..8),
            hex(random, 4),
            hex(random, 6)
        ),
        1 => format!("{head} BIOS-e820: [mem 0x{}-0x{}] usable", hex(random, 16), hex(random, 16)),
        2 => format!(
            "{head} Out of memory: Killed process {} (java) total-vm:{}kB, anon-rss:{}kB, oom_score_adj:0",
            random.u32(1..4_000_000),
            number(random, 9),
            number(random, 8)
        ),
        _ => format!(
            "{head} eth0: link up, {} Mbps, MAC address {}",
            random.u32(100..10_000),
            [(); 6].map(|()| hex(random, 2)).join(":")
        ),
    }
}

fn json(random: &mut Rng) -> String {
    let at = time(random);
    match random.u32(0..4) {
        0 => format!(
            r#"{{"ts":{}.{:09},"level":"info","logger":"http","msg":"handled","status":{},"size":{},"duration":0.{:09},"remote_addr":"{}:{}"}}"#,
            random.u64(1_600_000_000..1_900_000_000),
            random.u32(0..1_000_000_000),
            pick(random, &["200", "500"]),
            number(random, 11),
            random.u32(0..1_000_000_000),
            ip(random),
            random.u32(1_024..65_536)
        ),
        1 => format!(
            r#"{{"time":"{at}Z","kubernetes":{{"pod_name":"shop-{}-{}","namespace":"prod","container_name":"shop","host":"node-{}"}},"message":"cache miss\nkey=orders:{}\t{}","count":{}}}"#,
            hex(random, 9),
            hex(random, 5),
            random.u32(1..99),
            number(random, 12),
            pick(random, &["ok", "не найдено", "retry — later"]),
            number(random, 13)
        ),
        2 => format!(
            r#"{{"timestamp":{},"name":"{}","client":"{}","address":"{}","tokens":{},"next_token":null,"token_count":{},"payload":"{}"}}"#,
            random.u64(1_600_000_000_000..1_900_000_000_000),
            pick(random, &["http.server", "Order Service", "GC", "worker-17", "Кольцо"]),
            pick(random, &["web", "mobile-app/3.1", "crm"]),
            pick(random, &["10.0.0.7:8080", "0.0.0.0", "[::1]:9090", "unix:/run/app.sock"]),
            random.u32(0..9_000),
            random.u32(0..9_000),
            base64ish(random, 64)
        ),
        _ => format!(
            r#"{{"event":"metric","metric":"queue_bytes","value":{},"ns":{},"id":"{}","sku":"{}","ean":"460{}","body":"{{\"a\":[1,2],\"path\":\"C:\\\\new\\\\temp\"}}"}}"#,
            number(random, 11),
            random.u64(1_600_000_000_000_000_000..1_900_000_000_000_000_000),
            uuid(random),
            random.u64(10_u64.pow(9)..10_u64.pow(10)),
            random.u64(10_u64.pow(9)..10_u64.pow(10))
        ),
    }
}

fn java(random: &mut Rng) -> String {
    let at = time(random).replace('T', " ");
    match random.u32(0..3) {
        0 => format!(
            "{at} WARN  [http-nio-8080-exec-{}] c.a.s.OrderController : Price for order {} took {} ms (limit {})",
            random.u32(1..200),
            number(random, 9),
            random.u32(0..100_000),
            random.u32(0..10_000)
        ),
        1 => format!(
            "\tat com.acme.shop.orders.OrderService$$EnhancerBySpringCGLIB$${}.submit(OrderService.java:{}) ~[app.jar:1.{}.{}]",
            hex(random, 8),
            random.u32(1..2_000),
            random.u32(0..40),
            random.u32(0..40)
        ),
        _ => format!(
            "{at} INFO  heap: used {} of {} bytes, thread Thread-{} @{}",
            number(random, 11),
            number(random, 12),
            random.u32(0..900),
            hex(random, 7)
        ),
    }
}
