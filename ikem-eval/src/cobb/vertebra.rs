use ikem_core::{Keypoints, Vector};

use crate::error::Error;

/// The corners of a vertebra as seen on the image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vertebra {
    pub top_left: Vector,
    pub top_right: Vector,
    pub bottom_left: Vector,
    pub bottom_right: Vector,
}

impl Vertebra {
    /// The upper end plate, from left to right.
    pub(super) fn upper_plate(&self) -> Vector {
        self.top_right - self.top_left
    }

    /// The lower end plate, from left to right.
    pub(super) fn lower_plate(&self) -> Vector {
        self.bottom_right - self.bottom_left
    }

    /// From the midpoint of the left side to that of the right side.
    pub(super) fn middle(&self) -> Vector {
        (self.top_right + self.bottom_right) * 0.5 - (self.top_left + self.bottom_left) * 0.5
    }

    pub(super) fn upper_midpoint(&self) -> Vector {
        (self.top_left + self.top_right) * 0.5
    }

    pub(super) fn lower_midpoint(&self) -> Vector {
        (self.bottom_left + self.bottom_right) * 0.5
    }

    pub(super) fn centre(&self) -> Vector {
        (self.upper_midpoint() + self.lower_midpoint()) * 0.5
    }
}

/// The vertebrae whose corners the keypoints are: top left, top right, bottom left, bottom right, from the top. Fails
/// unless each of the `directions` of every vertebra has a positive length.
pub(super) fn vertebrae<const N: usize>(
    keypoints: &Keypoints,
    directions: fn(&Vertebra) -> [Vector; N],
) -> Result<Vec<Vertebra>, Error> {
    let (fours, rest) = keypoints.as_chunks::<4>();
    if fours.len() < 2 || !rest.is_empty() {
        return Err(Error::Corners { found: keypoints.len() });
    }
    fours
        .iter()
        .map(|four| four.map(Vector::from))
        .map(|[top_left, top_right, bottom_left, bottom_right]| Vertebra {
            top_left,
            top_right,
            bottom_left,
            bottom_right,
        })
        .enumerate()
        .map(|(vertebra, corners)| {
            let has_length = |direction: &Vector| {
                let length = direction.length();
                length > 0.0 && length.is_finite()
            };
            directions(&corners).iter().all(has_length).then_some(corners).ok_or(Error::Tilt { vertebra })
        })
        .collect()
}
