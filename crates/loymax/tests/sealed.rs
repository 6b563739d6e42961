//! Signed messages, against files that openssl and lxml made from the unsigned ones; xmlsec1
//! accepts them.
#![allow(clippy::unwrap_used, reason = "tests")]

mod keys;
mod peer;
mod support;

use tillway_core::port::LoyaltyProcessing;
use tillway_core::port::processing::{Kind, Sealed};
use tillway_loymax::Config;
use tillway_loymax::sign::{Profile, Signatures};

use keys::{certificate, identity};
use peer::{fixture, till};
use support::{TILL, operation};

fn sealed(profile: Profile) -> Sealed {
    let signatures = Signatures::new(profile, &identity("till"), &[certificate("processing")]);
    let config = Config { signatures, ..Config::new("http://127.0.0.1:1/x", TILL, "secret") };
    till(config).seal(&operation(Kind::Pay)).unwrap()
}

const PLAIN: &str = "content-type: application/xml; charset=utf-8\n";

#[tokio::test]
async fn a_signed_message_is_written_to_the_byte() {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let rows = [
        (Profile::None, fixture("requests/pay.xml"), PLAIN.into()),
        (Profile::DetachedBody, fixture("requests/pay.xml"), fixture("signed/detached.headers")),
        (Profile::EnvelopedXmlDsig, fixture("signed/enveloped.xml"), PLAIN.into()),
    ];
    for (profile, body, beside) in rows {
        let sealed = sealed(profile);
        assert_eq!(text(sealed.body), text(body), "{profile:?}");
        assert_eq!(text(sealed.beside), text(beside), "{profile:?}");
    }
}
