//! The unsafe corner of this crate, apart from the objects laid out by hand.

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr;
use std::slice;
use std::sync::OnceLock;

use pyo3::PyVisit;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyContext, PyInt, PyString};

use crate::names;

/// Data shared between threads that take turns; see [`crate::gil`].
pub(crate) struct Shared<T>(T);

// SAFETY: a reference to the value is given only against a proof that this
// thread holds the GIL, and no longer than that proof lives.  `Python::detach`
// lets go of the GIL, but its closure can't carry the reference along, since
// `&T` isn't `Send` for a `T` that isn't `Sync`.  So no two threads use it at
// once.  The value is dropped by CPython's deallocation, with the GIL held.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) const fn new(value: T) -> Self {
        Shared(value)
    }

    #[inline]
    pub(crate) fn with_gil<'a>(&'a self, _gil: Python<'a>) -> &'a T {
        &self.0
    }

    /// A visitor exists only during `tp_traverse`, which CPython calls with the
    /// GIL held.
    pub(crate) fn in_traverse<'a>(&'a self, _visit: &'a PyVisit<'_>) -> &'a T {
        &self.0
    }
}

/// A thread that runs Python code, as long as it does.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct PythonThread(*mut ffi::PyThreadState);

impl PythonThread {
    /// The one that runs here.
    #[inline]
    pub(crate) fn current(_py: Python<'_>) -> Self {
        // SAFETY: the GIL is held, so there is a thread state.
        PythonThread(unsafe { ffi::PyThreadState_Get() })
    }
}

// SAFETY: declared as in CPython's Include/cpython/object.h.
unsafe extern "C" {
    fn _PyObject_GetDictPtr(object: *mut ffi::PyObject) -> *mut *mut ffi::PyObject;
}

/// Whether an object may have a dictionary, made already.
///
/// Of objects whose dictionary the interpreter manages (futures since Python 3.14) it is
/// believed: only functions that would make one can tell.
///
/// # Safety
///
/// The GIL must be held, and `object` be one.
pub(crate) unsafe fn has_dictionary(object: *mut ffi::PyObject) -> bool {
    // SAFETY: the caller's promise; the answer is NULL or the address of a reference.
    unsafe {
        if (*ffi::Py_TYPE(object)).tp_flags & ffi::Py_TPFLAGS_MANAGED_DICT != 0 {
            return true;
        }
        let place = _PyObject_GetDictPtr(object);
        !place.is_null() && !(*place).is_null()
    }
}

/// Whether an attribute of this name was put on the object itself, whatever its class
/// has.  Asking for its `__dict__` would make it one, and its methods slower to find.
pub(crate) fn has_own_attribute<T>(
    object: &Bound<'_, T>,
    name: &Bound<'_, PyString>,
) -> PyResult<bool> {
    let py = object.py();
    // SAFETY: the GIL is held; the answer is NULL or the address of a reference to a
    // dictionary or of NULL, which the object holds.
    let dictionary = unsafe {
        let place = _PyObject_GetDictPtr(object.as_ptr());
        if place.is_null() { None } else { Bound::from_borrowed_ptr_or_opt(py, *place) }
    };
    dictionary.map_or(Ok(false), |dictionary| dictionary.contains(name))
}

/// An integer's value, if it is small.
#[inline]
pub(crate) fn small_integer(integer: &Bound<'_, PyInt>) -> Option<i32> {
    let mut overflow = 0;
    // SAFETY: the GIL is held and the object is an integer; for one that is too large it
    // says so by the other number, and raises nothing.
    let value = unsafe { ffi::PyLong_AsLongAndOverflow(integer.as_ptr(), &raw mut overflow) };
    (overflow == 0).then(|| i32::try_from(value).ok()).flatten()
}

/// The context of the running code, copied (`contextvars.copy_context()`).
pub(crate) fn copy_context(py: Python<'_>) -> PyResult<Bound<'_, PyContext>> {
    // SAFETY: the GIL is held, and the answer is a new reference or NULL with
    // an exception set.
    let context = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyContext_CopyCurrent())? };
    Ok(context.cast_into()?)
}

