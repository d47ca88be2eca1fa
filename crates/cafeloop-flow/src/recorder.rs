//! Takes events down: the newest into a ring in memory, or all of them to a file.
//!
//! A [`Recorder`] belongs to one thread at a time and has no lock.  What it takes
//! never grows with the run: the ring or the buffer, and the bounded tables.

use std::cell::RefCell;
use std::fmt;
use std::hint::black_box;
use std::io::{self, Write};
use std::rc::Rc;

use crate::event::{Event, Sink};
use crate::format;
use crate::id::{CodeId, Frame, Lane, StringId};
use crate::metadata::{Metadata, Mode};
use crate::record::{self, Record};
use crate::tables::{Tables, cut};

/// 64 KiB are written at once: as large as a pipe, and small enough for the caches.
const STREAM_RECORDS: usize = (64 << 10) / record::BYTES;
/// A ring has room for an event with the longest text and all frames.
const LEAST_RING_RECORDS: usize = 64;
/// 4 KiB: the smallest there are.
const PAGE_BYTES: usize = 4 << 10;
/// Bytes of a text beside an event; a longer one ends with "…".
const MOST_TEXT_BYTES: usize = 8 * record::TEXT_BYTES;
/// Frames beside an event; of more, the innermost are kept and the others counted.
const MOST_FRAMES: usize = 16 * record::FRAMES_IN_RECORD;

/// Takes events down.
///
/// ```
/// use cafeloop_flow::{Event, Lane, Metadata, Reader, Recorder, Snapshot};
///
/// let mut recorder = Recorder::ring(Metadata::default(), 1 << 20);
/// recorder.record(10, Lane(0), Event::TurnBegins { ready: 1 });
///
/// let mut file = Vec::new();
/// recorder.dump(&mut file, 20, &Snapshot::default())?;
/// let mut reader = Reader::new(&file[..])?;
/// let entry = reader.next_entry()?.expect("there is an event");
/// assert_eq!((entry.at_ns, entry.event), (10, Event::TurnBegins { ready: 1 }));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Recorder {
    metadata: Metadata,
    tables: Tables,
    /// The ring, or what isn't written yet.  Always of the same length.
    records: Box<[Record]>,
    /// Where the next record goes; less than the length.
    next: usize,
    /// How often `next` came to the end.
    laps: u64,
    /// Records that continue an event, since the beginning.
    continuations: u64,
    store: Store,
}

enum Store {
    /// The oldest records make place for the newest.
    Ring,
    /// What the buffer holds is written when it is full.
    Stream {
        out: Box<dyn Write + Send>,
        /// What the tables held when they were written last.
        written: (usize, usize),
        failure: Option<io::Error>,
    },
}

impl Recorder {
    /// Keeps the newest events in so many bytes, to be [dumped](Recorder::dump).
    pub fn ring(metadata: Metadata, bytes: usize) -> Recorder {
        let records = (bytes / record::BYTES).max(LEAST_RING_RECORDS);
        let metadata = Metadata { mode: Mode::Ring, ..metadata };
        let mut recorder = Recorder::new(metadata, records, Store::Ring);
        // The system hands out memory when it is first written to, a page at a time, which
        // takes longer than a hundred events: not in the middle of somebody's request.
        let records_in_page = PAGE_BYTES / record::BYTES;
        recorder
            .records
            .iter_mut()
            .step_by(records_in_page)
            .for_each(|it| *black_box(it) = [0; record::BYTES]);
        recorder
    }

    /// Writes all events, until it is [finished](Recorder::finish).
    ///
    /// The output needs no buffer of its own.  An error while events are written is
    /// kept for [`Recorder::finish`], and no more is written after it.
    ///
    /// # Errors
    /// What the output says to the head of the file.
    pub fn stream(metadata: Metadata, mut out: Box<dyn Write + Send>) -> io::Result<Recorder> {
        let metadata = Metadata { mode: Mode::Full, ..metadata };
        format::write_head(&mut out, &metadata)?;
        let store = Store::Stream { out, written: (0, 0), failure: None };
        Ok(Recorder::new(metadata, STREAM_RECORDS, store))
    }

    fn new(metadata: Metadata, records: usize, store: Store) -> Recorder {
        Recorder {
            metadata,
            tables: Tables::default(),
            records: vec![[0; record::BYTES]; records].into_boxed_slice(),
            next: 0,
            laps: 0,
            continuations: 0,
            store,
        }
    }

