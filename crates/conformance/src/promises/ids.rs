//! Ids of every length from 1 to 64 of which some engine, column type or program takes two for one.

use std::collections::HashSet;

use super::*;

pub(super) fn bytewise_ids(kit: &Kit) -> Result<(), Sentence> {
    let (writer, reader) = (kit.open()?, kit.open()?);
    let ids = look_alikes(kit)?;
    let mut mine = Vec::new();
    for id in &ids {
        if write(&writer, &ids, id)? {
            mine.push(id);
        }
    }
    // And once more, because an UPDATE may compare otherwise than an INSERT.
    let again =
        mine.iter().enumerate().filter(|(nth, id)| *nth < ENDS.len() || id.as_bytes().len() < 5);
    for (_, id) in again {
        write(&writer, &ids, id)?;
    }
    for id in mine {
        match reader.load(id)? {
            Some(found) if is_of(id, &found) => {}
            Some(found) => return Err(one_account(&ids, id, &found)),
            None => {
                return Err(format!("{} was Stored, and load finds nothing", printable(id)));
            }
        }
    }
    Ok(())
}

/// Whether a kit, this one or an earlier one, wrote the record under this id.
fn is_of(id: &AccountId, record: &Record) -> bool {
    *record == record_of(id, record.version(), 1)
}

/// Writes a record that names the id. A short id may have been written by an earlier run, and may be
/// written by another run at the same time; one that has another program's record is left alone.
fn write(handle: &Handle, ids: &[AccountId], id: &AccountId) -> Result<bool, Sentence> {
    let of = |sentence: Sentence| format!("{sentence}, for the id {}", printable(id));
    for _ in 0..CROWD {
        let found = handle.load(id).map_err(of)?;
        if let Some(found) = found.as_ref().filter(|found| !is_of(id, found)) {
            if id.as_bytes().len() < PREFIXED && twin(ids, found).is_none() {
                return Ok(false);
            }
            return Err(one_account(ids, id, found));
        }
        let expected = found.map(|found| found.version());
        let record = record_of(id, expected.map_or(1, next), 1);
        if put(handle, id, expected, &record).map_err(of)? == Swap::Stored {
            return Ok(true);
        }
    }
    Err(format!(
        "swap goes on answering Stale for {}, of which load finds no other version: it compares another \
         account",
        printable(id)
    ))
}

/// Ends of ids of which some engine, column type or program takes two for one.
const ENDS: [&[u8]; 64] = [
    b"",
    b" ",
    b"  ",
    b"\t",
    b"\n",
    b"\r\n",
    b"\0",
    b"\0\0",
    b"\0a",
    b"a\0",
    b"a\0b",
    b"a",
    b"A",
    b"a ",
    b" a",
    b"A ",
    b"b",
    b"_",
    b"%",
    b"*",
    b"?",
    b".",
    b"a.",
    b"'",
    b"''",
    b"\\",
    b"\\'",
    b"\"",
    b"/",
    b":",
    b"{",
    b"}",
    b"{}",
    b"1",
    b"01",
    b"1.0",
    b"1e0",
    b"+1",
    "\u{e1}".as_bytes(),   // one code point, and
    "a\u{301}".as_bytes(), // the same letter in two
    "\u{c1}".as_bytes(),
    "A\u{301}".as_bytes(),
    "\u{df}".as_bytes(),
    b"ss",
    "a\u{ad}".as_bytes(), // a soft hyphen, which collations ignore
    "\u{131}".as_bytes(),
    b"i",
    b"I",
    "\u{17f}".as_bytes(), // a long s
    b"s",
    "\u{212a}".as_bytes(), // the sign of the Kelvin
    b"K",
    b"k",
    "\u{fb01}".as_bytes(), // a ligature
    b"fi",
    "\u{2460}".as_bytes(), // a digit in a circle
    "\u{ff11}".as_bytes(), // a digit as wide as an ideograph
    "\u{ff21}".as_bytes(),
    "\u{661}".as_bytes(),
    "\u{1e9e}".as_bytes(),
    "\u{3c2}".as_bytes(), // a final sigma
    "\u{3c3}".as_bytes(),
    "\u{a0}".as_bytes(), // a space that does not break
    "a\u{200b}".as_bytes(),
];

/// Ids of this length have bytes of this run's, so that no other program has them.
const PREFIXED: usize = 19;

