//! Ids that become other ids.

use crate::stores::*;

respell! {
    LowerCased: |id| id.to_ascii_lowercase();
    Trimmed: |id| id.trim_ascii().to_vec();
    TrimmedAtTheEnd: |id| id.strip_suffix(b" ").unwrap_or(id).to_vec();
    UpToNul: |id| id.split(|byte| *byte == 0).next().unwrap().to_vec();
    Utf8: |id| String::from_utf8_lossy(id).into_owned().into_bytes();
    Composed: |id| String::from_utf8_lossy(id).replace("a\u{301}", "\u{e1}").into_bytes();
    Short: |id| id[..id.len().min(63)].to_vec();
    Everybody: |_| Vec::new();
}

/// Ids of eight bytes or fewer, kept as numbers.
fn short(id: &[u8], number: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> Vec<u8> {
    let number = if id.len() <= 8 { number(id) } else { None };
    // No id is as long as this.
    number.map_or(id.to_vec(), |number| [[0; 65].as_slice(), &number].concat())
}

fn text(id: &[u8]) -> Option<&str> {
    std::str::from_utf8(id).ok()
}

fn eight(id: &[u8]) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[8 - id.len()..].copy_from_slice(id);
    bytes
}

fn unhex(id: &[u8]) -> Option<Vec<u8>> {
    let text = text(id)?;
    let pairs = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bytes = (0..text.len()).step_by(2);
    pairs.then(|| bytes.map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect())
}

fn without_escapes(id: &[u8], mark: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = id;
    while let Some((first, after)) = rest.split_first() {
        let digits = rest.strip_prefix(mark).and_then(|after| after.get(..2)).and_then(unhex);
        match digits {
            Some(byte) => {
                plain.extend(byte);
                rest = &rest[mark.len() + 2..];
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

fn crc32(id: &[u8]) -> u32 {
    !id.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

fn fnv1a(id: &[u8]) -> u32 {
    id.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

fn sip(id: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// A hash of somebody's making, of which no list of collisions exists.
fn homemade(id: &[u8]) -> u32 {
    let hash = id.iter().fold(0x1234_5678_9abc_def1_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x2545_f491_4f6c_dd1d).rotate_left(29)
    });
    (hash ^ hash >> 32) as u32
}

respell! {
    // Decimal digits become an integer: leading zeros are gone.
    Decimal: |id| short(id, |id| Some(text(id)?.parse::<u64>().ok()?.to_be_bytes().to_vec()));
    // A column without a type, where what looks like a number is one.
    Float: |id| short(id, |id| Some(text(id)?.parse::<f64>().ok()?.to_be_bytes().to_vec()));
    // The bytes are a number, the first one counting most: leading NULs are gone.
    BigEndian: |id| short(id, |id| Some(eight(id).to_vec()));
    // And the last one counting most.
    LittleEndian: |id| short(id, |id| {
        let end = id.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Some(id[..end].to_vec())
    });
    // The same in a number that has 53 bits.
    Double: |id| short(id, |id| {
        (id.len() == 8).then(|| (u64::from_be_bytes(eight(id)) as f64).to_be_bytes().to_vec())
    });
    // The same with a sign.
    Signed: |id| short(id, |id| {
        let fill = if id[0] > 0x7f { 0xff } else { 0 };
        Some([&vec![fill; 8 - id.len()], id].concat())
    });
    // What looks like hexadecimal is bytes.
    Unhexed: |id| unhex(id).unwrap_or(id.to_vec());
    // What looks like a UUID is one, with hyphens or without, in either case.
    Uuid: |id| {
        let bare: Vec<u8> = id.iter().copied().filter(|byte| *byte != b'-').collect();
        if bare.len() == 32 { unhex(&bare).unwrap_or(id.to_vec()) } else { id.to_vec() }
    };
    // CHAR(16), and a longer one for the longer ones.
    Padded: |id| {
        let mut id = id.to_vec();
        id.resize(id.len().max(16), b' ');
        id
    };
    // RIGHT(id, 48).
    LastBytes: |id| id[id.len().saturating_sub(48)..].to_vec();
    // The first 24 and the last 24 bytes: an index on two prefixes.
    BothEnds: |id| {
        if id.len() <= 48 { id.to_vec() } else { [&id[..24], &id[id.len() - 24..]].concat() }
    };
    // A path of a URL.
    Percent: |id| without_escapes(id, b"%");
    // A literal of bytes.
    Backslash: |id| without_escapes(id, b"\\x");
    Crc32: |id| crc32(id).to_be_bytes().to_vec();
    Fnv1a: |id| fnv1a(id).to_be_bytes().to_vec();
    LowSip: |id| (sip(id) as u32).to_be_bytes().to_vec();
    Homemade: |id| homemade(id).to_be_bytes().to_vec();
}