/// Calls `call` inside of `context`, as `Context.run` does.
#[inline]
pub(crate) fn in_context<R>(
    context: &Bound<'_, PyContext>,
    call: impl FnOnce() -> PyResult<R>,
) -> PyResult<R> {
    enter_context(context)?;
    let _entered = Entered(context);
    call()
}

/// Enters `context`; whoever does leaves it again, before what was entered earlier.
#[inline]
pub(crate) fn enter_context(context: &Bound<'_, PyContext>) -> PyResult<()> {
    // SAFETY: the GIL is held and the object is a context.
    match unsafe { ffi::PyContext_Enter(context.as_ptr()) } {
        0 => Ok(()),
        _ => Err(PyErr::fetch(context.py())),
    }
}

/// Leaves what was entered last.
#[inline]
pub(crate) fn leave_context(context: &Bound<'_, PyContext>) {
    // SAFETY: the GIL is held and the object is a context.
    if unsafe { ffi::PyContext_Exit(context.as_ptr()) } != 0 {
        // Somebody left the context in our place.
        PyErr::fetch(context.py()).write_unraisable(context.py(), Some(context.as_any()));
    }
}

/// A context that was entered and is left when this is dropped.
struct Entered<'a, 'py>(&'a Bound<'py, PyContext>);

impl Drop for Entered<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        // The guards of nested calls are dropped in reverse order.
        leave_context(self.0);
    }
}

/// Has the processor fetch what stands at an address, which it will soon be asked for.
#[inline]
#[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables, reason = "no stable hint there"))]
pub(crate) fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which does nothing for an address that nothing stands at.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
}

/// A Python socket or file that somebody else may close: its descriptor is asked for each
/// time, since a number that was kept may be another's by now.
pub(crate) struct PythonSocket {
    object: Py<PyAny>,
    /// Whether the descriptor is read where `_socket.socket` or `_io.FileIO` has it,
    /// which costs a load, and not by `fileno()`, which costs a call.
    is_plain: bool,
}

impl PythonSocket {
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let fd = object.call_method0(intern!(py, "fileno"))?.extract::<RawFd>()?;
        let has_field = object.is_instance(names::socket_class(py)?)?
            || object.is_instance(names::file_class(py)?)?;
        let is_plain = has_field && field(object) == fd;
        Ok(PythonSocket { object: object.clone().unbind(), is_plain })
    }

    /// -1 if the socket is closed.
    #[inline]
    pub(crate) fn fd(&self, py: Python<'_>) -> RawFd {
        let object = self.object.bind(py);
        if self.is_plain {
            return field(object);
        }
        let fd = object.call_method0(intern!(py, "fileno"));
        fd.and_then(|fd| fd.extract()).unwrap_or(-1)
    }

    pub(crate) fn object(&self) -> &Py<PyAny> {
        &self.object
    }

    /// Whether it is a `_socket.socket`, or derived from it.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }
}

/// A `_socket.socket` whose descriptor is read where it has it.
pub(crate) struct PlainSocket(Py<PyAny>);

impl PlainSocket {
    /// `None` if the object is none, or its descriptor isn't where it should be.
    #[inline]
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> Option<Self> {
        static IS_WHERE_IT_SHOULD_BE: OnceLock<bool> = OnceLock::new();
        let py = object.py();
        if !object.is_instance(names::socket_class(py).ok()?).ok()? {
            return None;
        }
        let is_plain = if let Some(known) = IS_WHERE_IT_SHOULD_BE.get() {
            *known
        } else {
            let fd = object.call_method0(intern!(py, "fileno")).ok()?.extract::<RawFd>();
            let fd = fd.ok().filter(|fd| *fd >= 0)?;
            *IS_WHERE_IT_SHOULD_BE.get_or_init(|| field(object) == fd)
        };
        is_plain.then(|| PlainSocket(object.clone().unbind()))
    }

    /// -1 if the socket is closed.
    #[inline]
    pub(crate) fn fd(&self, py: Python<'_>) -> RawFd {
        field(self.0.bind(py))
    }

