//! The XML both ways (loymax.md 3 to 7).

mod answer;
mod attributes;
mod element;
mod letters;
pub(crate) mod number;
mod request;

pub use self::answer::{ANSWER_BYTES_MAX, Failure, Reply, ReplyLine, Response, WireError, read};
pub(crate) use self::answer::{lines_of, shortened};
pub use self::letters::decode;
pub use self::request::seal;