/// Pairs that are one number of 32 bits: CRC-32, CRC-32C, Adler-32, FNV-1, FNV-1a, djb2 (two), sdbm,
/// times 31, MurmurHash3, xxHash32; the first and the last four bytes of MD5, SHA-1, SHA-256, SHA-512,
/// BLAKE2b, BLAKE2s, SHA3-256; the low and the high half of FNV-1a with 64 bits, and of Rust's
/// `DefaultHasher` for bytes, for text, and for bytes without their length.
const HASHED: [[&str; 2]; 33] = [
    ["ukmh2gsr56", "sehys4phfn"],
    ["dr62khyvdd", "4s5mecwekf"],
    ["z2ktje2fvw", "gls7n3pjyn"],
    ["dob22drmmx", "hfwbzjkc6h"],
    ["amveu3xyve", "bc5dnahx2x"],
    ["mz4e3bclam", "r6hwg37nv6"],
    ["ng5g64a6zi", "shx7xyjsix"],
    ["ioaj655tju", "2vkrqrg7yu"],
    ["7fbyhhjwat", "g7c5quhkw4"],
    ["hmwpkgdi3d", "wtl5irvbdn"],
    ["j7xdcbkj73", "j67jtekwyn"],
    ["i5cwm7oix4", "k7eequldlg"],
    ["fuod3uniui", "pixekjnq56"],
    ["hee43twvly", "4znrdsfsi4"],
    ["7yarkusr5w", "pms7xtmar7"],
    ["cva2cykofs", "eey2bw5ycj"],
    ["5jo3226agk", "uvxpk4jwnu"],
    ["ohqegz5xpf", "6sdcb25sl7"],
    ["2wgpiw2dzu", "a6nv6xwdyf"],
    ["d46fwxg63l", "enzze3xu2u"],
    ["nudmt3teif", "7hjgnyd75v"],
    ["wz63l5eau5", "2yacitbfqd"],
    ["4c2fgebf3e", "6phsyql37x"],
    ["zxnq52qy3o", "d66ye7ftib"],
    ["qccqgenjhu", "igqstqwfxl"],
    ["biqnpnbbmc", "3n3sqki6jz"],
    ["nqql6xogee", "3hnu5bno6y"],
    ["t55e5musv6", "5sj73i7n7l"],
    ["o377pjjvyy", "fef76z4vec"],
    ["5be4sba24a", "6vidv26ukv"],
    ["u2ny5ycwiv", "anqh2mg54k"],
    ["yg7hdsup2d", "3pguoo3bha"],
    ["r3bvm4nhv7", "x4ai6asw6q"],
];

/// What looks like a number, or like nothing.
const NUMBERS: [&str; 48] = [
    "0",
    "00",
    "-0",
    "+0",
    "0.0",
    "0e0",
    "1",
    "01",
    "001",
    "+1",
    "-1",
    " 1",
    "1 ",
    "\t1",
    "1\n",
    "1.",
    "1.0",
    "1e0",
    "1E0",
    "0x1",
    "0X1",
    "0b1",
    "0o1",
    "1_",
    "1,",
    "1'",
    "1L",
    "1n",
    "256",
    "0x100",
    "1e1",
    "10",
    "1e2",
    "100",
    "nan",
    "NaN",
    "NAN",
    "inf",
    "Inf",
    "infinity",
    "null",
    "NULL",
    "Null",
    "None",
    "true",
    "True",
    "false",
    "undefined",
];

/// Numbers beside the edges of 24, 31, 32, 53, 63, 64 and 128 bits.
const EDGES: [u128; 18] = [
    0xff_ffff,
    0x100_0000,
    0x100_0001,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x1f_ffff_ffff_ffff,
    0x20_0000_0000_0000,
    0x20_0000_0000_0001,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_fffe,
    0xffff_ffff_ffff_ffff,
    0x1_0000_0000_0000_0000,
    0x1_0000_0000_0000_0001,
    0xffff_ffff_ffff_ffff_ffff_ffff_ffff_fffe,
    0xffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff,
];

/// Ids of which some engine, column type or program takes two for one, each once.
fn look_alikes(kit: &Kit) -> Result<Vec<AccountId>, Sentence> {
    // The random digits of this run: as many as differ are enough.
    let random = kit.prefix.trim_start_matches("kit");
    let base = format!("{}-id-", kit.prefix).into_bytes();
    let mut ids: Vec<Vec<u8>> = ENDS.iter().map(|end| [&base, *end].concat()).collect();
    for start in [b" ".as_slice(), b"\0", b"0", b"\xef\xbb\xbf"] {
        ids.push([start, &base, b"a"].concat());
    }
    // Each byte value once: what is no UTF-8, and what a replacement character swallows.
    for value in 0..=u8::MAX {
        ids.push([&base, b"v".as_slice(), &[value]].concat());
        ids.push(Vec::from([value]));
    }
    ids.extend(of_every_length(random));
    ids.extend(numbers(random));
    ids.extend(numbers_in_bytes(random));
    ids.extend(spellings(random));
    ids.extend(HASHED.iter().flatten().map(|id| id.as_bytes().to_vec()));
    let mut seen = HashSet::new();
    let possible = |id: &Vec<u8>| (1..=AccountId::MAX_LEN).contains(&id.len());
    let once = ids.into_iter().filter(possible).filter(|id| seen.insert(id.clone()));
    once.map(id_of).collect()
}

