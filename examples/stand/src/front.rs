//! The simulated iikoFront with the front plugin, which serves the bridge of the demo.

use std::net::SocketAddr;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tillway::core::AccountKind;
use tillway::core::port::Clock;
use tillway::runtime::RandomIds;
use tillway::sim::fault::{Hooks, Plan};
use tillway::sim::iiko_front::{FrontConfig, FrontSim, Kind, PaymentType};
use tillway::transport::client::{ClientConfig, HyperClient};
use tillway::transport::{HttpTransport, Runtime};

use crate::config::Till;
use crate::demo;

/// A till that talks to the service over real HTTP.
///
/// In the stand it opens order ids that it does not know and leaves payments made by hand alone;
/// a story (`strict`) has neither. The hooks remember where the service broke its promises.
pub(crate) fn front(
    till: &Till,
    at: SocketAddr,
    clock: Arc<dyn Clock>,
    strict: bool,
) -> (FrontSim, Hooks) {
    let mut config = FrontConfig::demo(format!("http://{at}"));
    config.token = SecretString::from(till.token.expose_secret());
    config.pins = vec![demo::PIN.into()];
    config.demo = !strict;
    config.types = demo::PAYMENT_TYPES.into_iter().map(payment_type).collect();
    let hooks = Hooks::new(Plan::none());
    (FrontSim::new(config, clock, Arc::new(RandomIds), client(), hooks.clone()), hooks)
}

/// An HTTP client of its own.
pub(crate) fn client() -> Arc<dyn HttpTransport> {
    Arc::new(HyperClient::new(&ClientConfig::default(), Runtime::tokio()))
}

fn payment_type(known: (tillway::core::id::Uuid, AccountKind, &str)) -> PaymentType {
    let (id, kind, name) = known;
    let bonus = kind == AccountKind::Bonus;
    let kind = match kind {
        AccountKind::Bonus => Kind::Bonus,
        AccountKind::Deposit => Kind::Deposit,
        AccountKind::Credit => Kind::Credit,
    };
    PaymentType { id, name: name.to_owned(), kind, fiscal: !bonus, as_discount: bonus }
}
