//! Address sets.

use super::IpSet;

#[track_caller]
fn check(set: &str, inside: &[&str], outside: &[&str]) {
    let set = IpSet::parse(set).unwrap();
    for address in inside {
        assert!(set.contains(address.parse().unwrap()), "{address} in {}", set.source());
    }
    for address in outside {
        assert!(!set.contains(address.parse().unwrap()), "{address} not in {}", set.source());
    }
}

#[test]
fn a_set_is_an_address_a_network_or_a_range() {
    check("10.1.2.3", &["10.1.2.3"], &["10.1.2.4", "::ffff:10.1.2.3"]);
    check("10.1.2.3/8", &["10.0.0.0", "10.255.255.255"], &["9.255.255.255", "11.0.0.0"]);
    check("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::"]);
    check("1.2.3.4/32", &["1.2.3.4"], &["1.2.3.5"]);
    check("10.0.0.5-10.0.1.2", &["10.0.0.5", "10.0.0.255", "10.0.1.2"], &["10.0.0.4", "10.0.1.3"]);
    check("2001:db8::/32", &["2001:db8::1", "2001:db8:ffff::"], &["2001:db9::", "1.2.3.4"]);
    check("::/0", &["::", "ffff::"], &["1.2.3.4"]);
    check("::1-::f", &["::1", "::9"], &["::", "::10"]);
}

#[test]
fn other_texts_are_no_sets() {
    for text in [
        "",
        "x",
        "1.2.3",
        "1.2.3.4/33",
        "::/129",
        "1.2.3.4/",
        "1.2.3.4/08",
        "1.2.3.4/+8",
        "2.0.0.0-1.0.0.0",
        "1.1.1.1-::1",
    ] {
        assert_eq!(IpSet::parse(text), None, "{text}");
    }
}
