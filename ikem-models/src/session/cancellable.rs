use std::ops::{Deref, DerefMut};

use super::Session;
use crate::cancel::Cancel;

/// A session whose predictions end early when a token is cancelled: see [`Session::cancelled_by`].
#[derive(Debug)]
pub struct Cancellable<'a>(&'a mut Session);

impl Session {
    /// This session while its predictions end with [`Error::Cancelled`](crate::Error::Cancelled) once `cancel` is
    /// cancelled; it is then as before. Once the returned value is dropped, the session no longer looks at `cancel`, so
    /// `session.cancelled_by(&cancel).revise(hint)` binds one correction.
    pub fn cancelled_by(&mut self, cancel: &Cancel) -> Cancellable<'_> {
        self.bind(Some(cancel.clone()));
        Cancellable(self)
    }

    fn bind(&mut self, cancel: Option<Cancel>) {
        self.predictor = self.predictor.clone().with_cancel(cancel);
    }
}

impl Deref for Cancellable<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.0
    }
}

impl DerefMut for Cancellable<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        self.0
    }
}

impl Drop for Cancellable<'_> {
    fn drop(&mut self) {
        self.0.bind(None);
    }
}
