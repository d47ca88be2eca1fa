//! The form that an event has in memory and in a file: 32 bytes, little-endian.
//!
//! ```text
//! byte  0     1    2..4  4..8   8..16  16..24  24..32
//!       kind  tag  lane  small  at_ns  first   second
//! ```
//!
//! `docs/flow-format.md` says what each kind keeps where.  Numbers of kinds and tags
//! are never given to something else.  A text or frames follow their event in
//! records of the kinds [`TEXT`] and [`FRAMES`], which have a length in byte 1 and
//! 30 bytes of content, and no time.

use crate::event::{Awaited, Event, FlowChange, LaneKind, StepEnd, TaskEnd, Waker, WorkPlace};
use crate::id::{CodeId, Frame, Lane, StringId, TaskId, TransportId, WorkId};

/// Bytes of a record: two to a cache line.
pub(crate) const BYTES: usize = 32;
/// One record.
pub(crate) type Record = [u8; BYTES];

/// The kind of a record that continues its event with a piece of a text.
pub(crate) const TEXT: u8 = 254;
/// The kind of a record that continues its event with frames.
pub(crate) const FRAMES: u8 = 255;
/// Bytes of a text that fit into one record.
pub(crate) const TEXT_BYTES: usize = BYTES - 2;
/// Bytes of a frame: code and line.
const FRAME_BYTES: usize = 8;
/// Frames that fit into one record.
pub(crate) const FRAMES_IN_RECORD: usize = (BYTES - 2) / FRAME_BYTES;

/// What stands for a wait without end.
const FOR_EVER: u64 = u64::MAX;

/// An event, taken to pieces.  What a kind doesn't use is 0.
#[derive(Clone, Copy, Default)]
struct Parts {
    kind: u8,
    tag: u8,
    small: u32,
    first: u64,
    second: u64,
}

impl Parts {
    const fn kind(kind: u8) -> Parts {
        Parts { kind, tag: 0, small: 0, first: 0, second: 0 }
    }

    const fn tag(self, tag: u8) -> Parts {
        Parts { tag, ..self }
    }

    const fn small(self, small: u32) -> Parts {
        Parts { small, ..self }
    }

    const fn first(self, first: u64) -> Parts {
        Parts { first, ..self }
    }

    const fn second(self, second: u64) -> Parts {
        Parts { second, ..self }
    }
}

/// The record of an event: a few stores where it is known which one that is.
#[inline(always)]
#[allow(clippy::inline_always, reason = "the compiler has it a function of 40 instructions")]
pub(crate) fn encode(at_ns: u64, lane: Lane, event: Event) -> Record {
    let Parts { kind, tag, small, first, second } = parts(event);
    let mut record = [0; BYTES];
    record[0] = kind;
    record[1] = tag;
    record[2..4].copy_from_slice(&lane.0.to_le_bytes());
    record[4..8].copy_from_slice(&small.to_le_bytes());
    record[8..16].copy_from_slice(&at_ns.to_le_bytes());
    record[16..24].copy_from_slice(&first.to_le_bytes());
    record[24..32].copy_from_slice(&second.to_le_bytes());
    record
}

