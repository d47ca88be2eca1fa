//! Methods and attributes of the classes of ours, for CPython's tables.
//!
//! The macros here wrap a safe function in one of C's shape.  The function takes
//! `&Bound<T>`, and arguments if it has any, and returns a `PyResult` of anything
//! that can be a Python object.

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use pyo3::{Borrowed, IntoPyObjectExt, ffi};

/// A table entry for a method without arguments.
macro_rules! no_args {
    ($class:ty, $name:literal, $function:path) => {{
        unsafe extern "C" fn call(
            object: *mut pyo3::ffi::PyObject,
            _unused: *mut pyo3::ffi::PyObject,
        ) -> *mut pyo3::ffi::PyObject {
            $crate::object::class::enter(std::ptr::null_mut(), |py| {
                // SAFETY: CPython calls a class's methods on its instances.
                let object = unsafe { $crate::object::class::receiver::<$class>(py, object) };
                $crate::object::method::answer(py, $function(&object)?)
            })
        }
        pyo3::ffi::PyMethodDef {
            ml_name: $name.as_ptr(),
            ml_meth: pyo3::ffi::PyMethodDefPointer { PyCFunction: call },
            ml_flags: pyo3::ffi::METH_NOARGS,
            ml_doc: std::ptr::null(),
        }
    }};
}

/// A table entry for a method with one argument, given by position.
macro_rules! one_arg {
    ($class:ty, $name:literal, $function:path) => {{
        unsafe extern "C" fn call(
            object: *mut pyo3::ffi::PyObject,
            argument: *mut pyo3::ffi::PyObject,
        ) -> *mut pyo3::ffi::PyObject {
            $crate::object::class::enter(std::ptr::null_mut(), |py| {
                // SAFETY: CPython calls a class's methods on its instances, with an
                // argument that lives as long as the call.
                let (object, argument) = unsafe {
                    let object = $crate::object::class::receiver::<$class>(py, object);
                    (object, pyo3::Borrowed::from_ptr(py, argument))
                };
                $crate::object::method::answer(py, $function(&object, &argument)?)
            })
        }
        pyo3::ffi::PyMethodDef {
            ml_name: $name.as_ptr(),
            ml_meth: pyo3::ffi::PyMethodDefPointer { PyCFunction: call },
            ml_flags: pyo3::ffi::METH_O,
            ml_doc: std::ptr::null(),
        }
    }};
}

/// A table entry for a method that takes [`Arguments`].
macro_rules! with_args {
    ($class:ty, $name:literal, $function:path) => {{
        unsafe extern "C" fn call(
            object: *mut pyo3::ffi::PyObject,
            args: *const *mut pyo3::ffi::PyObject,
            count: pyo3::ffi::Py_ssize_t,
            names: *mut pyo3::ffi::PyObject,
        ) -> *mut pyo3::ffi::PyObject {
            $crate::object::class::enter(std::ptr::null_mut(), |py| {
                // SAFETY: CPython calls a class's methods on its instances, in the
                // convention that `ml_flags` asks for.
                let (object, args) = unsafe {
                    let object = $crate::object::class::receiver::<$class>(py, object);
                    let args = $crate::object::method::Arguments::new(py, args, count, names);
                    (object, args)
                };
                $crate::object::method::answer(py, $function(&object, args)?)
            })
        }
        pyo3::ffi::PyMethodDef {
            ml_name: $name.as_ptr(),
            ml_meth: pyo3::ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: call },
            ml_flags: pyo3::ffi::METH_FASTCALL | pyo3::ffi::METH_KEYWORDS,
            ml_doc: std::ptr::null(),
        }
    }};
}

