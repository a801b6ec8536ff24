//! Unit tests of `src/account/codec.rs`, which declares this file at its end: they need what it keeps to itself.

use super::*;

/// The bytes stay in one piece, and in order, when they outgrow their room.
#[test]
fn a_plaintext_that_outgrows_its_room_keeps_what_it_held() {
    use minicbor::encode::Write;
    let mut plaintext = Plaintext(Vec::with_capacity(3));
    for part in [b"one".as_slice(), b"", b" and two", &[b'.'; 500]] {
        plaintext.write_all(part).unwrap();
    }
    assert!(plaintext.0.starts_with(b"one and two...."));
    assert_eq!(plaintext.0.len(), 511);
}

/// A type as one release stores it, and as a later one does.
#[derive(Debug, PartialEq)]
struct Before {
    kept: u8,
}

#[derive(Debug, PartialEq)]
struct After {
    kept: u8,
    added: Option<u64>,
}

fields!(Before { kept } later {});
fields!(After { kept } later { added });

fn written(value: &impl Stored) -> Vec<u8> {
    let mut plaintext = Plaintext(Vec::new());
    value.write(&mut Encoder::new(&mut plaintext)).unwrap();
    plaintext.0.clone()
}

#[test]
fn a_later_field_is_its_default_in_a_record_from_before() {
    let (before, after) = (written(&Before { kept: 7 }), After { kept: 7, added: Some(9) });
    let read = |bytes: &[u8]| After::read(&mut Decoder::new(bytes)).ok();
    assert_eq!(read(&before), Some(After { kept: 7, added: None }));
    assert_eq!(read(&written(&after)), Some(after));
    // The release before cannot know what a later field means: it reads nothing of it.
    let later = written(&After { kept: 7, added: None });
    assert!(Before::read(&mut Decoder::new(&later)).is_err());
    assert!(read(&[0x80]).is_none(), "a first field is never absent");
    assert!(read(&[0x83, 7, 0xf6, 0xf6]).is_none(), "nor is there one more than is known");
}