/// The event of a record; `None` if this version of the vocabulary has none such.
#[inline]
pub(crate) fn decode(record: &Record) -> (u64, Lane, Option<Event>) {
    let word = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&record[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let small = u32::from_le_bytes([record[4], record[5], record[6], record[7]]);
    let lane = Lane(u16::from_le_bytes([record[2], record[3]]));
    let parts = Parts { kind: record[0], tag: record[1], small, first: word(16), second: word(24) };
    (word(8), lane, event(parts))
}

/// The record of a piece of a text, of which there may be [`TEXT_BYTES`] at most.
pub(crate) fn encode_text(piece: &[u8]) -> Record {
    let mut record = [0; BYTES];
    record[0] = TEXT;
    record[1] = length(piece.len());
    record[2..2 + piece.len()].copy_from_slice(piece);
    record
}

/// The record of some frames, of which there may be [`FRAMES_IN_RECORD`] at most.
pub(crate) fn encode_frames(frames: &[Frame]) -> Record {
    let mut record = [0; BYTES];
    record[0] = FRAMES;
    record[1] = length(frames.len());
    for (place, frame) in record[2..].chunks_exact_mut(FRAME_BYTES).zip(frames) {
        place[..4].copy_from_slice(&frame.code.0.to_le_bytes());
        place[4..].copy_from_slice(&frame.line.to_le_bytes());
    }
    record
}

fn length(pieces: usize) -> u8 {
    u8::try_from(pieces).expect("a record has fewer than 256 bytes")
}

/// The piece of a text that a record continues its event with.
pub(crate) fn decode_text(record: &Record) -> &[u8] {
    &record[2..2 + usize::from(record[1]).min(TEXT_BYTES)]
}

/// The frames that a record continues its event with.
pub(crate) fn decode_frames(record: &Record) -> impl Iterator<Item = Frame> + '_ {
    record[2..].chunks_exact(FRAME_BYTES).take(usize::from(record[1])).map(|place| Frame {
        code: CodeId(u32::from_le_bytes([place[0], place[1], place[2], place[3]])),
        line: u32::from_le_bytes([place[4], place[5], place[6], place[7]]),
    })
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "as above")]
fn parts(event: Event) -> Parts {
    let kind = Parts::kind;
    match event {
        Event::TurnBegins { ready } => kind(1).first(ready as u64),
        Event::PollBegins { wait_ns } => kind(2).first(wait_ns.unwrap_or(FOR_EVER)),
        Event::PollEnds { events } => kind(3).first(events as u64),
        Event::Posted { jobs } => kind(4).first(jobs as u64),
        Event::TimerSet { deadline_ns } => kind(5).first(deadline_ns),
        Event::TimerFired { late_ns } => kind(6).first(late_ns),
        Event::TimerCancelled => kind(7),
        Event::JobBegins => kind(8),
        Event::JobEnds => kind(9),

        Event::TaskCreated { task, parent, code } => {
            kind(16).first(task.get()).second(number(parent)).small(code.0)
        }
        Event::TaskNamed { task } => kind(17).first(task.get()),
        Event::StepBegins { task } => kind(18).first(task.get()),
        Event::StepEnds { task, end } => {
            let (tag, second) = match end {
                StepEnd::Returned => (1, 0),
                StepEnd::Raised => (2, 0),
                StepEnd::Suspended(awaited) => awaited_parts(awaited),
            };
            kind(19).first(task.get()).tag(tag).second(second)
        }
        Event::Woken { task, by } => {
            let (tag, second) = waker_parts(by);
            kind(20).first(task.get()).tag(tag).second(second)
        }
        Event::Waited { task } => kind(21).first(task.get()),
        Event::CancelAsked { task, by } => kind(22).first(task.get()).second(number(by)),
        Event::TaskDone { task, end } => match end {
            TaskEnd::Returned => kind(23).first(task.get()).tag(0),
            TaskEnd::Raised(class) => kind(23).first(task.get()).tag(1).small(class.0),
            TaskEnd::Cancelled => kind(23).first(task.get()).tag(2),
        },
        Event::TaskLost { task } => kind(24).first(task.get()),
        Event::ExceptionLost { task, class } => kind(25).first(number(task)).small(class.0),
        Event::NeverAwaited { code } => kind(26).small(code.0),
        Event::HandleBegins { code } => kind(27).small(code.0),
        Event::HandleEnds => kind(28),
        Event::CancelTakenBack { task } => kind(29).first(task.get()),

        Event::TransportOpened { transport, fd } => kind(40).first(transport.get()).small(fd),
        Event::BytesIn { transport, bytes } => kind(41).first(transport.get()).second(bytes),
        Event::BytesOut { transport, bytes } => kind(42).first(transport.get()).second(bytes),
        Event::Flow { transport, change } => {
            let tag = match change {
                FlowChange::ReadingPaused => 0,
                FlowChange::ReadingResumed => 1,
                FlowChange::WritingPaused => 2,
                FlowChange::WritingResumed => 3,
            };
            kind(43).first(transport.get()).tag(tag)
        }
        Event::TransportClosed { transport } => kind(44).first(transport.get()),

        Event::WorkQueued { work, by, code, place } => {
            let tag = match place {
                WorkPlace::Thread => 0,
                WorkPlace::Elsewhere => 1,
            };
            kind(56).first(work.get()).second(number(by)).small(code.0).tag(tag)
        }
        Event::WorkBegins { work } => kind(57).first(work.get()),
        Event::WorkEnds { work } => kind(58).first(work.get()),

        Event::GcPaused { took_ns, generation } => kind(64).first(took_ns).small(generation),
        Event::LoopBlocked { since_ns, task } => kind(65).first(since_ns).second(number(task)),

        Event::LaneNamed { kind: lane } => {
            let tag = match lane {
                LaneKind::Loop => 0,
                LaneKind::Thread => 1,
                LaneKind::Worker => 2,
            };
            kind(72).tag(tag)
        }
        Event::LaneEnds => kind(73),
        Event::Sampled { cpu_ns } => kind(74).first(cpu_ns),
        Event::CallEntered { cpu_ns } => kind(75).first(cpu_ns),
        Event::CallLeft { cpu_ns } => kind(76).first(cpu_ns),
        Event::ProcessStarted { pid } => kind(77).small(pid),
        Event::ProcessEnded { pid, status } => {
            kind(78).small(pid).first(u64::from(status.cast_unsigned()))
        }

        Event::Dropped { events } => kind(96).first(events),
        Event::RecordingEnds => kind(97),
    }
}

