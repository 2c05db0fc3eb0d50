use super::*;

fn fence(allow: &[&str], deny: &[&str]) -> Fence {
    let parsed = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a network")).collect();
    Fence { allow: parsed(allow), deny: parsed(deny) }
}

fn allows(fence: &Fence, address: &str) -> bool {
    fence.check(address.parse().expect("an address")).is_ok()
}

#[test]
fn without_lists_everything_is_allowed_but_what_no_receiver_has() {
    let open = Fence::default();
    for good in ["127.0.0.1", "10.1.2.3", "203.0.113.9", "::1", "fd12::1", "2001:db8::1"] {
        assert!(allows(&open, good), "{good}");
    }
    for evil in [
        "169.254.169.254",
        "169.254.170.2",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "fe80::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
    ] {
        assert!(!allows(&open, evil), "{evil}");
    }
}

#[test]
fn an_address_in_another_dress_is_the_same_address() {
    for dress in ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"] {
        assert!(!allows(&Fence::default(), dress), "{dress}");
        assert!(!allows(&fence(&[], &["169.254.169.254"]), dress), "{dress}");
    }
    assert!(!allows(&fence(&[], &["10.0.0.0/8"]), "::ffff:10.1.2.3"));
    assert!(allows(&fence(&["10.0.0.0/8"], &[]), "::ffff:10.1.2.3"));
}

#[test]
fn an_allow_list_is_all_there_is_and_a_deny_list_wins() {
    let office = fence(&["10.0.0.0/8", "fd00::/8", "192.0.2.7"], &["10.9.0.0/16"]);
    for (address, expected) in [
        ("10.1.2.3", true),
        ("fd12::1", true),
        ("192.0.2.7", true),
        ("192.0.2.8", false),
        ("10.9.1.1", false),
        ("203.0.113.9", false),
        ("127.0.0.1", false),
    ] {
        assert_eq!(allows(&office, address), expected, "{address}");
    }
}

#[test]
fn a_reserved_address_is_opened_by_its_name_and_by_nothing_wider() {
    assert!(!allows(&fence(&["0.0.0.0/0", "::/0"], &[]), "169.254.169.254"));
    assert!(allows(&fence(&["169.254.169.254"], &[]), "169.254.169.254"));
    assert!(!allows(&fence(&["169.254.169.254"], &[]), "169.254.169.253"));
    assert!(allows(&fence(&["169.254.0.0/16"], &[]), "169.254.169.253"));
    assert!(!allows(&fence(&["169.254.0.0/16"], &["169.254.169.254"]), "169.254.169.254"));
}

#[test]
fn a_network_is_read_or_refused_with_a_cure() {
    for text in ["10.0.0.0/8", "0.0.0.0/0", "192.0.2.7/32", "fd00::/8", "::/0", "2001:db8::1/128"] {
        assert_eq!(text.parse::<Network>().expect(text).to_string(), text);
    }
    for (text, words) in [
        ("10.0.0.0/33", "write it like"),
        ("10.0.0", "write it like"),
        ("example.org", "write it like"),
        ("10.1.0.0/8", "first address"),
        ("fd00::1/8", "first address"),
    ] {
        let error = text.parse::<Network>().expect_err(text);
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_name_is_judged_by_its_addresses() {
    let closed = fence(&["203.0.113.0/24"], &[]);
    assert!(matches!(closed.resolve("localhost", 80).await, Err(Unresolved::Refused(_))));
    let open = Fence::default().resolve("localhost", 80).await.expect("has an address");
    assert!(open.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
    let literal = Fence::default().resolve("[::1]", 80).await.expect("a literal");
    assert_eq!(literal, ["[::1]:80".parse().expect("an address")]);
}
