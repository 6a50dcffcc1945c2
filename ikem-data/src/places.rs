//! Whether a point can belong to a film.

use ikem_core::Size;

/// What [`is_far_off`] asks of points, for errors.
pub(crate) const NEAR: &str = "a point on the film, or off it by one side of it at most";

/// Whether a point, x and y in pixels, lies off the film by more than one of its sides. One that is not finite does.
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