#[inline]
fn number(task: Option<TaskId>) -> u64 {
    task.map_or(0, TaskId::get)
}

#[inline]
fn awaited_parts(awaited: Awaited) -> (u8, u64) {
    match awaited {
        Awaited::Unknown => (16, 0),
        Awaited::Turn => (17, 0),
        Awaited::Sleep { until_ns } => (18, until_ns),
        Awaited::Task(task) => (19, task.get()),
        Awaited::Gathered { children } => (20, children),
        Awaited::Future => (21, 0),
        Awaited::Descriptor(fd) => (22, fd.into()),
        Awaited::Transport(transport) => (23, transport.get()),
        Awaited::Work(work) => (24, work.get()),
    }
}

#[inline]
fn waker_parts(by: Waker) -> (u8, u64) {
    match by {
        Waker::Unknown => (0, 0),
        Waker::Task(task) => (1, task.get()),
        Waker::Timer => (2, 0),
        Waker::Descriptor(fd) => (3, fd.into()),
        Waker::Transport(transport) => (4, transport.get()),
        Waker::Thread => (5, 0),
        Waker::Work(work) => (6, work.get()),
        Waker::Signal(signal) => (7, signal.into()),
        Waker::Callback => (8, 0),
        Waker::Process(pid) => (9, pid.into()),
    }
}

