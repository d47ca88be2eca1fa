//! What a handle calls: a callable and its positional arguments.

use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::method::Arguments;
use super::reference::Slot;

/// Arguments that are kept side by side: most callbacks have no more.
const FEW: usize = 3;

/// A callable and what it is called with; or nothing, once it is taken.
///
/// Each word is a slot of its own, since an enum of the shapes would be put together in
/// one place and copied to another.
pub(crate) struct Call {
    callback: Slot,
    /// The arguments, and then empty slots.  Or a tuple of them, if there are more than a
    /// few, in the last slot, before which all are empty.
    args: [Slot; FEW],
}

/// What is to be called, not held yet.
///
/// To hold it can't fail, so that it is put together where it stays: what may have to be
/// dropped is in memory, and from there it would be read in other pieces than it was
/// written in, for which the processor waits.
pub(crate) struct Given<'a, 'py> {
    callback: Borrowed<'a, 'py, PyAny>,
    few: [Option<Borrowed<'a, 'py, PyAny>>; FEW],
    many: Option<Bound<'py, PyTuple>>,
}

impl<'a, 'py> Given<'a, 'py> {
    /// With the arguments given by position.
    #[inline(always)]
    pub(crate) fn new(
        callback: Borrowed<'a, 'py, PyAny>,
        args: Arguments<'a, 'py>,
    ) -> PyResult<Self> {
        if let Some(few) = args.few() {
            return Ok(Given { callback, few, many: None });
        }
        let many = PyTuple::new(callback.py(), args.positional())?;
        Ok(Given { callback, few: [None; FEW], many: Some(many) })
    }

    #[inline(always)]
    pub(super) fn hold(self) -> Call {
        let held = |given: Option<Borrowed<'a, 'py, PyAny>>| {
            given.map_or_else(Slot::empty, |given| Slot::holding(given.to_owned()))
        };
        let [one, two, three] = self.few;
        let last = match self.many {
            None => held(three),
            Some(many) => Slot::holding(many.into_any()),
        };
        Call {
            callback: Slot::holding(self.callback.to_owned()),
            args: [held(one), held(two), last],
        }
    }
}

impl Call {
    /// With arguments that PyO3 has made a tuple of.
    pub(crate) fn new(callback: Bound<'_, PyAny>, args: &Bound<'_, PyTuple>) -> PyResult<Self> {
        Call::with(callback, args.iter())
    }

    /// With these arguments.
    #[inline(always)]
    pub(crate) fn with<'py>(
        callback: Bound<'py, PyAny>,
        mut args: impl ExactSizeIterator<Item = Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        let args = if args.len() > FEW {
            let many = PyTuple::new(callback.py(), args.by_ref())?;
            [Slot::empty(), Slot::empty(), Slot::holding(many.into_any())]
        } else {
            let mut next = || args.next().map_or_else(Slot::empty, Slot::holding);
            [next(), next(), next()]
        };
        Ok(Call { callback: Slot::holding(callback), args })
    }

    /// Whether it has been taken.
    #[inline]
    pub(super) fn is_gone(&self) -> bool {
        self.callback.is_empty()
    }

    /// Takes all of it, for the caller to drop.
    pub(super) fn take(&self) -> Self {
        Call { callback: self.callback.take_all(), args: self.args.each_ref().map(Slot::take_all) }
    }

    /// `None` if it has been taken.
    #[inline]
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Option<Self> {
        let copied = |slot: &Slot| slot.get(py).map_or_else(Slot::empty, Slot::holding);
        Some(Call {
            callback: Slot::holding(self.callback.get(py)?),
            args: self.args.each_ref().map(copied),
        })
    }

    /// None if it has been taken.
    pub(crate) fn callback<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.callback.get(py).unwrap_or_else(|| py.None().into_bound(py))
    }

    /// The arguments as Python shows them.
    pub(crate) fn args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match self.many(py) {
            Some(many) => Ok(many),
            None => {
                PyTuple::new(py, self.args.iter().map_while(|arg| arg.get(py)).collect::<Vec<_>>())
            }
        }
    }

    /// The arguments, if there are more than a few.
    #[inline]
    fn many<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyTuple>> {
        let [first, .., last] = &self.args;
        if !first.is_empty() {
            return None;
        }
        // `with` has put a tuple there.
        last.get(py).and_then(|many| many.cast_into().ok())
    }

    /// Calls it.  Whoever holds it lets nobody take it meanwhile.
    #[inline]
    pub(crate) fn invoke(&self, py: Python<'_>) -> PyResult<()> {
        if let Some(many) = self.many(py) {
            return self.callback(py).call1(many).map(drop);
        }
        let [one, two, three] = self.args.each_ref().map(Slot::as_ptr);
        let count = [one, two, three].iter().take_while(|arg| !arg.is_null()).count();
        // The first place is for whomever the callable is bound to.
        let places = [ptr::null_mut(), one, two, three];
        let flags = count | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
        // SAFETY: the GIL is held; there are so many arguments, which live through the
        // call, with a place before them; the answer is a new reference or NULL with an
        // exception set.
        unsafe {
            let args = places.as_ptr().add(1);
            let callback = self.callback.as_ptr();
            let answer = ffi::PyObject_Vectorcall(callback, args, flags, ptr::null_mut());
            Bound::from_owned_ptr_or_err(py, answer).map(drop)
        }
    }

    /// Passes the address of each object that it holds, or NULL, to `see`.
    pub(super) fn each(&self, see: &mut impl FnMut(*mut ffi::PyObject)) {
        see(self.callback.as_ptr());
        self.args.iter().for_each(|arg| see(arg.as_ptr()));
    }
}
