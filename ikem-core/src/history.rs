/// A present state with the states before it and the undone ones after it.
///
/// ```
/// let mut history = ikem_core::History::new("a");
/// history.push("b");
/// assert!(history.undo());
/// assert_eq!(*history.present(), "a");
/// assert!(history.redo());
/// assert_eq!(*history.present(), "b");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct History<T> {
    past: Vec<T>,
    present: T,
    future: Vec<T>,
    limit: usize,
}

impl<T> History<T> {
    /// A history that begins at `present`.
    #[must_use]
    pub const fn new(present: T) -> Self {
        Self::limited(present, usize::MAX)
    }

    /// A history that begins at `present` and forgets its oldest states beyond `limit`.
    #[must_use]
    pub const fn limited(present: T, limit: usize) -> Self {
        Self { past: Vec::new(), present, future: Vec::new(), limit }
    }

    /// The state that holds now.
    #[must_use]
    pub const fn present(&self) -> &T {
        &self.present
    }

    /// Makes `state` the present one; what had been undone is forgotten.
    pub fn push(&mut self, state: T) {
        self.past.push(std::mem::replace(&mut self.present, state));
        self.future.clear();
        if self.past.len() > self.limit {
            self.past.remove(0);
        }
    }

    /// Goes one state back; `false` at the beginning.
    pub fn undo(&mut self) -> bool {
        step(&mut self.past, &mut self.present, &mut self.future)
    }

    /// Takes one undo back; `false` when there is none.
    pub fn redo(&mut self) -> bool {
        step(&mut self.future, &mut self.present, &mut self.past)
    }

    /// Whether [`undo`](Self::undo) would do anything.
    #[must_use]
    pub const fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether [`redo`](Self::redo) would do anything.
    #[must_use]
    pub const fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }
}

/// Moves the newest state of `from` into `present`, and the present one onto `to`.
fn step<T>(from: &mut Vec<T>, present: &mut T, to: &mut Vec<T>) -> bool {
    match from.pop() {
        Some(state) => {
            to.push(std::mem::replace(present, state));
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_the_oldest_is_forgotten() {
        let mut history = History::limited(0, 2);
        (1..=4).for_each(|state| history.push(state));
        assert!(history.undo() && history.undo() && !history.undo());
        assert_eq!(*history.present(), 2);
    }

    #[test]
    fn a_new_state_forgets_what_was_undone() {
        let mut history = History::new(0);
        history.push(1);
        history.push(2);
        assert!(history.undo() && history.undo() && !history.undo());
        history.push(3);
        assert!(!history.redo() && !history.can_redo());
        assert!(history.undo());
        assert_eq!(*history.present(), 0);
    }
}