/// The same for what runs per callback: PyO3 isn't told that the GIL is held.  With
/// arguments its text is that of the method, beginning with its signature.
macro_rules! hot {
    ($class:ty, $name:literal, $function:path) => {{
        unsafe extern "C" fn call(
            object: *mut pyo3::ffi::PyObject,
            _unused: *mut pyo3::ffi::PyObject,
        ) -> *mut pyo3::ffi::PyObject {
            // SAFETY: CPython calls a class's methods on its instances, with the GIL held.
            unsafe {
                $crate::object::class::enter_quickly(std::ptr::null_mut(), |py| {
                    let object = pyo3::Borrowed::from_ptr(py, object).cast_unchecked::<$class>();
                    $crate::object::method::answer(py, $function(&object)?)
                })
            }
        }
        pyo3::ffi::PyMethodDef {
            ml_name: $name.as_ptr(),
            ml_meth: pyo3::ffi::PyMethodDefPointer { PyCFunction: call },
            ml_flags: pyo3::ffi::METH_NOARGS,
            ml_doc: std::ptr::null(),
        }
    }};
    ($class:ty, $name:literal, $function:path, $text:literal) => {{
        unsafe extern "C" fn call(
            object: *mut pyo3::ffi::PyObject,
            args: *const *mut pyo3::ffi::PyObject,
            count: pyo3::ffi::Py_ssize_t,
            names: *mut pyo3::ffi::PyObject,
        ) -> *mut pyo3::ffi::PyObject {
            // SAFETY: CPython calls a class's methods on its instances, with the GIL held
            // and in the convention that `ml_flags` asks for.
            unsafe {
                $crate::object::class::enter_quickly(std::ptr::null_mut(), |py| {
                    let object = pyo3::Borrowed::from_ptr(py, object).cast_unchecked::<$class>();
                    let args = $crate::object::method::Arguments::new(py, args, count, names);
                    $crate::object::method::answer(py, $function(&object, args)?)
                })
            }
        }
        pyo3::ffi::PyMethodDef {
            ml_name: $name.as_ptr(),
            ml_meth: pyo3::ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: call },
            ml_flags: pyo3::ffi::METH_FASTCALL | pyo3::ffi::METH_KEYWORDS,
            ml_doc: $text.as_ptr(),
        }
    }};
}

/// The same for one argument, given by position.
macro_rules! hot_one_arg {
    ($class:ty, $name:literal, $function:path) => {{
        unsafe extern "C" fn call(
            object: *mut pyo3::ffi::PyObject,
            argument: *mut pyo3::ffi::PyObject,
        ) -> *mut pyo3::ffi::PyObject {
            // SAFETY: CPython calls a class's methods on its instances, with the GIL held
            // and an argument that lives as long as the call.
            unsafe {
                $crate::object::class::enter_quickly(std::ptr::null_mut(), |py| {
                    let object = pyo3::Borrowed::from_ptr(py, object).cast_unchecked::<$class>();
                    let argument = pyo3::Borrowed::from_ptr(py, argument);
                    $crate::object::method::answer(py, $function(&object, &argument)?)
                })
            }
        }
        pyo3::ffi::PyMethodDef {
            ml_name: $name.as_ptr(),
            ml_meth: pyo3::ffi::PyMethodDefPointer { PyCFunction: call },
            ml_flags: pyo3::ffi::METH_O,
            ml_doc: std::ptr::null(),
        }
    }};
}

