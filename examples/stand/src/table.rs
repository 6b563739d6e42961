//! `demo table`.
use crate::failure::Failure;
pub(crate) async fn play() -> Result<(), Failure> { Err(Failure::new("todo")) }
