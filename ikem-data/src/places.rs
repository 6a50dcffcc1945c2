//! A plausibility check for coordinates.

use ikem_core::Size;

/// The condition that [`is_far_off`] tests, for error messages.
pub(crate) const NEAR: &str = "a point at most one film width or height outside the film";

/// Whether a point (x, y in pixels) is more than one film width or height outside the film, or not finite.
pub(crate) fn is_far_off([x, y]: [f64; 2], size: Size) -> bool {
    let off = |value: f64, side: usize| !(-1.0..=2.0).contains(&(value / side as f64));
    off(x, size.width) || off(y, size.height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_on_the_film_or_near_it() {
        let size = Size::new(300, 700);
        for (point, far) in [
            ([0.0, 0.0], false),
            ([-300.0, 1400.0], false),
            ([-301.0, 5.0], true),
            ([5.0, 1401.0], true),
            ([1e9, 5.0], true),
            ([f64::NAN, 5.0], true),
        ] {
            assert_eq!(is_far_off(point, size), far, "{point:?}");
        }
    }
}
