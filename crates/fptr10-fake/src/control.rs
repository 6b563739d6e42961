//! Commands of a test: to the library, or to the register behind it.

use tillway_sim::atol::link::{Call, Param};

use crate::place::{Address, Place};
use crate::world;

/// Does what the words say; −1 when it does not understand, or cannot.
pub(crate) fn perform(command: &str) -> i32 {
    let mut words = command.split_whitespace();
    let Some(name) = words.next() else { return -1 };
    let words: Vec<_> = words.collect();
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    if words == ["overlaps"] {
        return number(world::overlaps());
    }
    if world::quirks(name).take(&words) {
        return 0;
    }
    let address = Address::named(name);
    if let (Address::Usb(path), ["documents"]) = (&address, words.as_slice()) {
        let last = world::register(path).lock().memory.last();
        return i32::try_from(last).unwrap_or(i32::MAX);
    }
    let text = Param::Text(words.join(" "));
    let call = Call { name: "control".into(), params: [(65_645, text)].into() };
    if Place::new(&address).call(&call).code == 0 { 0 } else { -1 }
}
