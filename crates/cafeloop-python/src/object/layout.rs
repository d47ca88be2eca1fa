//! What must be known of the interpreter's own structs, and how it is verified.
//!
//! Our part of an object begins behind `_asyncio.Task`'s struct.  Since Python
//! 3.14 `_asyncio` publishes, for debuggers, where some fields of its structs are
//! (the section `.AsyncioDebug`, `Py_AsyncioModuleDebugOffsets` in
//! `Modules/_asynciomodule.c`); we fill those, so that `python -m asyncio ps` and
//! call graphs see our tasks.  Nothing is believed: each field is written by the
//! interpreter and read back here first.
//!
//! With those known, our part stands within the struct, in the place of fields that
//! aren't published: a future takes no more memory than one of asyncio's.  That needs
//! that none of asyncio's own code looks at them: the methods of its classes know
//! objects of ours (`descriptors.rs`), and what it does when one is deallocated or
//! visited is done by us.

use std::ffi::CStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use object::{Object as _, ObjectSection as _};
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::names;

/// Bytes from the address of a future or a task to our part of it.
static OWN_OFFSET: AtomicUsize = AtomicUsize::new(0);

/// The same, if it stands behind the interpreter's struct.
static BEHIND: AtomicUsize = AtomicUsize::new(0);

/// The published offsets, if this interpreter has them.
static PUBLISHED: OnceLock<Offsets> = OnceLock::new();

/// Offsets in bytes, within a future's or a task's struct and, for the last two,
/// within the thread's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Offsets {
    pub(super) name: usize,
    pub(super) awaited_by: usize,
    pub(super) is_task: usize,
    pub(super) awaited_by_is_set: usize,
    pub(super) coroutine: usize,
    /// The node by which a task hangs in its thread's list.
    pub(super) node: usize,
    pub(super) running_task: usize,
    pub(super) tasks_head: usize,
}

impl Offsets {
    /// The first published field of an object.
    fn first(&self) -> usize {
        let Offsets { name, awaited_by, is_task, awaited_by_is_set, coroutine, node, .. } = *self;
        [name, awaited_by, is_task, awaited_by_is_set, coroutine, node]
            .into_iter()
            .fold(usize::MAX, usize::min)
    }
}

#[inline]
pub(super) fn own_offset() -> usize {
    OWN_OFFSET.load(Ordering::Relaxed)
}

/// Whether our part stands in the place of unpublished fields, and not behind all.
#[inline]
pub(super) fn is_within() -> bool {
    cfg!(Py_3_14) && own_offset() == HEAD
}

/// Bytes of an object that aren't of its class.
const HEAD: usize = size_of::<ffi::PyObject>();

/// Has parts of at most so many bytes stand within the struct, if there is room before
/// the first published field; or else behind it.
pub(super) fn choose(may_be_within: bool, bytes: usize) {
    let has_room = published().is_some_and(|offsets| HEAD + bytes <= offsets.first());
    let behind = BEHIND.load(Ordering::Relaxed);
    let chosen = if cfg!(Py_3_14) && may_be_within && has_room { HEAD } else { behind };
    OWN_OFFSET.store(chosen, Ordering::Relaxed);
}

#[inline]
pub(super) fn published() -> Option<&'static Offsets> {
    PUBLISHED.get()
}

/// Learns and verifies the layout of this interpreter, before the first object.
/// The error says what is unknown about it.
pub(super) fn learn(future: &Bound<'_, PyType>, task: &Bound<'_, PyType>) -> PyResult<()> {
    let py = task.py();
    let (future_bytes, task_bytes) = (basic_size(future)?, basic_size(task)?);
    // One place for all: a task's struct is a future's with more behind it.
    if future_bytes > task_bytes {
        return Err(unknown("an _asyncio.Future is larger than an _asyncio.Task"));
    }
    BEHIND.store(task_bytes.next_multiple_of(align_of::<u64>()), Ordering::Relaxed);
    if !cfg!(Py_3_14) {
        return Ok(());
    }
    let offsets = read_section(py)?;
    verify(py, &offsets, task_bytes)?;
    PUBLISHED.get_or_init(|| offsets);
    Ok(())
}

fn unknown(what: &str) -> PyErr {
    PyRuntimeError::new_err(what.to_owned())
}

fn basic_size(class: &Bound<'_, PyType>) -> PyResult<usize> {
    class.getattr(intern!(class.py(), "__basicsize__"))?.extract()
}

/// The offsets as they stand in the file of `_asyncio`, or of the interpreter if
/// that is built in.
fn read_section(py: Python<'_>) -> PyResult<Offsets> {
    const SECTION: &str = ".AsyncioDebug";
    let module = py.import(intern!(py, "_asyncio"))?;
    let path: std::path::PathBuf = match module.getattr_opt(intern!(py, "__file__"))? {
        Some(path) => path.extract()?,
        None => "/proc/self/exe".into(),
    };
    let file = std::fs::File::open(path)?;
    let cache = object::ReadCache::new(file);
    let file = object::File::parse(&cache).map_err(|error| unknown(&error.to_string()))?;
    let section = file
        .section_by_name(SECTION)
        .ok_or_else(|| unknown("_asyncio has no section .AsyncioDebug"))?;
    let bytes = section.data().map_err(|error| unknown(&error.to_string()))?;
    let words: Vec<usize> = bytes
        .chunks_exact(size_of::<u64>())
        .map(|word| usize::from_ne_bytes(word.try_into().unwrap_or_default()))
        .collect();
    // asyncio_task_object, asyncio_interpreter_state, asyncio_thread_state; each
    // begins with its own size.
    let [
        _task,
        name,
        awaited_by,
        is_task,
        awaited_by_is_set,
        coroutine,
        node,
        _interpreter,
        _head,
        _thread,
        _loop,
        running_task,
        tasks_head,
    ] = words[..]
    else {
        return Err(unknown("the section .AsyncioDebug has another size than it is known by"));
    };
    Ok(Offsets {
        name,
        awaited_by,
        is_task,
        awaited_by_is_set,
        coroutine,
        node,
        running_task,
        tasks_head,
    })
}

