//! Probe.
use std::time::Duration;
fn main() {
    let end = logline::Timestamp(1_795_363_200_000_000_000);
    let t = std::time::Instant::now();
    let plan = demo::history::Plan::usual(7, end, Duration::from_hours(14*24));
    let s = demo::history::write(std::path::Path::new("/tmp/demo-probe"), &plan, |_| {}).unwrap();
    let d = t.elapsed();
    println!("{} lines in {:?} = {:.0}/s; open {} story {:?} next {}", s.lines, d, s.lines as f64/d.as_secs_f64(), s.open.len(), s.story, s.next_order);
}