/// Texts of 1 to 64 bytes, each the beginning of the next, and what becomes of each: cut at either end
/// or in the middle, filled up, turned round, in capitals.
fn of_every_length(random: &str) -> Vec<Vec<u8>> {
    let letters = random.bytes().cycle().zip(0_u8..).map(|(digit, nth)| {
        let letter = digit.wrapping_mul(7).wrapping_add(nth.wrapping_mul(5)) % 26;
        b'a'.wrapping_add(letter)
    });
    let whole: Vec<u8> = letters.take(AccountId::MAX_LEN).collect();
    let mut ids = Vec::new();
    for length in 1..=whole.len() {
        let (id, _) = whole.split_at(length);
        let end: Vec<u8> = whole.iter().copied().skip(whole.len().saturating_sub(length)).collect();
        ids.extend([id.to_vec(), end, id.to_ascii_uppercase(), id.iter().rev().copied().collect()]);
        ids.extend([0, length / 2, length.saturating_sub(1)].map(|place| flipped(id, place, 1)));
        for fill in [b' ', b'\0', b'0'] {
            ids.extend([[id, &[fill]].concat(), [&[fill], id].concat(), vec![fill; length]]);
        }
    }
    // One bit apart, at every place.
    for length in [4, 8, 16, 32, AccountId::MAX_LEN] {
        let (id, _) = whole.split_at(length);
        ids.extend((0..length).map(|place| flipped(id, place, 2)));
        ids.extend(
            (0..length.min(16)).flat_map(|place| [0x20, 0x80].map(|bit| flipped(id, place, bit))),
        );
    }
    ids
}

/// The same with one bit of one byte turned.
fn flipped(id: &[u8], place: usize, bit: u8) -> Vec<u8> {
    let turn = |(at, byte): (usize, &u8)| if at == place { byte ^ bit } else { *byte };
    id.iter().enumerate().map(turn).collect()
}

/// Texts that some type reads as one number.
fn numbers(random: &str) -> Vec<Vec<u8>> {
    let mut ids: Vec<Vec<u8>> = NUMBERS.iter().map(|text| text.as_bytes().to_vec()).collect();
    ids.extend(["\u{ff11}", "\u{661}"].map(|digit| digit.as_bytes().to_vec()));
    // A number of this run's, of one to eight digits.
    let drawn = u128::from_str_radix(random, 16).unwrap_or(1);
    let powers = (1..=8_u32).filter_map(|digits| 10_u128.checked_pow(digits));
    let drawn = powers.filter_map(|power| drawn.checked_rem(power));
    for number in EDGES.into_iter().chain(drawn) {
        let decimal = [
            format!("{number}"),
            format!("0{number}"),
            format!("00{number}"),
            format!("{number:08}"),
            format!("+{number}"),
            format!("-{number}"),
            format!(" {number}"),
            format!("{number} "),
            format!("{number}.0"),
            format!("{number}e0"),
            format!("{number:x}"),
            format!("{number:X}"),
            format!("0x{number:x}"),
            format!("0{number:o}"),
        ];
        ids.extend(decimal.map(String::into_bytes));
    }
    ids
}

/// Bytes that some type reads as one number.
fn numbers_in_bytes(random: &str) -> Vec<Vec<u8>> {
    let mut ids = Vec::new();
    for length in 1..=16_usize {
        for (end, fill) in [(1, 0), (0xff, 0), (0x80, 0), (0x7f, 0xff), (0xff, 0xff), (0xfe, 0xff)]
        {
            let mut id = vec![fill; length];
            id.splice(..1, [end]);
            ids.push(id.clone());
            id.reverse();
            ids.push(id);
        }
    }
    // Eight bytes as an integer, a float, a NaN: one bit apart, where a type of 53 bits is blind.
    let drawn = u64::from_str_radix(random, 16).unwrap_or(1);
    let bits = (0..u64::BITS).map(|bit| drawn ^ 1_u64.checked_shl(bit).unwrap_or(0));
    ids.extend(bits.map(|number| number.to_be_bytes().to_vec()));
    for number in [drawn, drawn | 1 << 63, 0x7ff8_0000_0000_0000, 0xffff_ffff_ffff_ff00, 1 << 60] {
        for low in 0..12_u64 {
            let number = number ^ low;
            ids.extend([number.to_be_bytes().to_vec(), number.to_le_bytes().to_vec()]);
        }
    }
    ids
}

