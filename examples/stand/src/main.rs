//! The tillway stand.
fn main() {}
