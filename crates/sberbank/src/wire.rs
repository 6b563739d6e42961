//! What `sb_pilot` reads and writes: its arguments, the files `e` and `p`, its result codes.

pub(crate) mod answer;
pub(crate) mod arguments;
pub(crate) mod charset;
pub(crate) mod code;
pub(crate) mod slip;
