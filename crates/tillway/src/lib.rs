#![cfg_attr(all(feature = "memory", feature = "tokio"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "memory", feature = "tokio")),
    doc = "tillway: guest accounts connected to the systems of a restaurant."
)]

pub mod builder;
#[cfg(feature = "tokio")]
pub mod runtime;

#[cfg(feature = "atol")]
pub use tillway_atol as atol;
pub use tillway_core as core;
#[cfg(feature = "sberbank")]
pub use tillway_device as device;
#[cfg(feature = "dualconnector")]
pub use tillway_dualconnector as dualconnector;
pub use tillway_engine as engine;
#[cfg(feature = "layers")]
pub use tillway_layers as layers;
#[cfg(feature = "loymax")]
pub use tillway_loymax as loymax;
#[cfg(feature = "memory")]
pub use tillway_memory as memory;
#[cfg(feature = "sberbank")]
pub use tillway_sberbank as sberbank;
#[cfg(feature = "sim")]
pub use tillway_sim as sim;
#[cfg(feature = "sqlite")]
pub use tillway_sqlite as sqlite;
#[cfg(any(
    feature = "atol",
    feature = "dualconnector",
    feature = "loymax",
    feature = "sim",
    feature = "waiter"
))]
pub use tillway_transport as transport;
#[cfg(feature = "waiter")]
pub use tillway_waiter as waiter;

pub use self::builder::{BuildError, Builder, Built, StoreConfig};

#[cfg(all(doctest, feature = "atol"))]
#[doc = include_str!("../../../docs/guide/ru/atol.md")]
struct AtolGuide;

#[cfg(all(doctest, feature = "dualconnector", feature = "sberbank"))]
#[doc = include_str!("../../../docs/guide/ru/acquiring.md")]
struct AcquiringGuide;

#[cfg(all(doctest, feature = "layers", feature = "loymax"))]
#[doc = include_str!("../../../docs/guide/ru/loymax.md")]
struct LoymaxGuide;
