//! Reads a recording, whatever its bytes are.
//!
//! It never panics, and holds no more than one buffer, what is beside one event, and
//! the tables, which are smaller than the file.  Lengths in a file are believed only
//! after the bytes have come.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};

use crate::error::{Error, Kind};
use crate::event::Event;
use crate::format::{
    BLOCK_HEAD_BYTES, CODE_BYTES, CODES, END, HEAD_BYTES, MAGIC, MOST_BLOCK_BYTES, RECORDS,
    STRINGS, VERSION,
};
use crate::id::{Frame, Lane, StringId};
use crate::metadata::Metadata;
use crate::names::Names;
use crate::record::{self, Record};
use crate::tables::Code;

/// 64 KiB are read at once.
const BUFFER_RECORDS: usize = (64 << 10) / record::BYTES;

/// Reads the events of a recording, in the order in which they were written.
pub struct Reader<R> {
    input: R,
    metadata: Metadata,
    names: Names,
    /// Bytes of the input that have been taken.
    taken: u64,
    /// Records that have been read, up to `filled`, and given out, up to `given`.
    buffer: Box<[Record]>,
    given: usize,
    filled: usize,
    /// Bytes of the current block of records that haven't been taken yet.
    left_in_block: usize,
    /// The record after the last entry.
    next: Option<Record>,
    text: Vec<u8>,
    frames: Vec<Frame>,
    ending: Option<Ending>,
    losses: Losses,
}

/// One event of a recording.
#[derive(Debug)]
pub struct Entry<'a> {
    /// When it happened.
    pub at_ns: u64,
    /// Where.
    pub lane: Lane,
    /// What.
    pub event: Event,
    /// The text beside it, or nothing.
    pub text: Cow<'a, str>,
    /// The frames beside it, outermost first.  One without code stands for as many as
    /// its line says, which were left out.
    pub frames: &'a [Frame],
    /// What numbers stand for.
    pub names: &'a Names,
}

/// How a recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Complete,
    /// In the middle: the program that recorded was killed, or the file was cut.
    CutOff {
        /// Bytes that there are.
        bytes: u64,
    },
    /// With bytes that make no sense.
    Damaged {
        /// Bytes before them.
        bytes: u64,
    },
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Complete => f.write_str("the recording is complete"),
            Ending::CutOff { bytes } => {
                write!(f, "the recording is cut off after {bytes} bytes: this is what is before")
            }
            Ending::Damaged { bytes } => {
                write!(f, "the recording is damaged after {bytes} bytes: this is what is before")
            }
        }
    }
}

/// What a recording holds and this reader can't use, or what it says to be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Records and blocks of kinds that this version doesn't know.
    pub unknown: u64,
    /// Pieces without an event that they belong to, and definitions out of order.
    pub misplaced: u64,
    /// Names that found no place in the recorder's tables.
    pub homeless: u64,
}

impl<R: Read> Reader<R> {
    /// Reads the head of a recording.  The input needs no buffer of its own.
    ///
    /// # Errors
    /// If it is no recording, or of another version, or can't be read.
    pub fn new(mut input: R) -> Result<Reader<R>, Error> {
        let mut head = [0; HEAD_BYTES];
        let found = read_fully(&mut input, &mut head)?;
        if !MAGIC.starts_with(&head[..found.min(MAGIC.len())]) || found == 0 {
            return Err(Kind::NoRecording { found: head[..found.min(8)].to_vec() }.into());
        }
        if found < HEAD_BYTES {
            return Err(Kind::HeadCut.into());
        }
        let version = u16::from_le_bytes([head[8], head[9]]);
        if version != VERSION {
            return Err(Kind::Version(version).into());
        }
        let length = u32_at(&head, 12) as usize;
        if length > MOST_BLOCK_BYTES {
            return Err(Kind::HeadTooLong(length as u64).into());
        }
        let mut metadata = Vec::new();
        if (&mut input).take(length as u64).read_to_end(&mut metadata)? < length {
            return Err(Kind::HeadCut.into());
        }
        Ok(Reader {
            input,
            metadata: Metadata::decode(&metadata),
            names: Names::default(),
            taken: (HEAD_BYTES + length) as u64,
            buffer: vec![[0; record::BYTES]; BUFFER_RECORDS].into_boxed_slice(),
            given: 0,
            filled: 0,
            left_in_block: 0,
            next: None,
            text: Vec::new(),
            frames: Vec::new(),
            ending: None,
            losses: Losses::default(),
        })
    }

    /// What the recording says of itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// What numbers stand for, as far as it has been read.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// How the recording ended; before that, [`Ending::CutOff`] where it is now.
    pub fn ending(&self) -> Ending {
        self.ending.unwrap_or(Ending::CutOff { bytes: self.taken })
    }

    /// What couldn't be used so far.
    pub fn losses(&self) -> Losses {
        self.losses
    }

    /// The strings and the code, when all is read.
    pub fn into_names(self) -> Names {
        self.names
    }

