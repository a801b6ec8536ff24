//! Tables that other programs write: comma-separated values with a header.
//!
//! Standard: RFC 4180, as spreadsheet programs really write it: a byte order mark in front, semicolons
//! or tabs between the fields, any line end, empty lines at the end. The text is UTF-8.
//!
//! A table is taken whole or refused whole. Every error comes with its row's line, because a person
//! mends a file once, not once for each error.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// What is wrong with a table, and in which line.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct TableError {
    /// The line, from 1; the header is the first.
    pub line: u64,
    /// What is wrong, in one line.
    pub what: String,
}

impl TableError {
    pub(crate) fn new(line: u64, what: impl fmt::Display) -> TableError {
        TableError { line, what: what.to_string() }
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for TableError {}

/// One row: its fields by the name of the column.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TableRow {
    /// The line in which it begins, from 1.
    pub line: u64,
    columns: Rc<[Option<&'static str>]>,
    fields: BTreeMap<&'static str, String>,
}

impl TableRow {
    /// The field of a column, without the blanks around it; `None` if it is empty or the table has no
    /// such column.
    #[must_use]
    pub fn field(&self, column: &str) -> Option<&str> {
        self.fields.get(column).map(String::as_str)
    }

    /// Whether the table has this column.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().flatten().any(|name| *name == column)
    }
}

/// Reads a table with a header. `needed` columns have to be there, `known` ones may; the order is
/// free.
///
/// ```
/// use countersign_billing::table::table;
///
/// let rows = table("person;until\nkaren;2026-10-30\n", &["person"], &["until"]).unwrap();
/// assert_eq!(rows[0].field("until"), Some("2026-10-30"));
/// let errors = table("person,untill\nkaren\n", &["person"], &["until"]).unwrap_err();
/// let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
/// assert_eq!(said, [
///     "line 1: \"untill\" is no column: the columns are person, until",
///     "line 2: the row has 1 field, and the header has 2",
/// ]);
/// ```
///
/// # Errors
/// Everything that is wrong, by line: a column that is missing, unknown or there twice, and rows of
/// another length than the header.
pub fn table(
    text: &str,
    needed: &[&'static str],
    known: &[&'static str],
) -> Result<Vec<TableRow>, Vec<TableError>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut records = records(text).into_iter();
    let Some((line, header)) = records.next() else {
        return Err(vec![TableError::new(1, "the table is empty: it begins with its columns")]);
    };
    let all: Vec<&'static str> = needed.iter().chain(known).copied().collect();
    let mut errors = Vec::new();
    let mut named: Vec<Option<&'static str>> = Vec::new();
    for name in &header {
        let column = all.iter().copied().find(|column| *column == name.as_str());
        if column.is_none() {
            let known = all.join(", ");
            let what = format!("{name:?} is no column: the columns are {known}");
            errors.push(TableError::new(line, what));
        } else if named.contains(&column) {
            errors.push(TableError::new(line, format!("the column {name} is there twice")));
        }
        named.push(column);
    }
    for column in needed.iter().filter(|column| !named.contains(&Some(**column))) {
        errors.push(TableError::new(line, format!("the column {column} is missing")));
    }
    let mut rows = Vec::new();
    let columns: Rc<[Option<&'static str>]> = Rc::from(named.as_slice());
    for (line, fields) in records {
        if fields.len() != named.len() {
            let (has, plural) = (fields.len(), if fields.len() == 1 { "" } else { "s" });
            let header = named.len();
            let what = format!("the row has {has} field{plural}, and the header has {header}");
            errors.push(TableError::new(line, what));
            continue;
        }
        let fields = named.iter().zip(fields).filter(|(_, field)| !field.is_empty());
        let fields = fields.filter_map(|(column, field)| Some(((*column)?, field))).collect();
        rows.push(TableRow { line, columns: Rc::clone(&columns), fields });
    }
    if errors.is_empty() { Ok(rows) } else { Err(errors) }
}

/// Every record with the line in which it begins, blanks around its fields dropped. Empty lines are
/// none.
fn records(text: &str) -> Vec<(u64, Vec<String>)> {
    let first = text.lines().next().unwrap_or_default();
    let delimiter = [b';', b'\t'].into_iter().find(|byte| first.as_bytes().contains(byte));
    let mut reader = ReaderBuilder::new().delimiter(delimiter.unwrap_or(b',')).build();
    let mut found = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        // The reader counts an empty line before a record to the record.
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
        let skipped: Vec<u8> = blank.copied().collect();
        let breaks = skipped.iter().filter(|byte| **byte == b'\n').count();
        let line = reader.line().saturating_add(u64::try_from(breaks).unwrap_or_default());
        let Some(fields) = record(&mut reader, &mut rest) else { return found };
        if fields.iter().any(|field| !field.is_empty()) || fields.len() > 1 {
            found.push((line, fields));
        }
    }
}

/// The next record; `rest` is what follows.
fn record(reader: &mut Reader, rest: &mut &[u8]) -> Option<Vec<String>> {
    // Both grow when a record needs more.
    let mut output = vec![0_u8; 512];
    let mut ends = vec![0_usize; 32];
    let (mut written, mut ended) = (0_usize, 0_usize);
    loop {
        let (out, at) = (output.get_mut(written..)?, ends.get_mut(ended..)?);
        let (result, read, wrote, end) = reader.read_record(rest, out, at);
        *rest = rest.get(read..).unwrap_or_default();
        written = written.saturating_add(wrote);
        ended = ended.saturating_add(end);
        match result {
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::OutputFull => output.resize(output.len().saturating_mul(2), 0),
            ReadRecordResult::OutputEndsFull => ends.resize(ends.len().saturating_mul(2), 0),
            ReadRecordResult::Record => break,
            ReadRecordResult::End => return None,
        }
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let spans = starts.zip(ends.iter().copied()).take(ended);
    let fields = spans.map(|(start, end)| {
        let field = String::from_utf8_lossy(output.get(start..end).unwrap_or_default());
        field.trim().to_owned()
    });
    Some(fields.collect())
}
