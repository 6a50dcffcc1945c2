//! Inputs in parts, so that a concatenation of channels costs no copy.

use crate::error::{Result, check_len, check_range, check_shape};

/// Some channels of an input; a list of segments stands for their concatenation along the channels.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a, T> {
    /// `[n, channels, h, w]`.
    pub data: &'a [T],
    /// Channels, at least 1.
    pub channels: usize,
}

impl<'a, T> Segment<'a, T> {
    /// The channels of `data`, `[n, channels, h, w]`.
    #[must_use]
    pub fn new(data: &'a [T], channels: usize) -> Self {
        Self { data, channels }
    }
}

/// `Ok` if the segments are `channels` channels of `n` images of `h` × `w` pixels.
pub(crate) fn check_segments<T>(
    segments: &[Segment<'_, T>],
    channels: usize,
    (n, h, w): (usize, usize, usize),
) -> Result<()> {
    let mut sum = 0_usize;
    for segment in segments {
        check_range("channels of an input", segment.channels, 1, channels)?;
        check_shape("input", &[n, segment.channels, h, w], segment.data.len())?;
        sum = sum.saturating_add(segment.channels);
    }
    check_len("input channels", channels, sum)
}
