//! Working memory that threads keep, since filling fresh pages takes several times as long as filling used ones; and
//! pointers that tasks share.

use std::cell::RefCell;
use std::mem::MaybeUninit;

use crate::simd::Element;

/// A cache line, for alignment.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([MaybeUninit<u8>; 64]);

/// The largest buffer that a thread keeps, in bytes. Larger ones are rare, and their memory is of more use to tensors
/// and other threads.
const KEPT: usize = 4 << 20;

thread_local! {
    static POOL: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// How long a buffer is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// For one call: the buffer is borrowed from the thread's pool and returned to it, unless it is large.
    Call,
    /// For as long as its owner: the buffer is a new one, and freed in the end.
    Object,
}

/// A buffer of uninitialised elements, aligned to cache lines.
pub(crate) struct Scratch<T> {
    lines: Vec<Line>,
    lifetime: Lifetime,
    element: std::marker::PhantomData<T>,
}

impl<T: Element> Scratch<T> {
    /// A buffer of `len` elements for one call: the smallest of the pool that is large enough, or a new one in place of
    /// the largest.
    pub(crate) fn new(len: usize) -> Self {
        let needed = Self::lines(len);
        let mut lines = POOL.with_borrow_mut(|pool| {
            let fits = |v: &Vec<Line>| v.capacity() >= needed;
            let best = (0..pool.len()).filter(|&i| fits(&pool[i])).min_by_key(|&i| pool[i].capacity());
            let best = best.or_else(|| (0..pool.len()).max_by_key(|&i| pool[i].capacity()));
            best.map(|i| pool.swap_remove(i)).unwrap_or_default()
        });
        if lines.capacity() < needed {
            lines = Vec::with_capacity(needed);
        }
        Self { lines, lifetime: Lifetime::Call, element: std::marker::PhantomData }
    }

    /// A buffer of `len` elements.
    pub(crate) fn with_lifetime(len: usize, lifetime: Lifetime) -> Self {
        if lifetime == Lifetime::Call {
            return Self::new(len);
        }
        Self { lines: Vec::with_capacity(Self::lines(len)), lifetime, element: std::marker::PhantomData }
    }

    /// Cache lines of `len` elements. More elements than can be addressed are more than the allocator has, too.
    fn lines(len: usize) -> usize {
        len.saturating_mul(size_of::<T>()).div_ceil(size_of::<Line>())
    }

    /// The first element.
    pub(crate) fn as_ptr(&self) -> *const T {
        self.lines.as_ptr().cast()
    }

    /// The first element, on a cache line's boundary.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut T {
        self.lines.as_mut_ptr().cast()
    }
}

impl<T> Drop for Scratch<T> {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        if self.lifetime == Lifetime::Object || lines.capacity() * size_of::<Line>() > KEPT {
            return;
        }
        // The pool is gone while the thread ends; the buffer then just goes too.
        let _ = POOL.try_with(|pool| pool.borrow_mut().push(lines));
    }
}

/// A pointer that tasks share; each writes elements of its own.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(*mut T);

// SAFETY: `Shared` is only an address; the code that dereferences it vouches for disjoint elements.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn new(p: *mut T) -> Self {
        Self(p)
    }

    pub(crate) fn get(&self) -> *mut T {
        self.0
    }
}