/// A table entry for an attribute that is computed.
macro_rules! getter {
    ($class:ty, $name:literal, $get:path) => {
        pyo3::ffi::PyGetSetDef {
            name: $name.as_ptr(),
            get: Some($crate::object::method::getter!(@call $class, $get)),
            set: None,
            doc: std::ptr::null(),
            closure: std::ptr::null_mut(),
        }
    };
    ($class:ty, $name:literal, $get:path, $set:path) => {{
        unsafe extern "C" fn set(
            object: *mut pyo3::ffi::PyObject,
            value: *mut pyo3::ffi::PyObject,
            _closure: *mut std::ffi::c_void,
        ) -> std::ffi::c_int {
            $crate::object::class::enter(-1, |py| {
                // SAFETY: CPython sets the attributes of a class on its instances; a
                // value of NULL means that it is to be deleted.
                let (object, value) = unsafe {
                    let object = $crate::object::class::receiver::<$class>(py, object);
                    (object, pyo3::Borrowed::from_ptr_or_opt(py, value))
                };
                let value = value.ok_or_else($crate::object::method::cannot_delete)?;
                $set(&object, &value)?;
                Ok(0)
            })
        }
        pyo3::ffi::PyGetSetDef {
            set: Some(set),
            ..$crate::object::method::getter!($class, $name, $get)
        }
    }};
    (@call $class:ty, $get:path) => {{
        unsafe extern "C" fn get(
            object: *mut pyo3::ffi::PyObject,
            _closure: *mut std::ffi::c_void,
        ) -> *mut pyo3::ffi::PyObject {
            $crate::object::class::enter(std::ptr::null_mut(), |py| {
                // SAFETY: CPython gets the attributes of a class of its instances.
                let object = unsafe { $crate::object::class::receiver::<$class>(py, object) };
                $crate::object::method::answer(py, $get(&object)?)
            })
        }
        get
    }};
}

/// A slot that takes the object and answers with one (`tp_repr`, `tp_iter`...).
macro_rules! unary {
    ($class:ty, $slot:expr, $function:path) => {
        $crate::object::class::slot($slot, {
            unsafe extern "C" fn call(
                object: *mut pyo3::ffi::PyObject,
            ) -> *mut pyo3::ffi::PyObject {
                $crate::object::class::enter(std::ptr::null_mut(), |py| {
                    // SAFETY: CPython calls a class's slots on its instances.
                    let object = unsafe { $crate::object::class::receiver::<$class>(py, object) };
                    $crate::object::method::answer(py, $function(&object)?)
                })
            }
            call as *mut std::ffi::c_void
        })
    };
}

/// The slot of `__init__`, for a function that takes a tuple and a dictionary.
macro_rules! initialiser {
    ($class:ty, $function:path) => {{
        unsafe extern "C" fn call(
            object: *mut pyo3::ffi::PyObject,
            args: *mut pyo3::ffi::PyObject,
            kwargs: *mut pyo3::ffi::PyObject,
        ) -> std::ffi::c_int {
            $crate::object::class::enter(-1, |py| {
                // SAFETY: CPython calls `tp_init` on a class's instances, with a tuple and
                // with a dictionary or NULL.
                let (object, args, kwargs) = unsafe {
                    let object = $crate::object::class::receiver::<$class>(py, object);
                    let args = Bound::from_borrowed_ptr(py, args).cast_into_unchecked::<PyTuple>();
                    let kwargs = Bound::from_borrowed_ptr_or_opt(py, kwargs)
                        .map(|kwargs| kwargs.cast_into_unchecked::<PyDict>());
                    (object, args, kwargs)
                };
                $function(&object, &args, kwargs.as_ref())?;
                Ok(0)
            })
        }
        $crate::object::class::slot(pyo3::ffi::Py_tp_init, call as *mut std::ffi::c_void)
    }};
}

pub(super) use {getter, hot, hot_one_arg, initialiser, no_args, one_arg, unary, with_args};

/// What a method may return.
pub(super) trait Answer<'py> {
    fn into_object(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>>;
}

/// Nothing is None; PyO3 would make it an empty tuple.
impl<'py> Answer<'py> for () {
    fn into_object(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(py.None().into_bound(py))
    }
}

impl<'py, T> Answer<'py> for Bound<'py, T> {
    fn into_object(self, _py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.into_any())
    }
}

impl<'py, T> Answer<'py> for Option<Bound<'py, T>> {
    fn into_object(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.map_or_else(|| py.None().into_bound(py), Bound::into_any))
    }
}

/// Those that PyO3 converts as they should be.
macro_rules! answers {
    ($($kind:ty),*) => {
        $(impl<'py> Answer<'py> for $kind {
            fn into_object(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                self.into_bound_py_any(py)
            }
        })*
    };
}

