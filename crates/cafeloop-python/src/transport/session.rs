//! What OpenSSL is asked, by the objects of Python's `ssl`: one that encrypts, and
//! the memories for what came from the carrier and what goes there.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};
use pyo3::{PyTraverseError, PyVisit, intern};

use crate::names;

/// What came of asking.
pub(super) enum Answer<T> {
    Done(T),
    /// The other side has to say something first.
    NeedsInput,
}

/// A session of OpenSSL's between two memories.
pub(super) struct Session {
    read: Py<PyAny>,
    write: Py<PyAny>,
    /// `SSLObject.pending` of a session whose methods are those of `ssl` itself.  Of
    /// others nothing is known but that they read and write.
    decrypted: Option<Py<PyAny>>,
    incoming: Py<PyAny>,
    feed: Py<PyAny>,
    outgoing: Py<PyAny>,
    take: Py<PyAny>,
}

impl Session {
    pub(super) fn new(
        session: &Bound<'_, PyAny>,
        incoming: &Bound<'_, PyAny>,
        outgoing: &Bound<'_, PyAny>,
        is_plain: bool,
    ) -> PyResult<Self> {
        let method = |object: &Bound<'_, PyAny>, name| object.getattr(name).map(Bound::unbind);
        Ok(Session {
            read: method(session, "read")?,
            write: method(session, "write")?,
            decrypted: if is_plain { Some(method(session, "pending")?) } else { None },
            incoming: incoming.clone().unbind(),
            feed: method(incoming, "write")?,
            outgoing: outgoing.clone().unbind(),
            take: method(outgoing, "read")?,
        })
    }

    /// Has bytes from the carrier wait to be decrypted.
    #[inline]
    pub(super) fn feed(&self, data: &Bound<'_, PyBytes>) -> PyResult<()> {
        self.feed.bind(data.py()).call1((data,)).map(drop)
    }

    /// Bytes from the carrier that wait.
    #[inline]
    pub(super) fn incoming(&self, py: Python<'_>) -> PyResult<usize> {
        self.incoming.bind(py).getattr(intern!(py, "pending"))?.extract()
    }

    /// Bytes that wait for the carrier.
    #[inline]
    pub(super) fn outgoing(&self, py: Python<'_>) -> PyResult<usize> {
        self.outgoing.bind(py).getattr(intern!(py, "pending"))?.extract()
    }

    /// Takes all that waits for the carrier.
    #[inline]
    pub(super) fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(self.take.bind(py).call0()?.cast_into()?)
    }

    /// Decrypts at most so many bytes; none if the other side has ended its writing.
    #[inline]
    pub(super) fn read<'py>(
        &self,
        py: Python<'py>,
        room: usize,
    ) -> PyResult<Answer<Bound<'py, PyBytes>>> {
        match answer(py, self.read.bind(py).call1((room,)))? {
            Answer::Done(data) => Ok(Answer::Done(data.cast_into()?)),
            Answer::NeedsInput => Ok(Answer::NeedsInput),
        }
    }

    /// The same, into memory that has room for them.
    pub(super) fn read_into(
        &self,
        buffer: &Bound<'_, PyMemoryView>,
        room: usize,
    ) -> PyResult<Answer<usize>> {
        let py = buffer.py();
        count(answer(py, self.read.bind(py).call1((room, buffer)))?)
    }

    /// Whether asking for more would find nothing.  `was_filled` says whether the
    /// last read took all that it had room for: else its record is at its end.
    #[inline]
    pub(super) fn is_drained(&self, py: Python<'_>, was_filled: bool) -> PyResult<bool> {
        // To be told that there is nothing, by an exception, costs as much as to decrypt
        // a kilobyte.
        let Some(decrypted) = &self.decrypted else { return Ok(false) };
        if self.incoming(py)? > 0 {
            return Ok(false);
        }
        Ok(!was_filled || decrypted.bind(py).call0()?.extract::<usize>()? == 0)
    }

    /// Encrypts, and says how many bytes it took.
    #[inline]
    pub(super) fn encrypt(&self, data: &Bound<'_, PyAny>) -> PyResult<Answer<usize>> {
        let py = data.py();
        count(answer(py, self.write.bind(py).call1((data,)))?)
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        for method in [&self.read, &self.write, &self.feed, &self.take] {
            visit.call(method)?;
        }
        visit.call(&self.decrypted)?;
        visit.call(&self.incoming)?;
        visit.call(&self.outgoing)
    }
}

#[inline]
fn answer<'py>(
    py: Python<'py>,
    outcome: PyResult<Bound<'py, PyAny>>,
) -> PyResult<Answer<Bound<'py, PyAny>>> {
    match outcome {
        Ok(answer) => Ok(Answer::Done(answer)),
        Err(error) if needs_input(py, &error)? => Ok(Answer::NeedsInput),
        Err(error) => Err(error),
    }
}

/// asyncio's own choice of what isn't an error (`SSLAgainErrors`).
fn needs_input(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    Ok(error.matches(py, names::ssl_want_read_error(py)?)?
        || error.matches(py, names::ssl_syscall_error(py)?)?)
}

fn count(answer: Answer<Bound<'_, PyAny>>) -> PyResult<Answer<usize>> {
    match answer {
        Answer::Done(count) => Ok(Answer::Done(count.extract()?)),
        Answer::NeedsInput => Ok(Answer::NeedsInput),
    }
}