/// One name in the spellings that a decoder takes for it.
fn spellings(random: &str) -> Vec<Vec<u8>> {
    let mut ids = Vec::new();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let named = format!("k {random}");
    for name in ["a", "A", "aa", "a b", "a+b", random, &named] {
        let (digits, rest) = (hex(name.as_bytes()), name.get(1..).unwrap_or_default());
        let first = digits.get(..2).unwrap_or_default();
        let upper = digits.to_ascii_uppercase();
        let percent: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        ids.push(name.to_owned());
        ids.extend([name.replace(' ', "+"), name.replace(' ', "%20"), percent]);
        ids.extend([
            format!("%{first}{rest}"),
            format!("={first}{rest}"),
            format!("\\x{first}{rest}"),
        ]);
        ids.extend([format!("\\u00{first}{rest}"), format!("&#x{first};{rest}")]);
        ids.extend([
            format!("\\x{digits}"),
            format!("0x{digits}"),
            format!("x'{digits}'"),
            digits,
            upper,
        ]);
        ids.extend(base64(name.as_bytes()));
        ids.extend([
            format!("\"{name}\""),
            format!("'{name}'"),
            format!("[{name}]"),
            format!("<{name}>"),
        ]);
        ids.extend([
            format!("{name}/"),
            format!("/{name}"),
            format!("./{name}"),
            format!("{name}\\0"),
        ]);
    }
    // A UUID: sixteen bytes, and its texts.
    let digits = format!("{random}{random}");
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    let parts = parts.map(|(from, to)| digits.get(from..to).unwrap_or_default());
    let hyphens = parts.join("-");
    ids.extend([digits.to_ascii_uppercase(), hyphens.to_ascii_uppercase()]);
    ids.extend([format!("{{{hyphens}}}"), format!("urn:uuid:{hyphens}"), hyphens]);
    let half = u64::from_str_radix(random, 16).unwrap_or(0).to_be_bytes();
    ids.push(digits);
    let mut ids: Vec<Vec<u8>> = ids.into_iter().map(String::into_bytes).collect();
    ids.push([half, half].concat());
    ids.push(half.to_vec());
    // One letter in three encodings of text.
    ids.extend([
        b"\xe9".to_vec(),
        b"\xc3\xa9".to_vec(),
        b"\xc3\x83\xc2\xa9".to_vec(),
        b"\xe9\0".to_vec(),
    ]);
    ids
}

/// With padding, without, and both for URLs.
fn base64(bytes: &[u8]) -> [String; 4] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bare = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, nth| {
            bits << 8 | usize::from(three.get(nth).copied().unwrap_or(0))
        });
        for digit in 0..=three.len() {
            let six = bits >> 18_usize.saturating_sub(digit.saturating_mul(6)) & 63;
            bare.push(char::from(DIGITS.get(six).copied().unwrap_or(b'A')));
        }
    }
    let padding = "=".repeat(bare.len().next_multiple_of(4).saturating_sub(bare.len()));
    let padded = format!("{bare}{padding}");
    let for_urls = |text: &str| text.replace('+', "-").replace('/', "_");
    [for_urls(&padded), for_urls(&bare), padded, bare]
}

/// The id, of those that the kit uses, under which the record was written.
fn twin<'i>(ids: &'i [AccountId], found: &Record) -> Option<&'i AccountId> {
    ids.iter().find(|twin| is_of(twin, found))
}

fn one_account(ids: &[AccountId], id: &AccountId, found: &Record) -> Sentence {
    let Some(twin) = twin(ids, found) else {
        return format!("load found {found:?} under {}, which nobody wrote there", printable(id));
    };
    format!(
        "{} and {} are one account: keep ids in a binary column (BLOB, bytea, VARBINARY), whole, \
         and compare them bytewise, without case, trimming, patterns, normal forms or text encoding",
        printable(twin),
        printable(id)
    )
}

fn printable(id: &AccountId) -> String {
    format!("\"{}\"", id.as_bytes().escape_ascii())
}