    pub(crate) fn object(&self) -> &Py<PyAny> {
        &self.0
    }
}

/// The first field of a `_socket.socket` or of a `_io.FileIO`.
fn field(object: &Bound<'_, PyAny>) -> RawFd {
    // SAFETY: the callers have seen that the object is a `_socket.socket` or a
    // `_io.FileIO`, whose C structures have the descriptor, an int, behind the object's
    // head (`PySocketSockObject` in CPython's Modules/socketmodule.h, `fileio` in its
    // Modules/_io/fileio.c).  That is compared with `fileno()` when the connection is
    // made; a wrong guess would read an int of the object's own.
    unsafe { object.as_ptr().add(1).cast::<c_int>().read() }
}

// SAFETY: declared as in CPython's Include/cpython/bytesobject.h.
unsafe extern "C" {
    /// Documented in CPython's C API; `PyO3` has no declaration of it.
    fn _PyBytes_Resize(bytes: *mut *mut ffi::PyObject, size: ffi::Py_ssize_t) -> c_int;
}

/// Bytes of at most `capacity`, filled in place: `fill` says with what.
pub(crate) fn fill_bytes(
    py: Python<'_>,
    capacity: usize,
    fill: impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<&mut [u8]>,
) -> io::Result<Bound<'_, PyBytes>> {
    let too_large = || io::Error::from(io::ErrorKind::OutOfMemory);
    let size = ffi::Py_ssize_t::try_from(capacity).map_err(|_| too_large())?;
    // SAFETY: the GIL is held; the answer is a new reference, or NULL with an
    // exception set, which is taken.
    let object = unsafe {
        Bound::from_owned_ptr_or_err(py, ffi::PyBytes_FromStringAndSize(ptr::null(), size))
    };
    let object = object.map_err(|_| too_large())?;
    // SAFETY: a new bytes object that nobody else refers to may be written to, up to
    // its size (documented with PyBytes_FromStringAndSize).
    let room = unsafe {
        let start = ffi::PyBytes_AsString(object.as_ptr());
        slice::from_raw_parts_mut(start.cast::<MaybeUninit<u8>>(), capacity)
    };
    let filled = fill(room)?.len();
    if filled == 0 {
        return Ok(PyBytes::new(py, b""));
    }
    let mut raw = object.into_ptr();
    // SAFETY: the only reference, which is given up; `filled` is at most the size,
    // and so many bytes are initialised.  NULL is left behind by a failure.
    let resized = unsafe {
        _PyBytes_Resize(&raw mut raw, filled.cast_signed());
        Bound::from_owned_ptr_or_err(py, raw)
    };
    let bytes = resized.map_err(|_| too_large())?;
    Ok(bytes.cast_into().expect("a bytes object stays one when it is resized"))
}

/// Room for what an object says of its memory.  It may point to itself, so that it stays
/// where it is as long as it is in use: whoever asks has it on his stack.
pub(crate) struct View(ffi::Py_buffer);

impl View {
    pub(crate) fn new() -> Self {
        View(ffi::Py_buffer::new())
    }
}

/// The memory of an object that has some, while this lives.
struct Buffer<'v> {
    view: &'v mut ffi::Py_buffer,
}

impl<'v> Buffer<'v> {
    fn of(view: &'v mut View, object: &Bound<'_, PyAny>, flags: c_int) -> PyResult<Self> {
        let View(view) = view;
        // SAFETY: the GIL is held, and nobody else uses the view.
        match unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), &raw mut *view, flags) } {
            0 => Ok(Buffer { view }),
            _ => Err(PyErr::fetch(object.py())),
        }
    }

    fn len(&self) -> usize {
        self.view.len.cast_unsigned()
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        // SAFETY: the view was filled by `of` and is released once; whoever has one
        // holds the GIL, since it can't leave the thread.
        unsafe { ffi::PyBuffer_Release(&raw mut *self.view) };
    }
}

/// Memory to read from, contiguous.
pub(crate) struct ReadableBuffer<'v>(Buffer<'v>);