    /// Which way it records.
    pub fn mode(&self) -> Mode {
        self.metadata.mode
    }

    /// The number of a string that comes again and again, as names of classes do.
    ///
    /// The table of strings is bounded: what finds no place is
    /// [`StringId::NONE`].  Whatever differs each time is a text beside its event.
    pub fn string(&mut self, text: &str) -> StringId {
        self.tables.string(text)
    }

    /// The number of a piece of code.  This looks up three times, so callers should
    /// remember it; as long as this recorder lives it stays the same.
    pub fn code(&mut self, function: &str, file: &str, first_line: u32) -> CodeId {
        self.tables.code(function, file, first_line)
    }

    /// Takes down an event that happened at `at_ns`.
    ///
    /// Events of one lane come in the order of their times; who doesn't keep to that
    /// has them moved to the latest time seen.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as for `encode`")]
    pub fn record(&mut self, at_ns: u64, lane: Lane, event: Event) {
        self.push(record::encode(at_ns, lane, event));
    }

    /// Takes down an event with what stands beside it: a text, unless it is empty,
    /// and frames, outermost first.
    pub fn record_with(
        &mut self,
        at_ns: u64,
        lane: Lane,
        event: Event,
        text: &str,
        frames: &[Frame],
    ) {
        self.record(at_ns, lane, event);
        continuations(text, frames, |record| {
            self.continuations += 1;
            self.push(record);
        });
    }

    #[inline]
    fn push(&mut self, record: Record) {
        // Never out of bounds; `get_mut` spares the check a panic.
        if let Some(place) = self.records.get_mut(self.next) {
            *place = record;
        }
        self.next += 1;
        if self.next == self.records.len() {
            self.end_lap();
        }
    }

    #[cold]
    fn end_lap(&mut self) {
        self.write_buffer();
        self.next = 0;
        self.laps += 1;
    }

    /// Writes what the buffer of a stream holds, if there is no failure yet.
    fn write_buffer(&mut self) {
        let Store::Stream { out, written, failure: failure @ None } = &mut self.store else {
            return;
        };
        let result = format::write_tables(out, &self.tables, *written)
            .and_then(|()| format::write_records(out, &self.records[..self.next]))
            .and_then(|()| out.flush());
        *written = self.tables.len();
        *failure = result.err();
    }

    /// Writes what a stream has buffered, so that the file holds all up to now.  Does
    /// nothing to a ring.
    pub fn flush(&mut self) {
        if matches!(self.store, Store::Stream { .. }) && self.next > 0 {
            self.write_buffer();
            self.next = 0;
        }
    }

    /// Writes the last events and the end of a stream.
    ///
    /// # Errors
    /// The first one that the output met; the file holds what was written before.
    pub fn finish(mut self, at_ns: u64) -> io::Result<()> {
        self.record(at_ns, Lane::default(), Event::RecordingEnds);
        self.flush();
        match self.store {
            Store::Ring => Ok(()),
            Store::Stream { failure: Some(failure), .. } => Err(failure),
            Store::Stream { mut out, .. } => {
                format::write_end(&mut out, &self.tables)?;
                out.flush()
            }
        }
    }

    /// Writes what a ring holds, as a recording that ends at `at_ns`; it may go on
    /// recording.  Of a stream, whose file has the rest, this is the buffer.
    ///
    /// If events are missing, the file says how many, after the snapshot's events and
    /// before the ring's.
    ///
    /// # Errors
    /// What the output says.
    pub fn dump(&self, out: &mut dyn Write, at_ns: u64, snapshot: &Snapshot) -> io::Result<()> {
        let (newest, oldest) = self.records.split_at(self.next);
        let oldest = if self.laps == 0 { &[] } else { oldest };
        // Pieces of an event whose head is gone.
        let orphans = oldest
            .iter()
            .chain(newest)
            .take_while(|record| is_continuation(record))
            .count()
            .min(oldest.len());
        let oldest = &oldest[orphans..];

        format::write_head(out, &self.metadata)?;
        format::write_tables(out, &self.tables, (0, 0))?;
        format::write_records(out, &snapshot.before)?;
        let dropped = self.dropped(oldest, newest);
        if dropped > 0 {
            let from_ns = oldest.first().map_or(at_ns, |record| record::decode(record).0);
            let event = Event::Dropped { events: dropped };
            format::write_records(out, &[record::encode(from_ns, Lane::default(), event)])?;
        }
        format::write_records(out, oldest)?;
        format::write_records(out, newest)?;
        format::write_records(out, &snapshot.after)?;
        let end = record::encode(at_ns, Lane::default(), Event::RecordingEnds);
        format::write_records(out, &[end])?;
        format::write_end(out, &self.tables)?;
        out.flush()
    }

