//! Small texts: names of guests, tills and networks.

use tillway_core::Timestamp;
use tillway_core::guest::Names;
use tillway_core::guest::names::{NAME_CHARS_MAX, cut};
use tillway_core::id::{DeviceId, NAME_LEN_MAX, TillId};
use tillway_waiter::{AllowedPeers, Network, Texts};

use crate::bytes::Bytes;

/// Texts for the parts of a name, for a till, for a network, for a message.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let count = bytes.below(64);
    let mut part = || bytes.flag().then(|| bytes.text().into_boxed_str());
    let names = Names { salutation: part(), first: part(), patronymic: part(), last: part() };
    let client_id = bytes.text();
    let shown = names.display(&client_id);
    assert!(shown == client_id || (!shown.is_empty() && shown.trim() == shown), "{shown:?}");
    assert!(!shown.contains(['\n', '\r', '\t']) || shown == client_id, "{shown:?}");
    let short = names.display_for_iiko(&client_id);
    assert!(short.chars().count() <= NAME_CHARS_MAX && shown.starts_with(&short), "{short:?}");
    let head = cut(&shown, count);
    assert!(head.chars().count() <= count && shown.starts_with(head), "{head:?}");

    let text = bytes.text();
    if let Ok(till) = TillId::try_new(&text) {
        assert!(till.as_str() == text && (1..=NAME_LEN_MAX).contains(&text.len()));
    }
    assert_eq!(TillId::try_new(&text).is_ok(), DeviceId::try_new(&text).is_ok());
    network(&text);
    let _replaced = Texts::default().with(&text, &client_id);
    let _rfc_3339 = Timestamp::utc(bytes.i64()).to_string();
}

fn network(text: &str) {
    let Ok(network) = text.parse::<Network>() else { return };
    let shown = network.to_string();
    assert_eq!(shown.parse::<Network>(), Ok(network), "{shown}");
    let address = shown.split('/').next().expect("an address");
    let address = address.parse().expect("an address");
    assert!(AllowedPeers::new([network]).allows(address), "{shown} does not let its own in");
}