/// Has the interpreter make a task, and looks whether its fields are there.
fn verify(py: Python<'_>, offsets: &Offsets, task_bytes: usize) -> PyResult<()> {
    const WORD: usize = size_of::<usize>();
    for (field, end) in [
        ("name", offsets.name + WORD),
        ("awaited_by", offsets.awaited_by + WORD),
        ("is_task", offsets.is_task + 1),
        ("awaited_by_is_set", offsets.awaited_by_is_set + 1),
        ("coro", offsets.coroutine + WORD),
        ("node", offsets.node + 2 * WORD),
    ] {
        if end > task_bytes {
            return Err(unknown(&format!("the published offset of {field} isn't within a task")));
        }
    }
    let locals = PyDict::new(py);
    py.run(SPECIMEN, None, Some(&locals))?;
    let get = |name: &str| -> PyResult<Bound<'_, PyAny>> {
        locals.get_item(name)?.ok_or_else(|| unknown("the specimen is incomplete"))
    };
    let (specimen, other) = (get("task")?, get("other")?);
    let check = |field: &str, is_there: bool| {
        let text = format!("the published offset of {field} isn't where the interpreter has it");
        if is_there { Ok(()) } else { Err(unknown(&text)) }
    };
    let field = |object: &Bound<'_, PyAny>, offset: usize| {
        // SAFETY: within the object's struct, as has been checked; read as a number.
        unsafe { object.as_ptr().cast::<u8>().add(offset).cast::<usize>().read_unaligned() }
    };
    let byte = |object: &Bound<'_, PyAny>, offset: usize| {
        // SAFETY: as above.
        unsafe { object.as_ptr().cast::<u8>().add(offset).read() }
    };
    let is = |object: &Bound<'_, PyAny>, offset: usize, value: &Bound<'_, PyAny>| {
        field(object, offset) == value.as_ptr() as usize
    };
    check("coro", is(&specimen, offsets.coroutine, &get("coroutine")?))?;
    check("name", is(&specimen, offsets.name, &get("name")?))?;
    check("is_task", byte(&specimen, offsets.is_task) == 1)?;
    check("awaited_by", is(&specimen, offsets.awaited_by, &other))?;
    check("awaited_by_is_set", byte(&specimen, offsets.awaited_by_is_set) == 0)?;
    check("awaited_by_is_set", byte(&other, offsets.awaited_by_is_set) == 1)?;
    // SAFETY: the GIL is held, so there is a thread state.
    let thread = unsafe { ffi::PyThreadState_Get() } as usize;
    // The list's last node hangs before its head; `other` was made last.
    let node = other.as_ptr() as usize + offsets.node;
    check("node", field(&other, offsets.node) == thread + offsets.tasks_head)?;
    let previous = field(&other, offsets.node + WORD);
    check("node", previous == specimen.as_ptr() as usize + offsets.node)?;
    // SAFETY: the head is in the thread's struct, which the last node refers to.
    let last = unsafe { ((thread + offsets.tasks_head + WORD) as *const usize).read_unaligned() };
    check("asyncio_tasks_head", last == node)?;
    let running = || {
        // SAFETY: in the thread's struct, before the head that has been verified,
        // or at least as near; read as a number.
        unsafe { ((thread + offsets.running_task) as *const usize).read_unaligned() }
    };
    if offsets.running_task.abs_diff(offsets.tasks_head) > 4 * WORD {
        return Err(unknown("asyncio_running_task isn't beside asyncio_tasks_head"));
    }
    let before = running();
    let swap = names::swap_current_task(py)?;
    let its_loop = get("loop")?;
    let running_loop = names::get_running_loop(py)?.call0()?;
    let set_loop = names::set_running_loop(py)?;
    set_loop.call1((&its_loop,))?;
    let seen = swap.call1((&its_loop, &specimen)).map(|replaced| (running(), replaced));
    let restored = seen.and_then(|(seen, replaced)| {
        swap.call1((&its_loop, replaced))?;
        Ok(seen)
    });
    set_loop.call1((running_loop,))?;
    check("asyncio_running_task", restored? == specimen.as_ptr() as usize)?;
    check("asyncio_running_task", running() == before)?;
    py.run(END, None, Some(&locals))
}

/// Two tasks of the interpreter's own, on a loop that does nothing: `task`, which
/// `other` waits for, and `other`, which two wait for.
const SPECIMEN: &CStr = c"
import asyncio

class Loop:
    def get_debug(self):
        return False
    def call_soon(self, *args, context=None):
        pass
    def call_exception_handler(self, context):
        pass

async def wait():
    pass

loop, name = Loop(), 'specimen'
coroutine, second = wait(), wait()
task = asyncio.Task(coroutine, loop=loop, name=name)
other = asyncio.Task(second, loop=loop, name=name)
asyncio.future_add_to_awaited_by(task, other)
asyncio.future_add_to_awaited_by(other, task)
asyncio.future_add_to_awaited_by(other, asyncio.Future(loop=loop))
";

/// Leaves no trace of them: no pending task, no coroutine that wasn't awaited.
const END: &CStr = c"
asyncio.future_discard_from_awaited_by(task, other)
asyncio.future_discard_from_awaited_by(other, task)
for task in task, other:
    task._log_destroy_pending = False
    asyncio._unregister_task(task)
coroutine.close()
second.close()
";
