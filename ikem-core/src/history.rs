use serde::{Deserialize, Serialize};

/// The current state with its past states and the undone future ones. Two are equal if their states are, whatever their
/// limits; neither JSON nor a comparison knows these.
///
/// ```
/// let mut history = ikem_core::History::new("a");
/// history.push("b");
/// assert!(history.undo());
/// assert_eq!(*history.present(), "a");
/// assert!(history.redo());
/// assert_eq!(*history.present(), "b");
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History<T> {
    past: Vec<T>,
    present: T,
    /// The last one is the next to redo.
    future: Vec<T>,
    /// The maximum number of past states; not serialised.
    #[serde(skip, default = "unlimited")]
    limit: usize,
}

impl<T: PartialEq> PartialEq for History<T> {
    fn eq(&self, other: &Self) -> bool {
        self.past == other.past && self.present == other.present && self.future == other.future
    }
}

impl<T: Eq> Eq for History<T> {}

impl<T> History<T> {
    /// A history starting at `present`.
    #[must_use]
    pub const fn new(present: T) -> Self {
        Self::limited(present, usize::MAX)
    }

    /// A history starting at `present` that drops its oldest states beyond `limit`.
    #[must_use]
    pub const fn limited(present: T, limit: usize) -> Self {
        Self { past: Vec::new(), present, future: Vec::new(), limit }
    }

    /// The same history with a limit, beyond which it drops its oldest states.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.past.drain(..self.past.len().saturating_sub(limit));
        Self { limit, ..self }
    }

    /// The current state.
    #[must_use]
    pub const fn present(&self) -> &T {
        &self.present
    }

    /// The past states, oldest first.
    #[must_use]
    pub fn past(&self) -> &[T] {
        &self.past
    }

    /// The numbers of past states and of undone ones.
    #[must_use]
    pub const fn steps(&self) -> [usize; 2] {
        [self.past.len(), self.future.len()]
    }

    /// All states in order: the past ones, the current one, and the undone ones.
    pub fn states(&self) -> impl Iterator<Item = &T> {
        self.past.iter().chain(std::iter::once(&self.present)).chain(self.future.iter().rev())
    }

    /// The states that undo and redo lead to, to be changed.
    pub fn others_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.past.iter_mut().chain(&mut self.future)
    }

    /// Maps every state with `change`; the limit stays.
    ///
    /// # Errors
    /// The first error of `change`.
    pub fn try_map<'a, U, E>(
        &'a self,
        mut change: impl FnMut(&'a T) -> Result<U, E>,
    ) -> Result<History<U>, E> {
        let past = self.past.iter().map(&mut change).collect::<Result<_, E>>()?;
        let present = change(&self.present)?;
        let future = self.future.iter().map(change).collect::<Result<_, E>>()?;
        Ok(History { past, present, future, limit: self.limit })
    }

    /// Makes `state` the current one and discards all undone states.
    pub fn push(&mut self, state: T) {
        self.past.push(std::mem::replace(&mut self.present, state));
        self.future.clear();
        if self.past.len() > self.limit {
            self.past.remove(0);
        }
    }

    /// Steps back by one state; `false` at the beginning.
    pub fn undo(&mut self) -> bool {
        step(&mut self.past, &mut self.present, &mut self.future)
    }

    /// Reverts one undo; `false` when there is none.
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

const fn unlimited() -> usize {
    usize::MAX
}

/// Moves the newest state of `from` to `present`, and the current one to `to`.
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
    fn the_oldest_states_beyond_the_limit_are_dropped() {
        let mut history = History::limited(0, 2);
        (1..=4).for_each(|state| history.push(state));
        assert!(history.undo() && history.undo() && !history.undo());
        assert_eq!(*history.present(), 2);
    }

    #[test]
    fn mapping_and_serialisation_preserve_undo_and_redo() {
        let mut history = History::limited(0, 2);
        (1..=3).for_each(|state| history.push(state));
        assert!(history.undo());
        let words = history.try_map(|state| Ok::<_, ()>(state.to_string())).expect("no error");
        let mut words: History<String> =
            serde_json::from_str(&serde_json::to_string(&words).expect("JSON")).expect("a history");
        assert_eq!(words, history.try_map(|state| Ok::<_, ()>(state.to_string())).expect("no error"));
        assert_ne!(words, History::new("2".to_owned()));
        assert_eq!((words.past(), words.present().as_str()), (&["1".to_owned()][..], "2"));
        assert_eq!(words.steps(), [1, 1]);
        assert!(words.undo());
        assert_eq!(words.states().collect::<Vec<_>>(), ["1", "2", "3"]);
        assert!(words.redo());
        assert!(words.redo() && !words.redo());
        assert_eq!(words.present(), "3");
        let mut words = words.with_limit(1);
        assert_eq!(words.past(), ["2"]);
        words.push("4".to_owned());
        assert_eq!(words.past(), ["3"]);
    }

    #[test]
    fn a_new_state_discards_undone_states() {
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
