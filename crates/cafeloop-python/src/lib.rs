//! The extension module `cafeloop._cafeloop`: registration only.
//!
//! What is registered here is the native half of the package; the other half,
//! what runs once per loop or per error, is `python/cafeloop`.

#![deny(unsafe_code)]
#![allow(missing_docs, reason = "Python reads the stub, not this crate's documentation")]

#[cfg(Py_GIL_DISABLED)]
compile_error!(
    "cafeloop needs an interpreter with the GIL: free-threaded Python isn't supported yet"
);

mod cli;
mod clock;
mod errors;
mod event_loop;
#[allow(unsafe_code, reason = "the calls of CPython's that PyO3 has no safe form of")]
mod ffi;
mod gil;
mod host;
mod names;
#[allow(unsafe_code, reason = "objects laid out by hand")]
mod object;
mod recorder;
mod seconds;
mod transport;

#[pyo3::pymodule(gil_used = true)]
mod _cafeloop {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::cli::{Errand, draw_flow, parse_command, part};
    #[pymodule_export]
    use super::clock::{Holding, VirtualClock};
    #[pymodule_export]
    use super::event_loop::EventLoop;
    #[pymodule_export]
    use super::object::_native_tasks;
    #[cfg(not(Py_3_12))]
    #[pymodule_export]
    use super::object::StandIn;
    use super::object::add_handle_classes;
    #[pymodule_export]
    use super::object::add_loop_methods;
    #[cfg(Py_3_12)]
    #[pymodule_export]
    use super::object::{_put_shortcuts, _remove_shortcuts};
    #[pymodule_export]
    use super::object::{
        _refuse_native_tasks, _refuse_unbound_methods, _seek_origins, _whose_tasks,
        _whose_unbound_methods,
    };
    #[pymodule_export]
    use super::recorder::{
        _record_future, _record_process, _record_process_end, _record_process_wakes, _record_work,
        Collections, FlowRecording, HandedJob, Unawaited, Work,
    };
    #[pymodule_export]
    use super::transport::{Accepted, Acceptor, Connections, Datagram, Stream, Tls};

    /// What PyO3 doesn't register: classes laid out by hand, and methods; and what
    /// nobody sees.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        #[cfg(not(Py_3_14))]
        super::ffi::end_of_threads::halt_them();
        add_handle_classes(module)?;
        add_loop_methods(&module.py().get_type::<EventLoop>())
    }

    #[pymodule_export]
    const RUST_VERSION: &str = env!("CAFELOOP_RUSTC");
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    #[pymodule_export]
    const BUILT_FOR: &str = env!("CAFELOOP_PYTHON");
    #[pymodule_export]
    const PROFILE: &str = if cfg!(debug_assertions) { "debug" } else { "release" };
}
