//! Strings of a register's driver, in both widths, from a library that may lie about them.

use tillway_atol::native::wide::{TEXT_MAX, Text, TextError, Unit, read};

use crate::bytes::Bytes;

/// A text; then answers of the library: how long it says the text is, and the units it writes.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let text = bytes.text();
    carried::<u16>(&text);
    carried::<u32>(&text);
    let answers: Vec<_> = std::iter::from_fn(|| bytes.step().map(Answer::of)).take(8).collect();
    told::<u16>(&answers, |unit| unit as u16, |units| String::from_utf16_lossy(units));
    told::<u32>(
        &answers,
        |unit| unit,
        |units| units.iter().map(|unit| char::from_u32(*unit).unwrap_or('\u{FFFD}')).collect(),
    );
}

/// What we send comes back as it was, from a buffer that is too short at first as well.
fn carried<U: Unit>(text: &str) {
    let Ok(sent) = Text::<U>::try_new(text) else {
        assert!(text.contains('\0'), "{text:?}");
        return;
    };
    let units = sent.units();
    assert!(units.last() == Some(&U::default()));
    assert!(units[..units.len() - 1].iter().all(|unit| *unit != U::default()));
    let back = read(|buffer: &mut [U]| {
        let room = buffer.len().min(units.len());
        buffer[..room].copy_from_slice(&units[..room]);
        units.len() as i32
    });
    assert_eq!(back.as_deref(), Ok(text));
}

struct Answer {
    claim: i32,
    units: Vec<u32>,
}

impl Answer {
    fn of(mut step: Bytes<'_>) -> Self {
        let claim = match step.byte() {
            0 => i32::MAX,
            1 => i32::MIN,
            2 => -1,
            3 => TEXT_MAX as i32 + 1,
            4 => 1 << step.below(23),
            5 => i32::from(step.u16()),
            small => i32::from(small) - 5,
        };
        let mut units = Vec::new();
        while !step.is_empty() {
            units.push(match step.byte() {
                0xD0 => 0xD800 + u32::from(step.u16() & 0x7FF),
                0xD1 => 0x10_0000 + u32::from(step.u16()) * 2,
                0xD2 => u32::MAX,
                0xD3 => u32::from(step.u16()),
                byte => u32::from(byte),
            });
        }
        Self { claim, units }
    }
}

/// The library's last answers are read as the standard reads them, in bounded time and room.
fn told<U: Unit>(answers: &[Answer], unit: impl Fn(u32) -> U, text: impl Fn(&[U]) -> String) {
    let mut asked = 0;
    let mut largest = 0;
    let mut last = (0, Vec::new());
    let result = read(|buffer: &mut [U]| {
        let answer = answers.get(asked);
        asked += 1;
        largest = largest.max(buffer.len());
        let Some(answer) = answer else { return 0 };
        for (place, told) in buffer.iter_mut().zip(&answer.units) {
            *place = unit(*told);
        }
        last = (answer.claim, buffer.to_vec());
        answer.claim
    });
    assert!(asked <= 4 && largest <= TEXT_MAX, "{asked} {largest}");
    match result {
        Err(TextError::TooLong { units }) => assert!(units > TEXT_MAX),
        Err(TextError::Growing) => assert!(asked > 1),
        Err(other) => panic!("{other}"),
        Ok(_) if asked > answers.len() || last.0 <= 0 => {}
        Ok(read) => {
            let claimed = &last.1[..last.0 as usize];
            let end = claimed.iter().position(|unit| *unit == U::default());
            assert_eq!(read, text(&claimed[..end.unwrap_or(claimed.len())]));
        }
    }
}
