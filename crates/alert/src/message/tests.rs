//! What a message says, in both languages, and what is never in it.

use super::*;
use crate::{Evidence, RuleRef};
use jiff::tz::TimeZone;
use stdx::Language;

const MINUTE: i64 = 60_000_000_000;
pub(crate) const NOW: Timestamp = Timestamp(1_785_000_000_000_000_000);

pub(crate) fn alert(labels: &[(&str, &str)], annotations: &[(&str, &str)], minutes: i64) -> Alert {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Alert {
        tenant: Tenant::default(),
        labels: map(labels),
        annotations: map(annotations),
        starts_at: Timestamp(NOW.0 - minutes * MINUTE),
        ends_at: None,
        updated_at: NOW,
        value: 3.0,
        rule: RuleRef::default(),
        generator_url: "https://logs.example.com/explore?query=1".to_owned(),
        evidence: Evidence::default(),
    }
}

pub(crate) fn notification(alerts: Vec<Alert>) -> Notification {
    Notification {
        tenant: Tenant::default(),
        receiver: "ops".to_owned(),
        group_key: "{}:{alertname=\"OrderStuck\"}".to_owned(),
        group_labels: BTreeMap::from([("alertname".to_owned(), "OrderStuck".to_owned())]),
        alerts,
        truncated: 0,
        at: NOW,
        sequence: 1,
        lines: Vec::new(),
        test: false,
    }
}

pub(crate) fn author() -> Author {
    Author::new(Arc::new(mask::Masker::new(&mask::Config::default()).unwrap()), "https://logs.example.com/")
}

fn style(language: Language) -> Style {
    Style { language, zone: TimeZone::get("Europe/Moscow").unwrap() }
}

pub(crate) fn stuck() -> Notification {
    let mut first = alert(
        &[("alertname", "OrderStuck"), ("service_name", "mes"), ("severity", "critical"), ("status", "PACKAGING")],
        &[
            ("summary", "3 orders wait in PACKAGING"),
            ("summary_ru", "3 заказа ждут"),
            ("runbook_url", "https://wiki.example.com/stuck"),
        ],
        64,
    );
    first.evidence.orders = ["4711", "4712", "a/b"].map(str::to_owned).to_vec();
    first.evidence.orders_total = 30;
    notification(vec![first])
}

#[test]
fn a_message_says_what_where_since_when_how_many_and_where_to_look() {
    let text = plain(&author().write(&stuck(), &style(Language::English)));
    assert_eq!(
        text,
        "🔴 OrderStuck (mes)\n\n3 orders wait in PACKAGING\nWhere: mes\nSince: 25 Jul 19:16 UTC+3 (1 h 4 min)\n\
         Labels: severity=critical, status=PACKAGING\n30 orders: 4711, 4712, a/b …\n\
         Query: https://logs.example.com/explore?query=1\nStuck orders: https://logs.example.com/orders?state=stuck\n\
         Runbook: https://wiki.example.com/stuck\n"
    );
    let russian = plain(&author().write(&stuck(), &style(Language::Russian)));
    assert!(russian.contains("\n\n3 заказа ждут\n"), "{russian}");
    assert!(russian.contains("С: 25 июл 19:16 UTC+3 (1 ч 4 мин)\n"), "{russian}");
    assert!(russian.contains("30 заказов: 4711") && russian.contains("Застрявшие заказы: "), "{russian}");
}

#[test]
fn several_alerts_are_listed_by_what_tells_them_apart() {
    let one = |service: &str| alert(&[("alertname", "Errors"), ("service_name", service), ("env", "prod")], &[], 5);
    let mut over = one("crm");
    over.ends_at = Some(NOW);
    let mut both = notification(vec![one("shop"), over.clone()]);
    let text = plain(&author().write(&both, &style(Language::English)));
    assert!(text.starts_with("🟠 Errors: 1 alert (crm, shop)\n"), "{text}");
    assert!(text.contains("• service_name=shop · 25 Jul"), "{text}");
    assert!(text.contains("• ✓ service_name=crm · 25 Jul"), "{text}");
    both.alerts = vec![over];
    let message = author().write(&both, &style(Language::Russian));
    assert_eq!((message.tone, message.title.as_str()), (Tone::Resolved, "Errors: устранено (crm)"));
}

#[test]
fn nothing_of_a_person_is_in_a_message() {
    let planted = ["ivan@example.ru", "+7 916 123-45-67", "4111 1111 1111 1111"];
    let mut bad = alert(
        &[("alertname", "Login"), ("user", planted[0])],
        &[
            ("summary", "no login for ivan@example.ru"),
            ("description", "call +7 916 123-45-67, card 4111 1111 1111 1111"),
        ],
        1,
    );
    bad.labels.insert("service".to_owned(), planted[0].to_owned());
    let other = Alert { labels: BTreeMap::from([("phone".to_owned(), planted[1].to_owned())]), ..bad.clone() };
    let told = notification(vec![bad, other]);
    let message = author().write(&told, &Style::default());
    let webhook = serde_json::to_string(&author().masked(&told).alerts).unwrap();
    let texts = [plain(&message), html(&message, "<br>"), entities(&message, 4096).0, message.title, webhook];
    for text in texts {
        for value in planted {
            assert!(!text.contains(value), "{text}");
        }
    }
}

#[test]
fn entities_are_counted_in_utf16_and_cut_with_the_text() {
    let mut message = author().write(&stuck(), &style(Language::Russian));
    message.body.insert(0, Span { text: "🙂".repeat(3_000), look: Look::Code });
    let (text, entities) = entities(&message, 4_096);
    assert!(utf16_len(&text) <= 4_096 && utf16_len(&text) > 4_000, "{}", utf16_len(&text));
    let units: Vec<u16> = text.encode_utf16().collect();
    for entity in &entities {
        let part = units.get(entity.offset..entity.offset + entity.length).expect("an entity is within the text");
        let part = String::from_utf16(part).expect("an entity does not part a pair");
        assert!(!part.is_empty() && part.trim_end() == part, "{part:?}");
    }
    let last = entities.last().unwrap();
    assert_eq!((last.kind, last.url.as_deref()), ("text_link", Some("https://wiki.example.com/stuck")));
    assert!(text.contains("🙂…\n") && text.ends_with("Инструкция"), "{}", text.len());
}

#[test]
fn texts_of_rules_are_no_markup() {
    let odd = alert(&[("alertname", "A<b>*x*_y_")], &[("summary", "<script> @channel [x](y) `z`")], 1);
    let message = author().write(&notification(vec![odd]), &Style::default());
    assert!(html(&message, "<br>").contains("&lt;script&gt;"));
    let common = markup(&message, Flavour::Common, 1_000);
    assert!(
        common.contains("\\<script\\>") && !common.contains("@channel") && common.contains("\\[x\\](y)"),
        "{common}"
    );
    assert!(markup(&message, Flavour::Slack, 1_000).contains("&lt;script&gt;"));
}
