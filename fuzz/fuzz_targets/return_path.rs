//! Any text as an address that mail comes to. None may be believed that was not signed here.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::suppression::Secret;
use postrider_mail::verp::Verp;

static VERP: LazyLock<Verp> = LazyLock::new(|| {
    Verp::new(vec![Secret::new([2; 32]), Secret::new([1; 32])], "bounces.shop.example")
        .expect("makes return paths")
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(id) = VERP.verify(text)
    {
        // A seed, or another spelling of it: the signature itself is one of the two secrets'.
        let old = Verp::new(vec![Secret::new([1; 32])], "bounces.shop.example").expect("makes return paths");
        let text = text.to_ascii_lowercase();
        assert!([&*VERP, &old].iter().any(|verp| text.contains(verp.address(id).as_str())));
    }
    if let Ok(bytes) = bytes.try_into() {
        let id = NotificationId::from_bytes(bytes);
        assert_eq!(VERP.verify(VERP.address(id).as_str()), Some(id));
    }
});
