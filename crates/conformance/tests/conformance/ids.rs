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
