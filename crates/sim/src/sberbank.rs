//! A fake `sb_pilot`: a pad, its bank, and the files that it writes (acquiring.md A.10).
//!
//! [`Pad`] is the state: it knows whether money really moved, whatever it says. Two faces drive it:
//! [`Twin`] runs it in memory as the program of a terminal, [`run_in_folder`] is the program itself.
//!
//! What happens next is said by [`Pad::steps`], beside a folder by [`push_step`], and for one run by the
//! variable [`STEP_VARIABLE`].

mod files;
mod pad;
mod process;
mod step;
mod twin;

pub use files::Letters;
pub use pad::{Kind, Moved, Pad, Settings, State};
pub use process::{STEP_VARIABLE, pad_of, push_step, run_in_folder};
pub use step::{Bank, Says, Step};
pub use twin::Twin;