answers!(bool, u32, usize, Option<usize>, &'static str, super::future_iterator::FutureIterator);

/// A result as CPython takes it: a new reference.
#[inline]
pub(super) fn answer<'py>(
    py: Python<'py>,
    result: impl Answer<'py>,
) -> PyResult<*mut ffi::PyObject> {
    Ok(result.into_object(py)?.into_ptr())
}

pub(super) fn cannot_delete() -> PyErr {
    PyAttributeError::new_err("cannot delete attribute")
}

/// What a method is called with, as `METH_FASTCALL | METH_KEYWORDS` has it.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'a, 'py> {
    py: Python<'py>,
    /// Those given by position, then those given by name.
    values: &'a [*mut ffi::PyObject],
    positional: usize,
    names: Option<Borrowed<'a, 'py, PyTuple>>,
}

impl<'a, 'py> Arguments<'a, 'py> {
    /// # Safety
    ///
    /// The arguments must be those of a call by CPython in that convention, and
    /// `'a` not longer than the call.
    pub(super) unsafe fn new(
        py: Python<'py>,
        values: *const *mut ffi::PyObject,
        count: ffi::Py_ssize_t,
        names: *mut ffi::PyObject,
    ) -> Self {
        // SAFETY: the caller's promise: `count` values by position, and then as many
        // as there are names; `values` may be NULL if that is none.
        unsafe {
            let names =
                Borrowed::from_ptr_or_opt(py, names).map(|names| names.cast_unchecked::<PyTuple>());
            let positional = usize::try_from(count).unwrap_or_default();
            let all = positional + names.map_or(0, |names| names.len());
            let values = if all == 0 { &[] } else { std::slice::from_raw_parts(values, all) };
            Arguments { py, values, positional, names }
        }
    }

    /// Whether any is given by name.
    #[inline]
    pub(crate) fn has_names(&self) -> bool {
        self.names.is_some()
    }

    /// The arguments given by position.
    #[inline]
    pub(crate) fn positional(&self) -> impl ExactSizeIterator<Item = Bound<'py, PyAny>> + 'a
    where
        'py: 'a,
    {
        let py = self.py;
        self.values[..self.positional].iter().map(move |&value| {
            // SAFETY: see `new`.
            unsafe { Bound::from_borrowed_ptr(py, value) }
        })
    }

    /// The same if they are no more than `N`, and no others.
    #[inline(always)]
    pub(super) fn few<const N: usize>(&self) -> Option<[Option<Borrowed<'a, 'py, PyAny>>; N]> {
        let given = self.values.get(..self.positional)?;
        // SAFETY: see `new`.
        let nth =
            |place| given.get(place).map(|&value| unsafe { Borrowed::from_ptr(self.py, value) });
        (given.len() <= N).then(|| std::array::from_fn(nth))
    }

    /// The first `N` parameters, which have these names; then those given by position
    /// that are left, and those given by name.
    #[inline(always)]
    pub(crate) fn leading<const N: usize>(
        self,
        function: &str,
        names: &[&str; N],
    ) -> PyResult<([Borrowed<'a, 'py, PyAny>; N], Self)> {
        if self.positional < N {
            // Taken apart: what is written by a call can't stay in registers.
            let (leading, rest) = self.leading_by_name(function, names)?;
            return Ok((leading, rest));
        }
        let (leading, rest) = self.values.split_at(N);
        let leading: &[_; N] = leading.try_into().expect("it was split there");
        // SAFETY: see `new`.
        let leading = leading.map(|value| unsafe { Borrowed::from_ptr(self.py, value) });
        Ok((leading, Arguments { values: rest, positional: self.positional - N, ..self }))
    }

