/// The most dimensions of a PyTorch tensor.
const MAX_RANK: usize = 64;

/// The layout of a tensor in its storage. Sizes, strides and offset are counted in elements, and have been checked:
/// every element is within the storage, and only broadcast dimensions (stride 0) use one twice.
#[derive(Debug)]
pub(crate) struct Layout {
    shape: Vec<usize>,
    strides: Vec<usize>,
    offset: usize,
    elements: usize,
}

impl Layout {
    /// Checks a layout against the length of its storage. The error says what does not fit.
    pub(crate) fn new(
        shape: &[usize],
        strides: &[usize],
        offset: usize,
        storage_len: usize,
    ) -> Result<Self, String> {
        if shape.len() != strides.len() || shape.len() > MAX_RANK {
            let (dims, strides) = (shape.len(), strides.len());
            return Err(format!(
                "{dims} dimensions and {strides} strides, expected as many, {MAX_RANK} at the most"
            ));
        }
        let describe = || format!("shape {shape:?}, strides {strides:?}, offset {offset}");
        let too_large = || format!("{}: more elements than can be counted", describe());
        let elements = product(shape.iter().copied()).ok_or_else(too_large)?;
        if elements > 0 {
            let dims = || shape.iter().zip(strides).filter(|(size, _)| **size > 1);
            let last = dims().try_fold(offset, |last, (size, stride)| {
                (size - 1).checked_mul(*stride).and_then(|span| last.checked_add(span))
            });
            let distinct = product(dims().filter(|(_, stride)| **stride > 0).map(|(size, _)| *size));
            if last.is_none_or(|last| last >= storage_len) || distinct.is_none_or(|count| count > storage_len)
            {
                return Err(format!("{} does not fit its storage of {storage_len} elements", describe()));
            }
        }
        Ok(Self { shape: shape.to_vec(), strides: strides.to_vec(), offset, elements })
    }

    /// Number of elements.
    pub(crate) fn elements(&self) -> usize {
        self.elements
    }

    /// The dimensions.
    pub(crate) fn into_shape(self) -> Vec<usize> {
        self.shape
    }

    /// Whether the elements are contiguous and row-major.
    pub(crate) fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.elements == 0
            || self.shape.iter().zip(&self.strides).rev().filter(|(size, _)| **size > 1).all(
                |(size, stride)| {
                    let matches = *stride == expected;
                    expected *= size;
                    matches
                },
            )
    }

    /// Whether the elements are contiguous from the start of the storage on.
    pub(crate) fn starts_storage(&self) -> bool {
        self.offset == 0 && self.is_contiguous()
    }

    /// The elements of `size` bytes each, row-major, copied from a storage. `None` if the storage is shorter than the
    /// length that was checked.
    pub(crate) fn gather(&self, storage: &[u8], size: usize) -> Option<Vec<u8>> {
        if self.elements == 0 {
            return Some(Vec::new());
        }
        if self.is_contiguous() {
            let start = self.offset.checked_mul(size)?;
            let end = self.elements.checked_mul(size)?.checked_add(start)?;
            return storage.get(start..end).map(<[u8]>::to_vec);
        }
        // The strides of dimensions of size 1 are never used and can be anything.
        let dims: Vec<(usize, usize)> = self
            .shape
            .iter()
            .copied()
            .zip(self.strides.iter().copied())
            .filter(|(size, _)| *size > 1)
            .collect();
        let (&(row, step), outer) = dims.split_last()?;
        let mut gathered = Vec::new();
        gathered.try_reserve_exact(self.elements.checked_mul(size)?).ok()?;
        for index in 0..self.elements / row {
            let mut rest = index;
            let mut start = self.offset;
            for (size, stride) in outer.iter().rev() {
                start += rest % size * stride;
                rest /= size;
            }
            for element in 0..row {
                let at = (start + element * step).checked_mul(size)?;
                gathered.extend_from_slice(storage.get(at..at.checked_add(size)?)?);
            }
        }
        Some(gathered)
    }
}

