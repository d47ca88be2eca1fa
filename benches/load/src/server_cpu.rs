//! The CPU time that another process has used, as its scheduler counted it.
//!
//! `/proc/PID/task/*/schedstat` counts nanoseconds, where `/proc/PID/stat` counts
//! hundredths of a second.  A thread that runs is charged at the next tick, a thread
//! that goes to sleep at once, so the time is read when the server sleeps.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::error::{Error, Result};

/// A server that has answered everything sleeps within microseconds; one that never
/// sleeps is read as it is, and its figure may be off by a tick (1 to 10 ms).
const LONGEST_WAIT: Duration = Duration::from_millis(50);
const LOOK_AGAIN_AFTER: Duration = Duration::from_micros(100);

/// Another process, whose threads are counted together.  The time of a thread that
/// has ended is lost.
pub(crate) struct ServerCpu {
    process: u32,
    tasks: PathBuf,
}

impl ServerCpu {
    /// Fails if there is no such process, or if its figures aren't to be seen.
    pub(crate) fn of(process: u32) -> Result<Self> {
        let cpu = ServerCpu { process, tasks: PathBuf::from(format!("/proc/{process}/task")) };
        cpu.read().map_err(|cause| Error::server_cpu(process, cause))?;
        Ok(cpu)
    }

    /// The time used up to now, once the server sleeps.
    pub(crate) fn used(&self) -> Result<Duration> {
        self.read_asleep().map_err(|cause| Error::server_cpu(self.process, cause))
    }

    fn read_asleep(&self) -> io::Result<Duration> {
        let give_up = Instant::now() + LONGEST_WAIT;
        while !self.sleeps()? && Instant::now() < give_up {
            thread::sleep(LOOK_AGAIN_AFTER);
        }
        self.read()
    }

    fn read(&self) -> io::Result<Duration> {
        let mut used = Duration::ZERO;
        self.each_task("schedstat", |text| {
            let ns = text.split_whitespace().next().and_then(|ns| ns.parse().ok());
            used += Duration::from_nanos(ns.ok_or_else(|| unexpected(text))?);
            Ok(())
        })?;
        Ok(used)
    }

    fn sleeps(&self) -> io::Result<bool> {
        let mut sleeps = true;
        self.each_task("stat", |text| {
            // The name before the state may have spaces and brackets.
            let state = text.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
            sleeps &= state.ok_or_else(|| unexpected(text))? != 'R';
            Ok(())
        })?;
        Ok(sleeps)
    }

    fn each_task(
        &self,
        file: &str,
        mut look: impl FnMut(&str) -> io::Result<()>,
    ) -> io::Result<()> {
        for task in fs::read_dir(&self.tasks)? {
            match fs::read_to_string(task?.path().join(file)) {
                Ok(text) => look(&text)?,
                // It has ended since the directory was read.
                Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn unexpected(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("found {text:?}"))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn work_is_counted() {
        let mut yes = Command::new("yes").stdout(Stdio::null()).spawn().expect("there is a yes");
        let cpu = ServerCpu::of(yes.id()).expect("it lives");
        let before = cpu.read().expect("it lives");
        while cpu.read().expect("it lives") <= before {}
        yes.kill().expect("it lives");
        yes.wait().expect("it was killed");
    }

    #[test]
    fn a_process_that_sleeps_uses_nothing() {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().expect("there is a cat");
        let cpu = ServerCpu::of(cat.id()).expect("it lives");
        while !cpu.sleeps().expect("it lives") {}
        assert_eq!(cpu.used().expect("it lives"), cpu.used().expect("it lives"));
        drop(cat.stdin.take());
        cat.wait().expect("it ends with its input");
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        let mut cat = Command::new("cat").stdin(Stdio::null()).spawn().expect("there is a cat");
        cat.wait().expect("it ends with its input");
        assert!(ServerCpu::of(cat.id()).is_err());
    }
}