    #[cold]
    fn leading_by_name<const N: usize>(
        self,
        function: &str,
        names: &[&str; N],
    ) -> PyResult<([Borrowed<'a, 'py, PyAny>; N], Self)> {
        // SAFETY: see `new`.
        let borrowed = |value: &*mut ffi::PyObject| unsafe { Borrowed::from_ptr(self.py, *value) };
        let (in_order, by_name) = self.values.split_at(self.positional);
        let mut leading: [Option<Borrowed<'a, 'py, PyAny>>; N] = [const { None }; N];
        for (place, value) in leading.iter_mut().zip(in_order.iter().map(borrowed)) {
            *place = Some(value);
        }
        for ((name, _), value) in self.named().zip(by_name.iter().map(borrowed)) {
            let name: &Bound<'py, PyString> = name.cast()?;
            if let Some(index) = names.iter().position(|known| name == *known)
                && leading[index].replace(value).is_some()
            {
                return Err(PyTypeError::new_err(format!(
                    "{function}() got multiple values for argument '{}'",
                    names[index]
                )));
            }
        }
        if let Some(missing) = leading.iter().position(Option::is_none) {
            return Err(PyTypeError::new_err(format!(
                "{function}() missing required argument '{}'",
                names[missing]
            )));
        }
        let leading = leading.map(|value| value.expect("none is missing"));
        let rest = Arguments { values: &self.values[self.positional..], positional: 0, ..self };
        Ok((leading, rest))
    }

    /// The only argument that may be given by name, beside those that were `leading`.
    #[inline]
    pub(crate) fn option(
        &self,
        function: &str,
        option: &str,
        leading: &[&str],
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut found = None;
        for (name, value) in self.named() {
            if name.eq(option)? {
                found = Some(value);
            } else if !leading.iter().any(|known| name.eq(known).unwrap_or_default()) {
                return Err(PyTypeError::new_err(format!(
                    "{function}() got an unexpected keyword argument '{}'",
                    name.str()?
                )));
            }
        }
        Ok(found)
    }

    /// The parameters in the order of `names`, of which the first `positional` may
    /// be given by position too; `None` for those that aren't given.
    pub(super) fn parse<const N: usize>(
        &self,
        function: &str,
        positional: usize,
        names: [&str; N],
    ) -> PyResult<[Option<Bound<'py, PyAny>>; N]> {
        let mut parsed = [const { None }; N];
        if self.positional > positional {
            return Err(PyTypeError::new_err(format!(
                "{function}() takes at most {positional} positional arguments ({} given)",
                self.positional
            )));
        }
        for (place, value) in parsed.iter_mut().zip(self.positional()) {
            *place = Some(value);
        }
        for (name, value) in self.named() {
            let name: &Bound<'py, PyString> = name.cast()?;
            let text = name.to_str()?;
            let Some(index) = names.iter().position(|known| *known == text) else {
                return Err(PyTypeError::new_err(format!(
                    "{function}() got an unexpected keyword argument '{text}'"
                )));
            };
            if parsed[index].replace(value).is_some() {
                return Err(PyTypeError::new_err(format!(
                    "{function}() got multiple values for argument '{text}'"
                )));
            }
        }
        Ok(parsed)
    }

    /// The arguments given by name, in the order in which they were.
    pub(crate) fn named(
        &self,
    ) -> impl Iterator<Item = (Bound<'py, PyAny>, Bound<'py, PyAny>)> + use<'a, 'py> {
        let py = self.py;
        let values = self.values[self.positional..].iter().map(move |&value| {
            // SAFETY: see `new`.
            unsafe { Bound::from_borrowed_ptr(py, value) }
        });
        let names = self.names;
        let count = names.map_or(0, |names| names.len());
        let names = (0..count).filter_map(move |place| names?.get_item(place).ok());
        names.zip(values)
    }
}

/// The first argument, or the complaint that it is missing.
pub(super) fn required<'py>(
    argument: Option<Bound<'py, PyAny>>,
    function: &str,
) -> PyResult<Bound<'py, PyAny>> {
    argument.ok_or_else(|| {
        let text = format!("{function}() takes exactly 1 positional argument (0 given)");
        PyTypeError::new_err(text)
    })
}
