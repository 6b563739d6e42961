//! A portrait in four colours, painted here so that the tree holds no picture.

/// Width and height in pixels; four pixels fit into a byte.
const SIDE: u32 = 128;

/// Background, jacket, skin, hair.
const COLOURS: [[u8; 3]; 4] = [[214, 228, 222], [52, 96, 128], [236, 196, 166], [92, 58, 40]];

/// A PNG of some four kilobytes.
pub(super) fn portrait() -> Box<[u8]> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend_from_slice(&SIDE.to_be_bytes());
    header.extend_from_slice(&SIDE.to_be_bytes());
    // Two bits per pixel, palette, no interlacing.
    header.extend_from_slice(&[2, 3, 0, 0, 0]);
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"PLTE", &COLOURS.concat());
    chunk(&mut png, *b"IDAT", &zlib(&rows()));
    chunk(&mut png, *b"IEND", &[]);
    png.into()
}

/// Each row begins with a zero: no filter.
fn rows() -> Vec<u8> {
    let mut rows = Vec::new();
    for y in 0..SIDE {
        rows.push(0);
        for x in (0..SIDE).step_by(4) {
            rows.push((x..x + 4).fold(0, |byte, x| (byte << 2) | colour(x, y)));
        }
    }
    rows
}

/// Which of the four colours a pixel has.
fn colour(x: u32, y: u32) -> u8 {
    let inside = |cx: u32, cy: u32, rx: u32, ry: u32| {
        let (dx, dy) = (x.abs_diff(cx), y.abs_diff(cy));
        dx * dx * ry * ry + dy * dy * rx * rx <= rx * rx * ry * ry
    };
    let (hair, face) = (inside(64, 50, 32, 34), inside(64, 56, 23, 27));
    let locks = y > 50 && y < 92 && (x.abs_diff(64) > 20 && x.abs_diff(64) < 32);
    match () {
        () if face && y > 38 => 2,
        () if hair || locks => 3,
        () if inside(64, 84, 10, 14) => 2,
        () if inside(64, 132, 48, 38) => 1,
        () => 0,
    }
}

/// A zlib stream of one stored block: nothing is compressed.
fn zlib(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    let mut out = vec![0x78, 0x01, 1];
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(data);
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend_from_slice(&((b << 16) | a).to_be_bytes());
    out
}

fn chunk(png: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    png.extend_from_slice(&length.to_be_bytes());
    let from = png.len();
    png.extend_from_slice(&name);
    png.extend_from_slice(data);
    let sum = crc32(png.get(from..).unwrap_or_default());
    png.extend_from_slice(&sum.to_be_bytes());
}

fn crc32(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let low = crc & 1;
            crc >>= 1;
            if low == 1 {
                crc ^= 0xEDB8_8320;
            }
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portrait_is_a_png_with_good_sums() {
        // The sum that every PNG ends with.
        let png = portrait();
        assert!(png.ends_with(b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"));
        assert!(png.len() < 8_192, "{}", png.len());
        assert_eq!(rows().len(), 128 * 33);
        assert!((0..SIDE).any(|x| colour(x, 64) == 2));
    }
}
