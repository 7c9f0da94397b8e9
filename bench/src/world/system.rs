//! What is around the services: nginx, postgres, sshd, the kernel.

use std::fmt::Write as _;

use logline::Timestamp;

use super::draw::Draws;
use super::{INSTANCES, Line};

const INFO: usize = 0;
const WARN: usize = 1;
const ERROR: usize = 2;

/// Writes a line of `service` (its place in [`super::SERVICES`]); returns its level.
pub(super) fn line(service: usize, line: &mut Line, draws: &mut Draws) -> usize {
    line.service = service;
    line.stream = usize::try_from(draws.below(INSTANCES[service] as u64)).unwrap_or(0);
    match service {
        3 => nginx(line, draws),
        4 => postgres(line, draws),
        5 => sshd(line, draws),
        _ => kernel(line, draws),
    }
}

/// The combined format, and how long it took, and the id of the request.
fn nginx(line: &mut Line, draws: &mut Draws) -> usize {
    let time = strftime(line.timestamp, "%d/%b/%Y:%H:%M:%S +0000");
    let (net, host) = (draws.below(64), draws.below(256));
    let page = draws.pick(&["/catalog/rings", "/catalog/earrings", "/cart", "/account/orders", "/api/v1/prices"]);
    let item = draws.below(5_000);
    let status = [200, 304, 404, 502][draws.weighted(&[90, 6, 3, 1])];
    let agent = draws.pick(&[
        "Firefox/142.0 (X11; Linux x86_64)",
        "Chrome/141.0.0.0 (Windows NT 10.0)",
        "jewel-app/4.11 (Android 16)",
    ]);
    write!(
        line.text,
        "10.42.{net}.{host} - - [{time}] \"GET {page}?item={item} HTTP/1.1\" {status} {} \"-\" \
         \"{agent}\" {}.{:03} {:016x}{:016x}",
        400 + draws.below(20_000),
        draws.below(2),
        draws.below(1_000),
        draws.word(),
        draws.word(),
    )
    .unwrap_or_default();
    if status == 502 { ERROR } else { INFO }
}

fn postgres(line: &mut Line, draws: &mut Draws) -> usize {
    let time = strftime(line.timestamp, "%Y-%m-%d %H:%M:%S");
    let pid = 20_000 + draws.below(200);
    write!(line.text, "{time} UTC [{pid}] ").unwrap_or_default();
    let text = &mut line.text;
    let (level, done) = match draws.weighted(&[700, 250, 40, 9, 1]) {
        0 => (
            INFO,
            write!(
                text,
                "app@orders LOG:  duration: {}.{:03} ms  execute s{}: SELECT * FROM orders WHERE id = $1",
                draws.below(50),
                draws.below(1_000),
                draws.below(40),
            ),
        ),
        1 => (INFO, write!(text, "app@orders LOG:  statement: COMMIT")),
        2 => (
            INFO,
            write!(
                text,
                "LOG:  checkpoint complete: wrote {} buffers; write={}.{:03} s, sync=0.{:03} s",
                draws.below(10_000),
                draws.below(30),
                draws.below(1_000),
                draws.below(1_000)
            ),
        ),
        3 => (WARN, write!(text, "app@orders WARNING:  there is no transaction in progress")),
        _ => (
            ERROR,
            write!(
                text,
                "app@orders ERROR:  deadlock detected, process {} waits for ShareLock on transaction {}",
                20_000 + draws.below(200),
                70_000_000 + draws.below(1_000_000)
            ),
        ),
    };
    done.unwrap_or_default();
    level
}

fn sshd(line: &mut Line, draws: &mut Draws) -> usize {
    let time = strftime(line.timestamp, "%b %d %H:%M:%S");
    let (host, pid) = (line.stream, 1_000 + draws.below(30_000));
    let (a, b, port) = (draws.below(256), draws.below(256), 30_000 + draws.below(30_000));
    let text = &mut line.text;
    write!(text, "{time} host-{host} sshd[{pid}]: ").unwrap_or_default();
    let users = ["admin", "oracle", "git", "test", "ubuntu", "deploy", "backup", "jenkins"];
    let (level, done) = match draws.weighted(&[50, 30, 20]) {
        0 => {
            let user = draws.pick(&users);
            (WARN, write!(text, "Failed password for invalid user {user} from 203.0.{a}.{b} port {port} ssh2"))
        }
        1 => (INFO, write!(text, "Connection closed by 203.0.{a}.{b} port {port} [preauth]")),
        _ => (INFO, write!(text, "Accepted publickey for deploy from 10.42.{a}.{b} port {port} ssh2")),
    };
    done.unwrap_or_default();
    level
}

fn kernel(line: &mut Line, draws: &mut Draws) -> usize {
    let time = strftime(line.timestamp, "%b %d %H:%M:%S");
    let up = (line.timestamp - super::START) / 1_000;
    let text = &mut line.text;
    write!(text, "{time} host-{} kernel: [{:>6}.{:06}] ", line.stream, up / 1_000_000, up % 1_000_000)
        .unwrap_or_default();
    let (level, done) = match draws.weighted(&[80, 15, 5]) {
        0 => (
            INFO,
            write!(
                text,
                "[UFW BLOCK] IN=eth0 OUT= SRC=198.51.{}.{} DST=10.0.0.{} LEN={} TTL={} ID={} PROTO=TCP SPT={} DPT={}",
                draws.below(256),
                draws.below(256),
                draws.below(8),
                40 + draws.below(24),
                40 + draws.below(200),
                draws.below(65_536),
                1_024 + draws.below(60_000),
                draws.pick(&["22", "23", "80", "443", "3389", "8080"]),
            ),
        ),
        1 => (
            INFO,
            write!(text, "nvme nvme0: I/O {} QID {} timeout, completion polled", draws.below(1_024), draws.below(8)),
        ),
        _ => (WARN, write!(text, "TCP: request_sock_TCP: Possible SYN flooding on port 443. Sending cookies.")),
    };
    done.unwrap_or_default();
    level
}

fn strftime(nanos: i64, format: &str) -> impl std::fmt::Display {
    jiff::Timestamp::from(Timestamp(nanos)).to_zoned(jiff::tz::TimeZone::UTC).strftime(format)
}
