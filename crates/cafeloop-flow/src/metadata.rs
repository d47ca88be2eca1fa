//! What a recording says of itself before its first event.

use crate::tables::cut;

/// Of which program, when and how a recording was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What ran it, as in "CPython 3.13.0".
    pub runtime: String,
    /// The process.
    pub pid: u32,
    /// The process that started it; 0 if that doesn't matter.
    pub parent_pid: u32,
    /// Which clock the times are of.
    pub clock: Clock,
    /// How much was recorded.
    pub mode: Mode,
    /// Waits that were shorter aren't explained, in nanoseconds.
    pub wait_threshold_ns: u64,
    /// Jobs that were shorter don't count as blocking, in nanoseconds.
    pub block_threshold_ns: u64,
    /// How often threads were looked at, in nanoseconds; 0 if they weren't.
    pub sample_interval_ns: u64,
    /// When the recording began, on its clock.
    pub start_ns: u64,
    /// When it began, in nanoseconds since 1970 (UTC).
    pub start_unix_ns: u64,
}

/// Which clock times are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// `CLOCK_MONOTONIC`: recordings made since the last boot compare.
    #[default]
    Monotonic,
    /// One that jumps over waits.
    Virtual,
}

/// How much is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The newest events, in bounded memory.
    Ring,
    /// All, to a file.
    #[default]
    Full,
}

/// Bytes of a command line, at most: more are cut, and say so.
const MOST_COMMAND_BYTES: usize = 64 << 10;
/// Arguments of a command line, at most.
const MOST_ARGUMENTS: usize = 4096;

// Fields, as the format numbers them.
const ARGUMENT: u16 = 1;
const RUNTIME: u16 = 2;
const PID: u16 = 3;
const PARENT_PID: u16 = 4;
const CLOCK: u16 = 5;
const MODE: u16 = 6;
const WAIT_THRESHOLD: u16 = 7;
const BLOCK_THRESHOLD: u16 = 8;
const SAMPLE_INTERVAL: u16 = 9;
const START: u16 = 10;
const START_UNIX: u16 = 11;

impl Metadata {
    /// The fields, each with its number and length.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut field = |number: u16, content: &[u8]| {
            let length = u32::try_from(content.len()).expect("fields are cut to 64 KiB");
            bytes.extend_from_slice(&number.to_le_bytes());
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(content);
        };
        let mut room = MOST_COMMAND_BYTES;
        for (index, argument) in self.command.iter().enumerate() {
            let kept = cut(argument, room);
            if kept.len() < argument.len() || index == MOST_ARGUMENTS {
                let left = self.command.len() - index;
                field(ARGUMENT, format!("[{left} more arguments]").as_bytes());
                break;
            }
            room -= kept.len();
            field(ARGUMENT, kept.as_bytes());
        }
        field(RUNTIME, cut(&self.runtime, MOST_COMMAND_BYTES).as_bytes());
        field(PID, &self.pid.to_le_bytes());
        field(PARENT_PID, &self.parent_pid.to_le_bytes());
        field(CLOCK, &[u8::from(self.clock == Clock::Virtual)]);
        field(MODE, &[u8::from(self.mode == Mode::Full)]);
        field(WAIT_THRESHOLD, &self.wait_threshold_ns.to_le_bytes());
        field(BLOCK_THRESHOLD, &self.block_threshold_ns.to_le_bytes());
        field(SAMPLE_INTERVAL, &self.sample_interval_ns.to_le_bytes());
        field(START, &self.start_ns.to_le_bytes());
        field(START_UNIX, &self.start_unix_ns.to_le_bytes());
        bytes
    }

    /// Fields that are missing, unknown or cut off are as if they weren't there.
    pub(crate) fn decode(mut bytes: &[u8]) -> Metadata {
        let mut metadata = Metadata::default();
        while let Some((head, rest)) = bytes.split_at_checked(6) {
            let number = u16::from_le_bytes([head[0], head[1]]);
            let length = u32::from_le_bytes([head[2], head[3], head[4], head[5]]);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let Some((content, rest)) = rest.split_at_checked(length) else { break };
            bytes = rest;
            let text = || String::from_utf8_lossy(content).into_owned();
            let long = || content.try_into().map_or(0, u64::from_le_bytes);
            let short = || content.try_into().map_or(0, u32::from_le_bytes);
            match number {
                ARGUMENT => metadata.command.push(text()),
                RUNTIME => metadata.runtime = text(),
                PID => metadata.pid = short(),
                PARENT_PID => metadata.parent_pid = short(),
                CLOCK if content == [1] => metadata.clock = Clock::Virtual,
                MODE if content == [0] => metadata.mode = Mode::Ring,
                WAIT_THRESHOLD => metadata.wait_threshold_ns = long(),
                BLOCK_THRESHOLD => metadata.block_threshold_ns = long(),
                SAMPLE_INTERVAL => metadata.sample_interval_ns = long(),
                START => metadata.start_ns = long(),
                START_UNIX => metadata.start_unix_ns = long(),
                _ => {}
            }
        }
        metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_is_what_is_read() {
        let metadata = Metadata {
            command: vec!["cafe.py".into(), String::new(), "--grün".into()],
            runtime: "CPython 3.13.0".into(),
            pid: 12,
            parent_pid: 11,
            clock: Clock::Virtual,
            mode: Mode::Ring,
            wait_threshold_ns: 1,
            block_threshold_ns: 2,
            sample_interval_ns: 3,
            start_ns: 4,
            start_unix_ns: u64::MAX,
        };
        assert_eq!(Metadata::decode(&metadata.encode()), metadata);
        assert_eq!(Metadata::decode(&Metadata::default().encode()), Metadata::default());
    }

    #[test]
    fn a_long_command_is_cut_and_says_so() {
        let command = vec!["x".repeat(MOST_COMMAND_BYTES - 1), "yy".into(), "z".into()];
        let read = Metadata::decode(&Metadata { command, ..Metadata::default() }.encode());
        assert_eq!(read.command[1..], ["[2 more arguments]"]);
    }
}
