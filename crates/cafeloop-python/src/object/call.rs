//! What a handle calls: a callable and its positional arguments.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::reference::Strong;

/// Arguments that are kept side by side: most callbacks have fewer.
const FEW: usize = 3;

/// A callable and what it is called with.
pub(crate) struct Call {
    callback: Strong,
    args: Args,
}

enum Args {
    None,
    One([Strong; 1]),
    Two([Strong; 2]),
    Three([Strong; FEW]),
    More(Strong<PyTuple>),
}

impl Call {
    /// With arguments that PyO3 has made a tuple of.
    pub(crate) fn new(callback: Bound<'_, PyAny>, args: &Bound<'_, PyTuple>) -> PyResult<Self> {
        Call::with(callback, args.len(), args.iter())
    }

    /// With `count` arguments.
    #[inline]
    pub(crate) fn with<'py>(
        callback: Bound<'py, PyAny>,
        count: usize,
        mut args: impl ExactSizeIterator<Item = Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        let py = callback.py();
        let mut next = || Strong::new(args.next().expect("there are as many as was said"));
        let args = match count {
            0 => Args::None,
            1 => Args::One([next()]),
            2 => Args::Two([next(), next()]),
            FEW => Args::Three([next(), next(), next()]),
            _ => Args::More(Strong::new(PyTuple::new(py, args)?)),
        };
        Ok(Call { callback: Strong::new(callback), args })
    }

    #[inline]
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        let copied = |held: &Strong| Strong::new(held.bind(py).clone());
        let args = match &self.args {
            Args::None => Args::None,
            Args::One(held) => Args::One(held.each_ref().map(copied)),
            Args::Two(held) => Args::Two(held.each_ref().map(copied)),
            Args::Three(held) => Args::Three(held.each_ref().map(copied)),
            Args::More(held) => Args::More(Strong::new(held.bind(py).clone())),
        };
        Call { callback: copied(&self.callback), args }
    }

    pub(crate) fn callback<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.callback.bind(py)
    }

    /// The arguments as Python shows them.
    pub(crate) fn args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        if let Args::More(held) = &self.args {
            return Ok(held.bind(py).clone());
        }
        PyTuple::new(py, self.few().iter().map(|held| held.bind(py)))
    }

    /// Those that are kept side by side.
    fn few(&self) -> &[Strong] {
        match &self.args {
            Args::None | Args::More(_) => &[],
            Args::One(held) => held,
            Args::Two(held) => held,
            Args::Three(held) => held,
        }
    }

    /// Calls it.  Whoever holds it lets nobody drop it meanwhile.
    #[inline]
    pub(crate) fn invoke(&self, py: Python<'_>) -> PyResult<()> {
        if let Args::More(held) = &self.args {
            return self.callback.bind(py).call1(held.bind(py)).map(drop);
        }
        // The first place is for whomever the callable is bound to.
        let mut places = [std::ptr::null_mut(); 1 + FEW];
        let few = self.few();
        for (place, held) in places[1..].iter_mut().zip(few) {
            *place = held.as_ptr();
        }
        let count = few.len() | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
        // SAFETY: the GIL is held; there are so many arguments, which live through the
        // call, with a place before them; the answer is a new reference or NULL with an
        // exception set.
        unsafe {
            let args = places.as_ptr().add(1);
            let answer =
                ffi::PyObject_Vectorcall(self.callback.as_ptr(), args, count, std::ptr::null_mut());
            Bound::from_owned_ptr_or_err(py, answer).map(drop)
        }
    }

    /// Passes the address of each object that it holds to `see`.
    pub(super) fn each(&self, see: &mut impl FnMut(*mut ffi::PyObject)) {
        see(self.callback.as_ptr());
        self.few().iter().for_each(|held| see(held.as_ptr()));
        if let Args::More(held) = &self.args {
            see(held.as_ptr());
        }
    }
}
