//! A wide event in JSON: thirty fields about one finished call.

use std::fmt::Write as _;

use super::draw::Draws;
use super::{Line, push_time};

/// The call that the event is about.
pub(super) struct Completed<'a> {
    pub(super) order: u64,
    pub(super) customer: u64,
    pub(super) status: &'static str,
    pub(super) trace: &'a str,
    pub(super) service: &'static str,
    pub(super) instance: usize,
    pub(super) took: u64,
    pub(super) failed: bool,
}

pub(super) fn write(call: &Completed<'_>, line: &mut Line, draws: &mut Draws) {
    let text = &mut line.text;
    text.push_str("{\"ts\":\"");
    push_time(text, line.timestamp);
    let Completed { order, customer, status, trace, service, instance, took, failed } = call;
    write!(
        text,
        "\",\"level\":\"info\",\"event\":\"request.completed\",\"service\":\"{service}\",\"order_id\":{order},\
         \"customer_id\":{customer},\"order_status\":\"{status}\",\"trace_id\":\"{trace}\",\"ok\":{},\"total_ms\":{took}",
        !failed
    ).unwrap_or_default();
    let country = draws.pick(&["DE", "FR", "RU", "KZ", "US", "GB", "IT", "ES"]);
    let metal = draws.pick(&["gold 585", "gold 750", "silver 925", "platinum 950"]);
    let stone = draws.pick(&["none", "diamond", "sapphire", "ruby", "emerald"]);
    let agent = draws.pick(&[
        "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36",
        "jewel-app/4.11 (Android 16)",
    ]);
    write!(
        text,
        ",\"country\":\"{country}\",\"currency\":\"EUR\",\"amount_cents\":{},\"items\":{},\"metal\":\"{metal}\",\
         \"stone\":\"{stone}\",\"carat\":{}.{:02},\"ring_size\":{},\"db_ms\":{},\"db_rows\":{},\"cache_hits\":{},\
         \"cache_misses\":{},\"queue_ms\":{},\"bytes_in\":{},\"bytes_out\":{},\"region\":\"eu-central\",\
         \"zone\":\"eu-central-{instance}\",\"pod\":\"{service}-7d9c5b-{instance}\",\"build\":\"2026.09.18-4\",\
         \"user_agent\":\"{agent}\",\"features\":{{\"engraving\":{},\"gift_box\":{},\"express\":{}}}}}",
        5_000 + draws.below(500_000),
        1 + draws.below(4),
        draws.below(3),
        draws.below(100),
        44 + draws.below(24),
        draws.duration(),
        draws.below(64),
        draws.below(16),
        draws.below(8),
        draws.below(32),
        200 + draws.below(4_096),
        400 + draws.below(16_384),
        draws.below(2) == 1,
        draws.below(2) == 1,
        draws.below(2) == 1,
    )
    .unwrap_or_default();
}
