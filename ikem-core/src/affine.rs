/// An affine map of the plane: (x, y) becomes (`x_x` x + `x_y` y + `x_1`, `y_x` x + `y_y` y + `y_1`). Coordinates are
/// edge-based: measured from the image's outer edges, so that the centre of the first pixel is (0.5, 0.5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Coefficient of x in x.
    pub x_x: f64,
    /// Coefficient of y in x.
    pub x_y: f64,
    /// Translation in x.
    pub x_1: f64,
    /// Coefficient of x in y.
    pub y_x: f64,
    /// Coefficient of y in y.
    pub y_y: f64,
    /// Translation in y.
    pub y_1: f64,
}

impl Affine {
    /// The identity.
    pub const IDENTITY: Self = Self { x_x: 1.0, x_y: 0.0, x_1: 0.0, y_x: 0.0, y_y: 1.0, y_1: 0.0 };

    /// A scaling of each axis about the origin.
    #[must_use]
    pub const fn stretch(x: f64, y: f64) -> Self {
        Self { x_x: x, y_y: y, ..Self::IDENTITY }
    }

    /// A translation.
    #[must_use]
    pub const fn shift(x: f64, y: f64) -> Self {
        Self { x_1: x, y_1: y, ..Self::IDENTITY }
    }

    /// The composition of this map and then `next`.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self {
            x_x: next.x_x * self.x_x + next.x_y * self.y_x,
            x_y: next.x_x * self.x_y + next.x_y * self.y_y,
            x_1: next.x_x * self.x_1 + next.x_y * self.y_1 + next.x_1,
            y_x: next.y_x * self.x_x + next.y_y * self.y_x,
            y_y: next.y_x * self.x_y + next.y_y * self.y_y,
            y_1: next.y_x * self.x_1 + next.y_y * self.y_1 + next.y_1,
        }
    }

    /// The image of a point.
    #[must_use]
    pub fn apply(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [self.x_x * x + self.x_y * y + self.x_1, self.y_x * x + self.y_y * y + self.y_1]
    }

    /// The inverse map; `None` if the map is singular.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        let determinant = self.x_x * self.y_y - self.x_y * self.y_x;
        if determinant.abs() < 1e-12 || !determinant.is_finite() {
            return None;
        }
        let back = Self {
            x_x: self.y_y / determinant,
            x_y: -self.x_y / determinant,
            x_1: 0.0,
            y_x: -self.y_x / determinant,
            y_y: self.x_x / determinant,
            y_1: 0.0,
        };
        let [x, y] = back.apply([self.x_1, self.y_1]);
        Some(Self { x_1: -x, y_1: -y, ..back })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_affine() -> impl Strategy<Value = Affine> {
        let part = || -3_f64..3.0;
        (part(), part(), part(), part(), part(), part()).prop_map(|(x_x, x_y, x_1, y_x, y_y, y_1)| Affine {
            x_x,
            x_y,
            x_1,
            y_x,
            y_y,
            y_1,
        })
    }

    proptest! {
        #[test]
        fn maps_compose_and_invert(a in any_affine(), b in any_affine(), x in -9_f64..9.0, y in -9_f64..9.0) {
            let [u, v] = a.then(b).apply([x, y]);
            let [s, t] = b.apply(a.apply([x, y]));
            prop_assert!((u - s).abs() < 1e-9 && (v - t).abs() < 1e-9);
            if let Some(back) = a.inverse() {
                let [s, t] = back.apply(a.apply([x, y]));
                let scale = back.x_x.abs() + back.x_y.abs() + back.y_x.abs() + back.y_y.abs() + 1.0;
                prop_assert!((x - s).abs() < 1e-9 * scale && (y - t).abs() < 1e-9 * scale);
            }
        }
    }

    #[test]
    fn a_singular_map_has_no_inverse() {
        assert_eq!(Affine::stretch(0.0, 1.0).inverse(), None);
    }
}
