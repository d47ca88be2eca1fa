//! What a file is made of: a head, then blocks with their lengths.
//!
//! `docs/flow-format.md` is the page for whoever reads it in another language.

use std::io::{self, Write};

use crate::metadata::Metadata;
use crate::record::{self, Record};
use crate::tables::Tables;

/// What a file begins with.  As PNG's does, it shows a transfer as text: a byte that
/// isn't ASCII, both ends of a line, and the end of a file in DOS.
pub(crate) const MAGIC: [u8; 8] = *b"\x8dflow\r\n\x1a";
/// The version of the format.  New kinds of blocks, records and fields don't change
/// it, since readers pass over what they don't know; all else does.
pub(crate) const VERSION: u16 = 1;

/// Bytes of a file's head before its metadata: magic, version, two zeros, length.
pub(crate) const HEAD_BYTES: usize = 16;
/// Bytes before a block's body: kind, three zeros, length.
pub(crate) const BLOCK_HEAD_BYTES: usize = 8;

/// Bytes of metadata, or of a block, at most.  Readers refuse more, so that a length
/// that is wrong costs no memory.
pub(crate) const MOST_BLOCK_BYTES: usize = 1 << 20;

/// Kind of the block that defines strings: number, length, bytes.
pub(crate) const STRINGS: u8 = 1;
/// Kind of the block that defines code: number, function, file, first line.
pub(crate) const CODES: u8 = 2;
/// Bytes of a definition of code.
pub(crate) const CODE_BYTES: usize = 16;
/// Kind of the block of records.
pub(crate) const RECORDS: u8 = 3;
/// Kind of the last block: how often something found no place in the tables.
pub(crate) const END: u8 = 4;

pub(crate) fn write_head(out: &mut dyn Write, metadata: &Metadata) -> io::Result<()> {
    let metadata = metadata.encode();
    out.write_all(&MAGIC)?;
    out.write_all(&VERSION.to_le_bytes())?;
    out.write_all(&[0; 2])?;
    out.write_all(&length(metadata.len()).to_le_bytes())?;
    out.write_all(&metadata)
}

/// Writes what the tables have had from these indices on.
pub(crate) fn write_tables(
    out: &mut dyn Write,
    tables: &Tables,
    (strings, codes): (usize, usize),
) -> io::Result<()> {
    let mut body = Vec::new();
    for (id, text) in tables.strings_from(strings) {
        if body.len() + 8 + text.len() > MOST_BLOCK_BYTES {
            write_block(out, STRINGS, &body)?;
            body.clear();
        }
        body.extend_from_slice(&id.0.to_le_bytes());
        body.extend_from_slice(&length(text.len()).to_le_bytes());
        body.extend_from_slice(text.as_bytes());
    }
    write_unless_empty(out, STRINGS, &body)?;
    body.clear();
    for (id, code) in tables.codes_from(codes) {
        if body.len() + CODE_BYTES > MOST_BLOCK_BYTES {
            write_block(out, CODES, &body)?;
            body.clear();
        }
        for number in [id.0, code.function.0, code.file.0, code.first_line] {
            body.extend_from_slice(&number.to_le_bytes());
        }
    }
    write_unless_empty(out, CODES, &body)
}

pub(crate) fn write_records(out: &mut dyn Write, records: &[Record]) -> io::Result<()> {
    for records in records.chunks(MOST_BLOCK_BYTES / record::BYTES) {
        write_block(out, RECORDS, records.as_flattened())?;
    }
    Ok(())
}

pub(crate) fn write_end(out: &mut dyn Write, tables: &Tables) -> io::Result<()> {
    write_block(out, END, &tables.homeless().to_le_bytes())
}

fn write_unless_empty(out: &mut dyn Write, kind: u8, body: &[u8]) -> io::Result<()> {
    if body.is_empty() { Ok(()) } else { write_block(out, kind, body) }
}

fn write_block(out: &mut dyn Write, kind: u8, body: &[u8]) -> io::Result<()> {
    let mut head = [0; BLOCK_HEAD_BYTES];
    head[0] = kind;
    head[4..].copy_from_slice(&length(body.len()).to_le_bytes());
    out.write_all(&head)?;
    out.write_all(body)
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("blocks are cut to 1 MiB")
}
