//! How a connection begins and ends: jobs of the loop's own, where asyncio makes handles.
//!
//! In debug mode, and on a loop whose class has a `call_soon` of its own, the transport
//! calls that instead, so that nothing is missed by who looks.

use cafeloop::engine::Interest;
use pyo3::exceptions::PyOSError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyContext, PyTuple};

use super::Stream;
use super::endpoint::Endpoint;
use super::medium::Medium;
use super::watching::Watching;
use crate::event_loop::{EventLoop, report};
use crate::ffi::in_context;
use crate::host::{Ending, Job};

impl Stream {
    /// Has the protocol told of its connection in the next turn, and then the socket
    /// watched; false if that is the transport's to do.
    pub(super) fn queue_beginning(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let endpoint = slf.get().endpoint(py);
        let owner = endpoint.owner().bind(py);
        if !owner.get().queues_natively(py) {
            return Ok(false);
        }
        // As a handle for each of both would have it.
        endpoint.enter_from_now(py, Interest::Read)?;
        let context = endpoint.new_context(py)?;
        EventLoop::queue(owner, Job::Begin(slf.clone().unbind(), context))?;
        Ok(true)
    }

    /// What that has queued.
    pub(crate) fn begin(slf: &Bound<'_, Self>, context: &Bound<'_, PyContext>) -> PyResult<()> {
        let py = slf.py();
        let endpoint = slf.get().endpoint(py);
        let (Some(transport), Some(protocol)) = (endpoint.transport(py), endpoint.protocol(py))
        else {
            return Ok(());
        };
        let name = intern!(py, "connection_made");
        let args = PyTuple::new(py, [transport])?;
        let made = in_context(context, || protocol.call_method1(name, &args).map(drop));
        if let Err(error) = made {
            report::method_failed(endpoint.owner().bind(py), (&protocol, name, args), error)?;
        }
        let wants_input = slf.get().machine(py).borrow().wants_input();
        if wants_input { endpoint.watched().begin(slf, Interest::Read) } else { Ok(()) }
    }

    /// The connection is lost: has the protocol told in the next turn; false if that is
    /// the transport's to do.
    pub(super) fn queue_end(
        slf: &Bound<'_, Self>,
        error: Option<Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let py = slf.py();
        let endpoint = slf.get().endpoint(py);
        let owner = endpoint.owner().bind(py);
        if !owner.get().queues_natively(py) {
            return Ok(false);
        }
        let context = endpoint.new_context(py)?;
        let error = error.map(Bound::unbind);
        EventLoop::queue(
            owner,
            Job::End(Box::new(Ending { stream: slf.clone().unbind(), context, error })),
        )?;
        Ok(true)
    }

    /// What that has queued.
    pub(crate) fn end(
        slf: &Bound<'_, Self>,
        context: &Bound<'_, PyContext>,
        error: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let endpoint = slf.get().endpoint(py);
        let Some(transport) = endpoint.transport(py) else { return Ok(()) };
        let lost = endpoint.protocol(py).map_or(Ok(()), |protocol| {
            let name = intern!(py, "connection_lost");
            let args = PyTuple::new(py, [error])?;
            let told = in_context(context, || protocol.call_method1(name, &args).map(drop));
            let owner = endpoint.owner().bind(py);
            told.or_else(|error| report::method_failed(owner, (&protocol, name, args), error))
        });
        // Whatever that has raised.
        lost.and(transport.call_method0(py, intern!(py, "_let_go")).map(drop))
    }

    /// Ends the connection because of an error, unless that is meant to leave the loop.
    /// One of a socket's is no news.
    pub(super) fn fail(slf: &Bound<'_, Self>, error: PyErr, message: &str) -> PyResult<()> {
        let py = slf.py();
        let endpoint = slf.get().endpoint(py);
        let is_quiet = slf.get().medium(py) == Medium::Socket
            && error.is_instance_of::<PyOSError>(py)
            && endpoint.owner().get().queues_natively(py);
        if !is_quiet {
            return endpoint.fail(py, error, message);
        }
        let unsent = slf.get().machine(py).borrow_mut().abort();
        if unsent.is_some() {
            Endpoint::stop_watching(slf);
            Stream::queue_end(slf, Some(error.into_value(py).into_bound(py).into_any()))?;
        }
        Ok(())
    }
}
