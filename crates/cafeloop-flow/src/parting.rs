//! Where two runs of the same program part: the first step that one of them took and the
//! other didn't.
//!
//! Only what ran, and in which order, counts, and not when: two runs of one length may
//! differ in nothing else.  Steps are read in pairs, so that it takes no more memory
//! than the tasks that are alive.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;

use crate::error::Error;
use crate::event::Event;
use crate::id::{CodeId, Frame, Lane, TaskId};
use crate::names::Names;
use crate::reader::Reader;
use crate::run::{is_of_the_program, site};

/// A step of a task, or a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The task's label, or the function.
    pub who: String,
    /// The place of the task among all, from 1; 0 for a callback.
    pub task: usize,
    /// The file, without its folder; empty if it isn't known.
    pub file: String,
    /// The line where it waited, or else where its function begins; 0 if neither is known.
    pub line: u32,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.who)?;
        if !self.file.is_empty() && self.line > 0 {
            write!(f, " ({}:{})", self.file, self.line)?;
        }
        Ok(())
    }
}

/// Where two runs part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parting {
    /// Steps that both took.
    pub same: u64,
    /// The last of them.
    pub last: Option<Step>,
    /// What one did next; `None` if it took no further step.
    pub before: Option<Step>,
    /// What the other did.
    pub after: Option<Step>,
}

/// Reads two recordings up to where they part; `None` if they never do.
///
/// # Errors
/// If one of them is no recording, or can't be read.
pub fn parting(before: impl Read, after: impl Read) -> Result<Option<Parting>, Error> {
    let (mut before, mut after) = (Steps::new(before)?, Steps::new(after)?);
    let (mut same, mut last) = (0, None);
    loop {
        match (before.next()?, after.next()?) {
            (None, None) => return Ok(None),
            (one, other) if one == other => {
                same += 1;
                last = one;
            }
            (before, after) => return Ok(Some(Parting { same, last, before, after })),
        }
    }
}

/// The steps of a run's first loop, in order.
struct Steps<R> {
    reader: Reader<R>,
    tasks: HashMap<TaskId, Known>,
    seen: usize,
    lane: Option<Lane>,
}

/// What is known of a task.
#[derive(Default)]
struct Known {
    place: usize,
    label: String,
    code: CodeId,
    /// Where it has waited.
    site: Frame,
}

impl<R: Read> Steps<R> {
    fn new(input: R) -> Result<Self, Error> {
        let reader = Reader::new(input)?;
        Ok(Steps { reader, tasks: HashMap::new(), seen: 0, lane: None })
    }

    fn next(&mut self) -> Result<Option<Step>, Error> {
        let (tasks, seen) = (&mut self.tasks, &mut self.seen);
        while let Some(entry) = self.reader.next_entry()? {
            let names = entry.names;
            let step = match entry.event {
                Event::TaskCreated { task, code, .. } => {
                    known(tasks, seen, task).code = code;
                    continue;
                }
                Event::TaskNamed { task } => {
                    known(tasks, seen, task).label = entry.text.into_owned();
                    continue;
                }
                Event::Waited { task } => {
                    known(tasks, seen, task).site = site(entry.frames, names);
                    continue;
                }
                Event::TaskDone { task, .. } | Event::TaskLost { task } => {
                    tasks.remove(&task);
                    continue;
                }
                Event::StepBegins { task } => known(tasks, seen, task).step(names),
                Event::HandleBegins { code } if is_of_the_program(names.file(code)) => {
                    let who = names.function(code).to_owned();
                    placed(Step { who, task: 0, file: String::new(), line: 0 }, code, 0, names)
                }
                _ => continue,
            };
            if *self.lane.get_or_insert(entry.lane) == entry.lane {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }
}

/// What is known of a task, which may be seen for the first time.
fn known<'a>(
    tasks: &'a mut HashMap<TaskId, Known>,
    seen: &mut usize,
    task: TaskId,
) -> &'a mut Known {
    tasks.entry(task).or_insert_with(|| {
        *seen += 1;
        Known { place: *seen, ..Known::default() }
    })
}

impl Known {
    /// It goes on.
    fn step(&mut self, names: &Names) -> Step {
        let function = names.function(self.code);
        let who = if self.label.is_empty() { function } else { &self.label };
        let step = Step { who: who.to_owned(), task: self.place, file: String::new(), line: 0 };
        let waited = std::mem::take(&mut self.site);
        if waited.code == CodeId::NONE {
            placed(step, self.code, 0, names)
        } else {
            placed(step, waited.code, waited.line, names)
        }
    }
}

fn placed(mut step: Step, code: CodeId, line: u32, names: &Names) -> Step {
    let file = names.file(code);
    file.rsplit('/').next().unwrap_or(file).clone_into(&mut step.file);
    step.line = if line > 0 { line } else { names.first_line(code) };
    step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lane, Metadata, Recorder, Snapshot, StepEnd};

    /// A recording of tasks that take steps in this order.
    fn recording(order: &[u64]) -> Vec<u8> {
        let mut ring = Recorder::ring(Metadata::default(), 1 << 20);
        let code = ring.code("pay", "/home/me/till.py", 7);
        let lane = Lane(0);
        for number in 1..=2 {
            let task = TaskId::new(number).expect("it is one");
            ring.record(0, lane, Event::TaskCreated { task, parent: None, code });
            ring.record_with(0, lane, Event::TaskNamed { task }, &format!("pay({number})"), &[]);
        }
        for &number in order {
            let task = TaskId::new(number).expect("it is one");
            if number == 2 {
                ring.record_with(0, lane, Event::Waited { task }, "", &[Frame { code, line: 9 }]);
            }
            ring.record(0, lane, Event::StepBegins { task });
            ring.record(0, lane, Event::StepEnds { task, end: StepEnd::Returned });
        }
        let mut file = Vec::new();
        ring.dump(&mut file, 0, &Snapshot::default()).expect("memory");
        file
    }

    fn parted(before: &[u64], after: &[u64]) -> Option<Parting> {
        parting(&recording(before)[..], &recording(after)[..]).expect("they are recordings")
    }

    #[test]
    fn the_first_step_that_differs_is_told_by_name_and_line() {
        let parting = parted(&[1, 2, 1], &[1, 1, 2]).expect("they differ");
        assert_eq!(parting.same, 1);
        let texts = [parting.last, parting.before, parting.after];
        let texts = texts.map(|step| step.expect("there is one").to_string());
        assert_eq!(texts, ["pay(1) (till.py:7)", "pay(2) (till.py:9)", "pay(1) (till.py:7)"]);
    }

    #[test]
    fn the_end_of_one_run_is_a_difference() {
        let parting = parted(&[1, 2], &[1]).expect("they differ");
        assert_eq!((parting.same, parting.after), (1, None));
        assert_eq!(parting.before.expect("there is one").who, "pay(2)");
    }

    #[test]
    fn equal_runs_never_part() {
        assert_eq!(parted(&[1, 2, 1], &[1, 2, 1]), None);
        assert_eq!(parted(&[], &[]), None);
    }

    #[test]
    fn what_is_no_recording_is_an_error() {
        assert!(parting(&b"coffee"[..], &recording(&[])[..]).is_err());
    }
}
