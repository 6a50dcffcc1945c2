//! Ending predictions early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use candle_core::Result as CandleResult;

use crate::error::{Error, Result};

/// Ends predictions early, from any thread. Clones are the same token; once cancelled, it stays so.
///
/// Predictions look at it before every layer of a network and before every step of the search for the spine: a click on
/// the bundled model ends a few milliseconds after [`cancel`](Self::cancel), with [`Error::Cancelled`].
///
/// ```
/// # use ikem_core::{GrayImage, Hint, Point, Size};
/// # use ikem_models::{ModelConfig, NetworkConfig, Predictor, UnetConfig};
/// use ikem_models::{Cancel, Error};
/// # let unet = UnetConfig { width: 1, gate_width: None, ..UnetConfig::default() };
/// # let config = ModelConfig { size: Size::new(64, 64), ..ModelConfig::new(NetworkConfig::Unet(unet)) };
/// # let predictor = Predictor::builder().untrained(&config, 1)?;
/// # let image = GrayImage::new(Size::new(300, 700), vec![0.5; 300 * 700])?;
/// # let hint = Hint::new(3, Point::new(120.0, 250.0));
///
/// let cancel = Cancel::new(); // a clone of it goes to another thread
/// let mut session = predictor.cancelled_by(&cancel).session(&image)?;
/// cancel.cancel();
/// let answer = session.cancelled_by(&cancel).revise(hint);
/// assert!(matches!(answer, Err(Error::Cancelled)));
/// session.revise(hint)?; // the session is as before, and no longer cancelled
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<State>);

#[derive(Debug, Default)]
struct State {
    cancelled: AtomicBool,
    /// The number of looks after which it is cancelled.
    looks: Option<AtomicUsize>,
}

impl Cancel {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that cancels itself when predictions have looked at it `looks` times, to test in the middle of a
    /// prediction what happens then.
    #[must_use]
    pub fn after_looks(looks: usize) -> Self {
        Self(Arc::new(State { cancelled: AtomicBool::new(false), looks: Some(AtomicUsize::new(looks)) }))
    }

    /// Ends the predictions that look at this token or a clone.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// As [`is_cancelled`](Self::is_cancelled), on behalf of a prediction.
    pub(crate) fn looked_at(&self) -> bool {
        let ended = |looks: &AtomicUsize| {
            looks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
        };
        if self.0.looks.as_ref().is_some_and(ended) {
            self.cancel();
        }
        self.is_cancelled()
    }

    /// An error if `cancel` is cancelled.
    pub(crate) fn check(cancel: Option<&Self>) -> Result<()> {
        if cancel.is_some_and(Self::looked_at) { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// The result of a network that looked at `cancel`; its error does not say that this was the reason.
    pub(crate) fn explain<T>(cancel: Option<&Self>, result: CandleResult<T>) -> Result<T> {
        result.map_err(|error| match cancel.is_some_and(Self::is_cancelled) {
            true => Error::Cancelled,
            false => error.into(),
        })
    }
}
