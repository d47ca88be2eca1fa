//! Chains of awaits, and stacks: where something waits or runs, outermost first.
//!
//! Reading them runs no code of the program's.

use cafeloop::flow::Frame;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::codes::Whose;
use super::recording::Recording;
use crate::names;

/// Links of a chain, or frames of a stack, that are looked at: as many as a recursion
/// may have, and a limit for a chain that ends in itself.
const DEEPEST: usize = 1000;

/// The chain of awaits of a suspended coroutine.
pub(super) fn chain(recording: &Recording, coroutine: &Bound<'_, PyAny>) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut link = Some(coroutine.clone());
    for _ in 0..DEEPEST {
        let Some(awaiting) = link else { break };
        match read_link(recording, &awaiting, &mut frames) {
            Ok(next) => link = next,
            Err(_) => break,
        }
    }
    frames
}

/// What the three kinds of suspended objects call their parts: code, frame, awaited.
const PARTS: [[&str; 3]; 3] = [
    ["cr_code", "cr_frame", "cr_await"],
    ["gi_code", "gi_frame", "gi_yieldfrom"],
    ["ag_code", "ag_frame", "ag_await"],
];

/// Adds the frame of `awaiting`, and gives what that awaits in its turn.
fn read_link<'py>(
    recording: &Recording,
    awaiting: &Bound<'py, PyAny>,
    frames: &mut Vec<Frame>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = awaiting.py();
    let class = awaiting.get_type();
    let parts = match &*class.name()?.to_string_lossy() {
        "coroutine" => &PARTS[0],
        "generator" => &PARTS[1],
        "async_generator" => &PARTS[2],
        // What stands between an async generator, or a coroutine, and whoever awaits
        // it has no attribute that shows what is behind.
        "async_generator_asend"
        | "async_generator_athrow"
        | "coroutine_wrapper"
        | "anext_awaitable" => return behind(awaiting),
        _ => return Ok(None),
    };
    let part = |name: &str| awaiting.getattr(PyString::intern(py, name));
    let frame = part(parts[1])?;
    if frame.is_none() {
        // Ours: a sleep, which has no frame and awaits nothing.
        return Ok(None);
    }
    let code = recording.codes.of_code(&recording.recorder, &part(parts[0])?).id;
    frames.push(Frame { code, line: line_of(&frame) });
    Ok(Some(part(parts[2])?).filter(|next| !next.is_none()))
}

fn behind<'py>(awaiting: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let referents = names::get_referents(awaiting.py())?.call1((awaiting,))?;
    Ok(referents.cast::<PyList>()?.iter().find(|found| {
        let name = found.get_type().name();
        name.is_ok_and(|name| {
            matches!(&*name.to_string_lossy(), "async_generator" | "coroutine" | "generator")
        })
    }))
}

fn line_of(frame: &Bound<'_, PyAny>) -> u32 {
    let line = frame.getattr(intern!(frame.py(), "f_lineno"));
    line.and_then(|line| line.extract()).unwrap_or(0)
}

/// A thread's stack from the outermost frame of the program's own on, or of a job that it
/// has given to a pool.
pub(super) struct Stack<'py> {
    pub(super) frames: Vec<Frame>,
    /// The innermost frame of the program's own, unless that is importing; or a job's
    /// outermost one, if it is all a library's.
    pub(super) own: Option<Frame>,
    /// The frame that it called: none if it called no Python function.
    pub(super) callee: Option<Bound<'py, PyAny>>,
}

/// Reads the stack whose innermost frame is this.
pub(super) fn stack<'py>(recording: &Recording, innermost: Bound<'py, PyAny>) -> Stack<'py> {
    let py = innermost.py();
    let mut frames = Vec::new();
    let (mut own, mut callee) = (None, None);
    let (mut imports, mut outermost) = (false, None);
    // The frame that was read last, and the one that it called.
    let (mut read, mut below): (Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>) =
        (None, None);
    let mut link = Some(innermost);
    while let Some(frame) = link.filter(|frame| !frame.is_none()) {
        if frames.len() == DEEPEST {
            break;
        }
        let Ok(code) = frame.getattr(intern!(py, "f_code")) else { break };
        let known = recording.codes.of_code(&recording.recorder, &code);
        let place = Frame { code: known.id, line: line_of(&frame) };
        if known.whose == Whose::Beginning {
            break;
        }
        if known.whose == Whose::Pool {
            if own.is_none() {
                own = frames.last().copied();
                callee = below;
            }
            outermost = frames.len().checked_sub(1);
            break;
        }
        imports |= known.whose == Whose::Import && own.is_none();
        if known.whose == Whose::Programs {
            if own.is_none() {
                own = Some(place);
                callee = read.take();
            }
            outermost = Some(frames.len());
        }
        frames.push(place);
        link = frame.getattr(intern!(py, "f_back")).ok();
        below = read.replace(frame);
    }
    // Below are those of who runs the program: the interpreter's, or ours.
    frames.truncate(outermost.map_or(frames.len(), |place| place + 1));
    frames.reverse();
    Stack { frames, own: own.filter(|_| !imports), callee }
}
