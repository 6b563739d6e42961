//! What `sb_pilot` reads and writes: its arguments, the files `e` and `p`, its result codes. Open to
//! fuzzing, and no part of the interface.

pub mod answer;
pub(crate) mod arguments;
pub mod charset;
pub(crate) mod code;
pub mod slip;