    /// Events that aren't among these records any more.
    fn dropped(&self, oldest: &[Record], newest: &[Record]) -> u64 {
        if self.laps == 0 {
            return 0;
        }
        let here = oldest.iter().chain(newest).filter(|record| !is_continuation(record)).count();
        let records = self.laps * self.records.len() as u64 + self.next as u64;
        (records - self.continuations).saturating_sub(here as u64)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("mode", &self.mode()).finish_non_exhaustive()
    }
}

/// What a dump says besides what its ring holds.
///
/// Events that say who the living tasks are may be long gone from the ring, and what
/// tasks are waiting for has not been said yet.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    before: Vec<Record>,
    after: Vec<Record>,
}

impl Snapshot {
    /// Adds what was so before the ring's oldest event: [`Event::TaskCreated`],
    /// [`Event::TaskNamed`], [`Event::LaneNamed`], with the times at which that
    /// happened, or else 0.
    pub fn before(&mut self, at_ns: u64, lane: Lane, event: Event, text: &str) {
        self.before.push(record::encode(at_ns, lane, event));
        continuations(text, &[], |record| self.before.push(record));
    }

    /// Adds what is so now: [`Event::Waited`], with its frames.
    pub fn after(&mut self, at_ns: u64, lane: Lane, event: Event, frames: &[Frame]) {
        self.after.push(record::encode(at_ns, lane, event));
        continuations("", frames, |record| self.after.push(record));
    }
}

fn is_continuation(record: &Record) -> bool {
    record[0] == record::TEXT || record[0] == record::FRAMES
}

/// The records of what stands beside an event.
fn continuations(text: &str, frames: &[Frame], mut push: impl FnMut(Record)) {
    let kept = cut(text, MOST_TEXT_BYTES);
    if kept.len() < text.len() {
        let kept = cut(kept, MOST_TEXT_BYTES - '…'.len_utf8());
        let text = format!("{kept}…");
        text.as_bytes().chunks(record::TEXT_BYTES).for_each(|it| push(record::encode_text(it)));
    } else {
        kept.as_bytes().chunks(record::TEXT_BYTES).for_each(|it| push(record::encode_text(it)));
    }
    let mut frames = frames;
    if frames.len() > MOST_FRAMES {
        let kept = &frames[frames.len() - (MOST_FRAMES - 1)..];
        let left_out = u32::try_from(frames.len() - kept.len()).unwrap_or(u32::MAX);
        push(record::encode_frames(&[Frame { code: CodeId::NONE, line: left_out }]));
        frames = kept;
    }
    for frames in frames.chunks(record::FRAMES_IN_RECORD) {
        push(record::encode_frames(frames));
    }
}

/// A [`Sink`] that hands an engine's events to a recorder, in one lane.
#[derive(Clone, Debug)]
pub struct Tap {
    recorder: Rc<RefCell<Recorder>>,
    lane: Lane,
}

impl Tap {
    /// Hands events to this recorder.  Nobody may have it borrowed while the engine
    /// runs.
    pub fn new(recorder: Rc<RefCell<Recorder>>, lane: Lane) -> Tap {
        Tap { recorder, lane }
    }
}

impl Sink for Tap {
    #[inline]
    fn record(&self, at_ns: u64, event: Event) {
        self.recorder.borrow_mut().record(at_ns, self.lane, event);
    }

    fn record_with(&self, at_ns: u64, event: Event, text: &str, frames: &[Frame]) {
        self.recorder.borrow_mut().record_with(at_ns, self.lane, event, text, frames);
    }

    fn record_of(&self, lane: Lane, at_ns: u64, event: Event, text: &str) {
        self.recorder.borrow_mut().record_with(at_ns, lane, event, text, &[]);
    }

    fn code(&self, function: &str, file: &str, first_line: u32) -> CodeId {
        self.recorder.borrow_mut().code(function, file, first_line)
    }
}