    /// The next event, or `None` at the end; see [`Reader::ending`].
    ///
    /// # Errors
    /// If the input can't be read.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_>>, Error> {
        loop {
            let Some(head) = self.take_next()? else { return Ok(None) };
            if is_continuation(&head) {
                self.losses.misplaced += 1;
                continue;
            }
            let (at_ns, lane, event) = record::decode(&head);
            self.take_continuations()?;
            let Some(event) = event else {
                self.losses.unknown += 1;
                continue;
            };
            return Ok(Some(Entry {
                at_ns,
                lane,
                event,
                text: String::from_utf8_lossy(&self.text),
                frames: &self.frames,
                names: &self.names,
            }));
        }
    }

    fn take_next(&mut self) -> Result<Option<Record>, Error> {
        match self.next.take() {
            Some(record) => Ok(Some(record)),
            None => self.take_record(),
        }
    }

    /// Takes what stands beside an event, and looks at the record after that.
    fn take_continuations(&mut self) -> Result<(), Error> {
        self.text.clear();
        self.frames.clear();
        while let Some(record) = self.take_record()? {
            match record[0] {
                record::TEXT => self.text.extend_from_slice(record::decode_text(&record)),
                record::FRAMES => self.frames.extend(record::decode_frames(&record)),
                _ => {
                    self.next = Some(record);
                    break;
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn take_record(&mut self) -> Result<Option<Record>, Error> {
        if self.given == self.filled && !self.fill()? {
            return Ok(None);
        }
        let record = self.buffer[self.given];
        self.given += 1;
        Ok(Some(record))
    }

    /// Reads records; false at the end.
    fn fill(&mut self) -> Result<bool, Error> {
        while self.ending.is_none() {
            if self.left_in_block == 0 {
                self.enter_block()?;
                continue;
            }
            let most = self.left_in_block.min(self.buffer.len() * record::BYTES);
            let place = &mut self.buffer.as_flattened_mut()[..most];
            let found = read_fully(&mut self.input, place)?;
            self.taken += found as u64;
            self.left_in_block -= found;
            if found < most {
                self.ending = Some(Ending::CutOff { bytes: self.taken });
            }
            self.given = 0;
            self.filled = found / record::BYTES;
            if self.filled > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads a block's head, and the whole block unless it is one of records.
    fn enter_block(&mut self) -> Result<(), Error> {
        let mut head = [0; BLOCK_HEAD_BYTES];
        let found = read_fully(&mut self.input, &mut head)?;
        let (kind, length) = (head[0], u32_at(&head, 4) as usize);
        if found < BLOCK_HEAD_BYTES {
            self.taken += found as u64;
            self.ending = Some(Ending::CutOff { bytes: self.taken });
            return Ok(());
        }
        if length > MOST_BLOCK_BYTES || (kind == RECORDS && length % record::BYTES != 0) {
            self.ending = Some(Ending::Damaged { bytes: self.taken });
            return Ok(());
        }
        self.taken += found as u64;
        if kind == RECORDS {
            self.left_in_block = length;
            return Ok(());
        }
        let mut body = Vec::new();
        (&mut self.input).take(length as u64).read_to_end(&mut body)?;
        self.taken += body.len() as u64;
        match kind {
            STRINGS => self.define_strings(&body),
            CODES => self.define_codes(&body),
            END if body.len() == length => {
                self.losses.homeless =
                    body.first_chunk().map_or(0, |&bytes| u64::from_le_bytes(bytes));
                self.ending = Some(Ending::Complete);
            }
            END => {}
            _ => self.losses.unknown += 1,
        }
        if body.len() < length {
            self.ending = Some(Ending::CutOff { bytes: self.taken });
        }
        Ok(())
    }

    fn define_strings(&mut self, mut body: &[u8]) {
        while let Some((head, rest)) = body.split_at_checked(8) {
            let length = u32_at(head, 4) as usize;
            let Some((text, rest)) = rest.split_at_checked(length) else { return };
            body = rest;
            if !self.names.define_string(u32_at(head, 0), text) {
                self.losses.misplaced += 1;
            }
        }
    }

    fn define_codes(&mut self, body: &[u8]) {
        for place in body.chunks_exact(CODE_BYTES) {
            let code = Code {
                function: StringId(u32_at(place, 4)),
                file: StringId(u32_at(place, 8)),
                first_line: u32_at(place, 12),
            };
            if !self.names.define_code(u32_at(place, 0), code) {
                self.losses.misplaced += 1;
            }
        }
    }
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}

fn is_continuation(record: &Record) -> bool {
    matches!(record[0], record::TEXT | record::FRAMES)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Reads until the place is full or the input ends, and says how much came.
fn read_fully(input: &mut impl Read, place: &mut [u8]) -> io::Result<usize> {
    let mut found = 0;
    while found < place.len() {
        match input.read(&mut place[found..]) {
            Ok(0) => break,
            Ok(bytes) => found += bytes,
            Err(failure) if failure.kind() == io::ErrorKind::Interrupted => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(found)
}
