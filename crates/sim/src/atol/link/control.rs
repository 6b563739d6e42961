//! What a person does to a register, in words: for tests that have it at the end of a line.

use std::time::Duration;

use crate::atol::code::Code;
use crate::atol::fault::{Fault, Point};
use crate::atol::register::Register;

/// `paper 1000` · `cover open` · `power off` · `link on` · `ofd off` · `advance 3600` (seconds) ·
/// `inject P4 paper` · `inject P6 link` · `inject P6 link 2` · `inject P3 power` ·
/// `inject P3 memory signed`.
///
/// # Errors
/// [`Code::INVALID_PARAM`] for anything else; then nothing has changed.
pub(super) fn perform(register: &mut Register, command: &str) -> Result<(), Code> {
    let words: Vec<_> = command.split_whitespace().collect();
    let number = |word: &str| word.parse::<u32>().map_err(|_| Code::INVALID_PARAM);
    match words.as_slice() {
        ["paper", lines] => register.printer.paper = number(lines)?,
        ["cover", word @ ("open" | "closed")] => register.printer.cover_open = *word == "open",
        ["power", word @ ("on" | "off")] => register.power(*word == "on"),
        ["link", word @ ("on" | "off")] => register.link(*word == "on"),
        ["ofd", word @ ("on" | "off")] => register.memory.online = *word == "on",
        ["advance", seconds] => {
            register.advance(Duration::from_secs(u64::from(number(seconds)?)));
        }
        ["inject", point, fault @ ..] => register.inject(at(point)?, what(fault)?),
        _ => return Err(Code::INVALID_PARAM),
    }
    Ok(())
}

fn at(word: &str) -> Result<Point, Code> {
    let names = ["P0", "P1", "P2", "P3", "P4", "P5", "P6"];
    let place = names.iter().position(|name| *name == word);
    place.and_then(|place| Point::ALL.get(place).copied()).ok_or(Code::INVALID_PARAM)
}

fn what(words: &[&str]) -> Result<Fault, Code> {
    match words {
        ["paper"] => Ok(Fault::Paper),
        ["power"] => Ok(Fault::Power),
        ["link"] => Ok(Fault::Link { calls: u32::MAX }),
        ["link", calls] => {
            let calls = calls.parse().map_err(|_| Code::INVALID_PARAM)?;
            Ok(Fault::Link { calls })
        }
        ["memory", word @ ("signed" | "unsigned")] => {
            Ok(Fault::Memory { signed: *word == "signed" })
        }
        _ => Err(Code::INVALID_PARAM),
    }
}
