//! The conformance suite of loyalty processings on Loymax, over real HTTP against the simulator:
//! with both kinds of letters and every way to sign, in XML and in JSON, whatever becomes of a
//! repeat.
#![allow(clippy::unwrap_used, reason = "tests")]

mod hall;
mod keys;

use hall::{Hall, Speech};
use tillway_loymax::dialect::Letters::{Utf8, Windows1251};
use tillway_loymax::sign::Profile;
use tillway_sim::loymax::house::Duplicates;
use tillway_testkit::processing_conformance;

fn plain() -> Hall {
    Hall::new(Speech::Xml(Utf8, Profile::None), Duplicates::Replay)
}

fn old_letters() -> Hall {
    Hall::new(Speech::Xml(Windows1251, Profile::None), Duplicates::Reject)
}

fn detached() -> Hall {
    Hall::new(Speech::Xml(Utf8, Profile::DetachedBody), Duplicates::Reject)
}

fn detached_in_old_letters() -> Hall {
    Hall::new(Speech::Xml(Windows1251, Profile::DetachedBody), Duplicates::Replay)
}

fn enveloped() -> Hall {
    Hall::new(Speech::Xml(Utf8, Profile::EnvelopedXmlDsig), Duplicates::Replay)
}

fn enveloped_in_old_letters() -> Hall {
    Hall::new(Speech::Xml(Windows1251, Profile::EnvelopedXmlDsig), Duplicates::Reject)
}

fn json() -> Hall {
    Hall::new(Speech::Json, Duplicates::Replay)
}

fn json_that_rejects() -> Hall {
    Hall::new(Speech::Json, Duplicates::Reject)
}

processing_conformance!(utf8, plain, lacks: [Signed]);
processing_conformance!(windows1251, old_letters, lacks: [Signed]);
processing_conformance!(utf8_detached, detached, lacks: []);
processing_conformance!(windows1251_detached, detached_in_old_letters, lacks: []);
processing_conformance!(utf8_enveloped, enveloped, lacks: []);
processing_conformance!(windows1251_enveloped, enveloped_in_old_letters, lacks: []);
processing_conformance!(mirror, json, lacks: [Cards, Disorder, Signed]);
processing_conformance!(mirror_rejects, json_that_rejects, lacks: [Cards, Disorder, Signed]);
