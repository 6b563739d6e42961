#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

/// A driver that has a text: cuts it to the buffer and says how long it is.
fn driver<U: Unit>(text: &str) -> impl FnMut(&mut [U]) -> i32 {
    let units = Text::<U>::try_new(text).unwrap();
    move |buffer| {
        for (to, from) in buffer.iter_mut().zip(units.units()) {
            *to = *from;
        }
        i32::try_from(units.units().len()).unwrap()
    }
}

#[test]
fn both_widths_carry_any_text() {
    for text in ["", "Ёж, ёлка", "Пицца 🍕 «4 сыра»", "\u{10FFFF}a", "日本"] {
        assert_eq!(read(driver::<u16>(text)).unwrap(), text);
        assert_eq!(read(driver::<u32>(text)).unwrap(), text);
    }
    assert_eq!(Text::<u16>::try_new("ё🍕").unwrap().units(), [0x451, 0xD83C, 0xDF55, 0]);
    assert_eq!(Text::<u32>::try_new("ё🍕").unwrap().units(), [0x451, 0x1F355, 0]);
}

#[test]
fn a_nul_inside_is_refused() {
    assert_eq!(Text::<u32>::try_new("a\0b").unwrap_err(), TextError::Nul);
}

#[test]
fn what_is_no_character_is_replaced() {
    let cut = |units: &'static [u32]| {
        read(move |buffer: &mut [u32]| {
            buffer[..units.len()].copy_from_slice(units);
            i32::try_from(units.len()).unwrap()
        })
    };
    assert_eq!(
        cut(&[0x41, 0xD800, 0x0011_0000, u32::MAX, 0x42, 0]).unwrap(),
        "A\u{FFFD}\u{FFFD}\u{FFFD}B"
    );
    assert_eq!(cut(&[0x41, 0, 0x42, 0]).unwrap(), "A", "the first NUL is the end");
    assert_eq!(cut(&[0x41, 0x42]).unwrap(), "AB", "a cut text may have no NUL");
    assert_eq!(u16::decode(&[0x41, 0xD83C, 0x42]), "A\u{FFFD}B");
}

#[test]
fn a_long_text_is_asked_for_again() {
    let text = "я".repeat(70_000);
    let mut sizes = Vec::new();
    let mut driver = driver::<u32>(&text);
    let read = read(|buffer: &mut [u32]| {
        sizes.push(buffer.len());
        driver(buffer)
    });
    assert_eq!(read.unwrap(), text);
    assert_eq!(sizes, [FIRST, 70_001]);
}

#[test]
fn lengths_that_lie_end() {
    for nothing in [0, -1, i32::MIN] {
        assert_eq!(read(|_: &mut [u32]| nothing).unwrap(), "");
    }
    let units = usize::try_from(i32::MAX).unwrap();
    assert_eq!(read(|_: &mut [u32]| i32::MAX), Err(TextError::TooLong { units }));
    let mut asks = 0;
    let growing = read(|buffer: &mut [u32]| {
        asks += 1;
        i32::try_from(buffer.len() + 1).unwrap()
    });
    assert_eq!((growing, asks), (Err(TextError::Growing), ASKS_MAX));
}
