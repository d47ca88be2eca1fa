//! The socket of a transport: Python's, or the loop's own until somebody asks for it.

use std::cell::{OnceCell, RefCell};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit};

use crate::ffi::PythonSocket;
use crate::names;

/// A socket with one owner.
///
/// A connection that the loop has accepted is a descriptor only: most programs never
/// look at its socket, and an object of Python's would cost as much as all else that is
/// done for the connection.  When it is asked for, the descriptor becomes the object's.
pub(super) struct Socket {
    own: RefCell<Option<OwnedFd>>,
    /// At last, Python's; never both.
    python: OnceCell<PythonSocket>,
}

impl Socket {
    pub(super) fn of_python(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Socket { own: RefCell::default(), python: PythonSocket::new(object)?.into() })
    }

    pub(super) fn own(descriptor: OwnedFd) -> Self {
        Socket { own: RefCell::new(Some(descriptor)), python: OnceCell::new() }
    }

    /// Its number now: -1 if it is closed.
    #[inline]
    pub(super) fn fd(&self, py: Python<'_>) -> RawFd {
        match self.python.get() {
            Some(python) => python.fd(py),
            None => self.own.borrow().as_ref().map_or(-1, AsRawFd::as_raw_fd),
        }
    }

    /// Whether it is the loop's own still.
    pub(super) fn is_own(&self) -> bool {
        self.own.borrow().is_some()
    }

    pub(super) fn is_plain(&self) -> bool {
        self.python.get().is_none_or(PythonSocket::is_plain)
    }

    /// As Python's object, which is made now if there is none; `None` if it was closed
    /// before anybody asked.
    pub(super) fn object<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(python) = self.python.get() {
            return Ok(Some(python.object().bind(py).clone()));
        }
        let fd = self.fd(py);
        if fd < 0 {
            return Ok(None);
        }
        let options = PyDict::new(py);
        options.set_item(intern!(py, "fileno"), fd)?;
        let object = names::socket_constructor(py)?.call((), Some(&options))?;
        // It is the object's from now on, which would close it as well.
        let own = self.own.take().map(IntoRawFd::into_raw_fd);
        debug_assert_eq!(own, Some(fd), "making an object of it runs nobody's code");
        object.call_method1(intern!(py, "setblocking"), (false,))?;
        let python = PythonSocket::new(&object)?;
        drop(self.python.set(python));
        Ok(Some(object))
    }

    pub(super) fn close(&self, py: Python<'_>) -> PyResult<()> {
        if let Some(python) = self.python.get() {
            return python.object().call_method0(py, intern!(py, "close")).map(drop);
        }
        drop(self.own.take());
        Ok(())
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.python.get().map_or(Ok(()), |python| visit.call(python.object()))
    }
}