fn product(mut sizes: impl Iterator<Item = usize>) -> Option<usize> {
    sizes.try_fold(1_usize, |product, size| product.checked_mul(size))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Name, shape, strides, offset, and the elements expected.
    type Case = (&'static str, &'static [usize], &'static [usize], usize, &'static [u8]);

    #[test]
    fn gathers_every_kind_of_view() {
        let storage: Vec<u8> = (0..24).collect();
        let cases: [Case; 8] = [
            ("scalar", &[], &[], 7, &[7]),
            ("contiguous", &[2, 3], &[3, 1], 4, &[4, 5, 6, 7, 8, 9]),
            ("transposed", &[3, 2], &[1, 3], 0, &[0, 3, 1, 4, 2, 5]),
            ("every second", &[4], &[2], 1, &[1, 3, 5, 7]),
            ("expanded", &[2, 3], &[0, 1], 21, &[21, 22, 23, 21, 22, 23]),
            ("channels last", &[1, 2, 2, 2], &[8, 1, 4, 2], 0, &[0, 2, 4, 6, 1, 3, 5, 7]),
            ("odd stride of a dimension of one", &[2, 1], &[3, usize::MAX], 0, &[0, 3]),
            ("empty", &[0, 5], &[5, 1], 99, &[]),
        ];
        for (name, shape, strides, offset, expected) in cases {
            let layout = Layout::new(shape, strides, offset, 24).unwrap();
            assert_eq!(layout.gather(&storage, 1).unwrap(), expected, "{name}");
            assert_eq!(layout.elements(), expected.len(), "{name}");
        }
    }

    #[test]
    fn elements_of_several_bytes_stay_whole() {
        let storage: Vec<u8> = (0..12).collect();
        let layout = Layout::new(&[3, 2], &[1, 3], 0, 6).unwrap();
        assert_eq!(layout.gather(&storage, 2).unwrap(), [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
    }

    #[test]
    fn the_start_of_a_storage_is_recognised() {
        assert!(Layout::new(&[2, 3], &[3, 1], 0, 6).unwrap().starts_storage());
        assert!(!Layout::new(&[3, 2], &[1, 3], 0, 6).unwrap().starts_storage());
        assert!(!Layout::new(&[2, 3], &[3, 1], 1, 7).unwrap().starts_storage());
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let cases: [(&str, &[usize], &[usize], usize); 7] = [
            ("one too many", &[25], &[1], 0),
            ("offset", &[4], &[1], 21),
            ("stride", &[4], &[8], 0),
            ("overlapping windows", &[13, 3], &[1, 1], 0),
            ("overflowing product", &[usize::MAX, 2], &[0, 0], 0),
            ("overflowing span", &[2, 2], &[usize::MAX, 1], 0),
            ("ranks differ", &[2, 2], &[1], 0),
        ];
        for (name, shape, strides, offset) in cases {
            assert!(Layout::new(shape, strides, offset, 24).is_err(), "{name}");
        }
        assert!(Layout::new(&[1; 65], &[1; 65], 0, 24).is_err());
    }

    proptest! {
        #[test]
        fn any_accepted_layout_is_gathered_in_bounds(
            dims in prop::collection::vec((0_usize..5, 0_usize..9), 0..5), offset in 0_usize..30,
        ) {
            let (shape, strides): (Vec<_>, Vec<_>) = dims.into_iter().unzip();
            if let Ok(layout) = Layout::new(&shape, &strides, offset, 24) {
                let storage: Vec<u8> = (0..24).collect();
                let gathered = layout.gather(&storage, 1).expect("was checked");
                prop_assert_eq!(gathered.len(), shape.iter().product::<usize>());
                if let Some(first) = gathered.first() {
                    prop_assert_eq!(usize::from(*first), offset);
                }
            }
        }
    }
}
