#![cfg_attr(feature = "waiter-server", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "waiter-server"), doc = "Stateful simulators of the peers, with faults.")]

#[cfg(feature = "atol")]
pub mod atol;
#[cfg(feature = "dualconnector")]
pub mod dualconnector;
#[cfg(feature = "iiko-front")]
pub mod fault;
pub mod ids;
#[cfg(feature = "iiko-front")]
pub mod iiko_front;
#[cfg(feature = "loymax")]
pub mod loymax;
#[cfg(feature = "iiko-front")]
mod power;
#[cfg(feature = "sberbank")]
pub mod sberbank;
#[cfg(feature = "waiter-server")]
pub mod story;
#[cfg(feature = "waiter-server")]
pub mod waiter_server;
#[cfg(feature = "iiko-front")]
mod wire;

#[cfg(feature = "iiko-front")]
pub use self::power::{PowerCut, Stop};