impl<'v> ReadableBuffer<'v> {
    pub(crate) fn of(view: &'v mut View, object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Buffer::of(view, object, ffi::PyBUF_SIMPLE).map(ReadableBuffer)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        if self.0.len() == 0 {
            return &[];
        }
        // SAFETY: a simple view is `len` contiguous bytes, which stay in place until
        // it is released.  They may be changed by whoever owns them, but only with
        // the GIL, which the caller of the kernel doesn't let go of.
        unsafe { slice::from_raw_parts(self.0.view.buf.cast::<u8>(), self.0.len()) }
    }
}

/// Memory to write to, contiguous.
pub(crate) struct WritableBuffer<'v>(Buffer<'v>);

impl<'v> WritableBuffer<'v> {
    pub(crate) fn of(view: &'v mut View, object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Buffer::of(view, object, ffi::PyBUF_WRITABLE).map(WritableBuffer)
    }

    /// Has `fill` write to it.
    pub(crate) fn fill<R>(&mut self, fill: impl FnOnce(&mut [MaybeUninit<u8>]) -> R) -> R {
        if self.0.len() == 0 {
            return fill(&mut []);
        }
        // SAFETY: as in `as_bytes`, of a view that was asked for to be written to;
        // `fill` writes bytes into it or leaves it as it is.
        let room = unsafe {
            slice::from_raw_parts_mut(self.0.view.buf.cast::<MaybeUninit<u8>>(), self.0.len())
        };
        fill(room)
    }
}

/// What becomes of a thread that runs a loop when the interpreter ends without it.
///
/// Before 3.14 CPython ends such a thread, a daemon, by `pthread_exit()`, wherever it
/// next asks for the GIL: in the midst of Python code that a loop runs, with frames of
/// ours above and below.  That unwinds the stack, which Rust's frames refuse by
/// aborting the process.  3.14 halts the thread instead (python/cpython#87135), and
/// so do we: Rust's frames are asked about an unwinding by one function, the
/// personality, and in its place stands one that halts the thread if it is forced.
#[cfg(not(Py_3_14))]
pub(crate) mod end_of_threads {
    use std::ffi::{c_int, c_void};
    use std::sync::atomic::{AtomicPtr, Ordering};
    use std::thread;

    /// Of the C++ ABI for exceptions, which Rust's follow: what the unwinder is at, a
    /// language's name, the exception and the frame.
    type Personality = unsafe extern "C" fn(c_int, c_int, u64, *mut c_void, *mut c_void) -> c_int;

    /// `_UA_FORCE_UNWIND`: nobody may catch it.
    const FORCED: c_int = 8;

    unsafe extern "C" {
        /// Where the unwinder looks for the personality of this module's frames: by a
        /// pointer that the compiler makes, and writable because the loader fills it.
        #[link_name = "DW.ref.rust_eh_personality"]
        static PERSONALITY: AtomicPtr<c_void>;

        fn rust_eh_personality(
            version: c_int,
            actions: c_int,
            class: u64,
            exception: *mut c_void,
            context: *mut c_void,
        ) -> c_int;
    }

    /// Has threads halted that are to end while they run a loop.
    pub(crate) fn halt_them() {
        let rusts: Personality = rust_eh_personality;
        let ours: Personality = personality;
        // SAFETY: a word of this module's data.  If it isn't what it is taken for it
        // doesn't hold the address of Rust's personality, and stays as it is.
        unsafe {
            let _ = PERSONALITY.compare_exchange(
                rusts as *mut c_void,
                ours as *mut c_void,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        }
    }

    unsafe extern "C" fn personality(
        version: c_int,
        actions: c_int,
        class: u64,
        exception: *mut c_void,
        context: *mut c_void,
    ) -> c_int {
        if actions & FORCED != 0 {
            // Without the GIL, which was asked for in vain.
            loop {
                thread::park();
            }
        }
        // SAFETY: as the unwinder would have called it.
        unsafe { rust_eh_personality(version, actions, class, exception, context) }
    }
}