#[inline]
fn event(parts: Parts) -> Option<Event> {
    let Parts { kind, tag, small, first, second } = parts;
    let code = CodeId(small);
    Some(match kind {
        1 => Event::TurnBegins { ready: count(first) },
        2 => Event::PollBegins { wait_ns: (first != FOR_EVER).then_some(first) },
        3 => Event::PollEnds { events: count(first) },
        4 => Event::Posted { jobs: count(first) },
        5 => Event::TimerSet { deadline_ns: first },
        6 => Event::TimerFired { late_ns: first },
        7 => Event::TimerCancelled,
        8 => Event::JobBegins,
        9 => Event::JobEnds,

        16 => Event::TaskCreated { task: TaskId::new(first)?, parent: TaskId::new(second), code },
        17 => Event::TaskNamed { task: TaskId::new(first)? },
        18 => Event::StepBegins { task: TaskId::new(first)? },
        19 => {
            let end = match tag {
                1 => StepEnd::Returned,
                2 => StepEnd::Raised,
                _ => StepEnd::Suspended(awaited(tag, second)),
            };
            Event::StepEnds { task: TaskId::new(first)?, end }
        }
        20 => Event::Woken { task: TaskId::new(first)?, by: waker(tag, second) },
        21 => Event::Waited { task: TaskId::new(first)? },
        22 => Event::CancelAsked { task: TaskId::new(first)?, by: TaskId::new(second) },
        23 => {
            let end = match tag {
                0 => TaskEnd::Returned,
                1 => TaskEnd::Raised(StringId(small)),
                2 => TaskEnd::Cancelled,
                _ => return None,
            };
            Event::TaskDone { task: TaskId::new(first)?, end }
        }
        24 => Event::TaskLost { task: TaskId::new(first)? },
        25 => Event::ExceptionLost { task: TaskId::new(first), class: StringId(small) },
        26 => Event::NeverAwaited { code },
        27 => Event::HandleBegins { code },
        28 => Event::HandleEnds,
        29 => Event::CancelTakenBack { task: TaskId::new(first)? },

        40 => Event::TransportOpened { transport: TransportId::new(first)?, fd: small },
        41 => Event::BytesIn { transport: TransportId::new(first)?, bytes: second },
        42 => Event::BytesOut { transport: TransportId::new(first)?, bytes: second },
        43 => {
            let change = match tag {
                0 => FlowChange::ReadingPaused,
                1 => FlowChange::ReadingResumed,
                2 => FlowChange::WritingPaused,
                3 => FlowChange::WritingResumed,
                _ => return None,
            };
            Event::Flow { transport: TransportId::new(first)?, change }
        }
        44 => Event::TransportClosed { transport: TransportId::new(first)? },

        56 => {
            let place = if tag == 0 { WorkPlace::Thread } else { WorkPlace::Elsewhere };
            Event::WorkQueued { work: WorkId::new(first)?, by: TaskId::new(second), code, place }
        }
        57 => Event::WorkBegins { work: WorkId::new(first)? },
        58 => Event::WorkEnds { work: WorkId::new(first)? },

        64 => Event::GcPaused { took_ns: first, generation: small },
        65 => Event::LoopBlocked { since_ns: first, task: TaskId::new(second) },

        72 => {
            let kind = match tag {
                0 => LaneKind::Loop,
                1 => LaneKind::Thread,
                2 => LaneKind::Worker,
                _ => return None,
            };
            Event::LaneNamed { kind }
        }
        73 => Event::LaneEnds,
        74 => Event::Sampled { cpu_ns: first },
        75 => Event::CallEntered { cpu_ns: first },
        76 => Event::CallLeft { cpu_ns: first },
        77 => Event::ProcessStarted { pid: small },
        78 => Event::ProcessEnded { pid: small, status: low(first).cast_signed() },

        96 => Event::Dropped { events: first },
        97 => Event::RecordingEnds,
        _ => return None,
    })
}

fn awaited(tag: u8, second: u64) -> Awaited {
    match tag {
        17 => Awaited::Turn,
        18 => Awaited::Sleep { until_ns: second },
        19 => TaskId::new(second).map_or(Awaited::Unknown, Awaited::Task),
        20 => Awaited::Gathered { children: second },
        21 => Awaited::Future,
        22 => Awaited::Descriptor(low(second)),
        23 => TransportId::new(second).map_or(Awaited::Unknown, Awaited::Transport),
        24 => WorkId::new(second).map_or(Awaited::Unknown, Awaited::Work),
        _ => Awaited::Unknown,
    }
}

fn waker(tag: u8, second: u64) -> Waker {
    match tag {
        1 => TaskId::new(second).map_or(Waker::Unknown, Waker::Task),
        2 => Waker::Timer,
        3 => Waker::Descriptor(low(second)),
        4 => TransportId::new(second).map_or(Waker::Unknown, Waker::Transport),
        5 => Waker::Thread,
        6 => WorkId::new(second).map_or(Waker::Unknown, Waker::Work),
        7 => Waker::Signal(low(second)),
        8 => Waker::Callback,
        9 => Waker::Process(low(second)),
        _ => Waker::Unknown,
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The low half, which is all that a number of this kind has.
fn low(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).expect("the high half was taken away")
}
