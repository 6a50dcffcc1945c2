//! The marker segments of JPEG data: what the image reader and the DICOM reader check before they decode.

const END: u8 = 0xd9;
pub(crate) const SCAN: u8 = 0xda;
const RESTART_INTERVAL: u8 = 0xdd;
pub(crate) const LOSSLESS: u8 = 0xc3;
/// The number of DCT coefficients in a block.
const COEFFICIENTS: usize = 64;

/// Decodes JPEG data without an end marker; `None` if more than the marker is missing.
///
/// Decoders fill missing rows silently. Bytes after the last row change nothing, but bytes in place of missing rows do.
/// The picture is therefore decoded with two different tails, and the results must be the `same`.
pub(crate) fn decode_without_end<T, E>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, E>,
    same: impl Fn(&T, &T) -> bool,
) -> Result<Option<T>, E> {
    if !has_all_scans(bytes) {
        return Ok(None);
    }
    // The first byte of the end marker may be left.
    let data = bytes.strip_suffix(&[0xff]).unwrap_or(bytes);
    // Decoders pad with zeros, so the noise must not start with zeros.
    let noise = (0_u32..2048).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8 & 0x7f);
    let noise: Vec<u8> = [0x5a; 64].into_iter().chain(noise).collect();
    let with = |tail: &[u8]| decode(&[data, tail, &[0xff, END]].concat());
    let plain = with(&[])?;
    Ok(with(&noise).ok().filter(|noisy| same(&plain, noisy)).map(|_| plain))
}

/// Iterates over the marker segments up to the end marker: the marker and its payload, without entropy-coded data.
pub(crate) struct Segments<'a>(&'a [u8]);

impl<'a> Segments<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes.get(2..).unwrap_or_default())
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // Entropy-coded data extends to the next marker that is not a stuffed zero or a restart.
        let marks = |offset: &usize| {
            self.0.get(offset + 1).is_some_and(|marker| !matches!(marker, 0x00 | 0x01 | 0xd0..=0xd7 | 0xff))
        };
        let offset = memchr::memchr_iter(0xff, self.0).find(marks)?;
        let (marker, after) = (*self.0.get(offset + 1)?, self.0.get(offset + 2..)?);
        let length = match (marker, after) {
            (END, _) => 0,
            (_, [high, low, ..]) => usize::from(u16::from_be_bytes([*high, *low])),
            _ => return None,
        };
        self.0 = if marker == END { &[] } else { after.get(length..).unwrap_or_default() };
        Some((marker, after.get(2..length.max(2)).unwrap_or_default()))
    }
}

/// Whether a JPEG file has its end marker. Without one, decoders silently fill missing data with grey.
pub(crate) fn has_end(bytes: &[u8]) -> bool {
    Segments::of(bytes).any(|(marker, _)| marker == END)
}

/// Whether the scans cover all bits of all coefficients of all components.
fn has_all_scans(bytes: &[u8]) -> bool {
    let mut missing: Vec<(u8, [u8; COEFFICIENTS])> = Vec::new();
    let mut lossless = false;
    for (marker, segment) in Segments::of(bytes) {
        match (marker, segment) {
            (_, [_, _, _, _, _, _, components @ ..]) if is_frame(marker) => {
                let ids = components.chunks_exact(3).filter_map(|component| component.first());
                lossless = marker == LOSSLESS;
                missing = ids.map(|&id| (id, [u8::MAX; COEFFICIENTS])).collect();
            }
            (SCAN, [count, rest @ ..]) => {
                let (components, rest) = rest.split_at(rest.len().min(2 * usize::from(*count)));
                let [first, last, bits, ..] = rest else { return false };
                // A lossless scan has its predictor in place of the first coefficient.
                let range = match lossless {
                    true => 0..COEFFICIENTS,
                    false => usize::from(*first)..(usize::from(*last) + 1).min(COEFFICIENTS),
                };
                for (id, left) in &mut missing {
                    if components.chunks_exact(2).any(|component| component.first() == Some(id)) {
                        left.get_mut(range.clone()).unwrap_or_default().fill(bits & 0x0f);
                    }
                }
            }
            _ => {}
        }
    }
    !missing.is_empty() && missing.iter().all(|(_, left)| left.iter().all(|bits| *bits == 0))
}

pub(crate) const fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf | 0xf7)
}

/// Whether lossless data has restarts or a point transform, which `jpeg-decoder` silently decodes wrong.
pub(crate) fn is_misread(bytes: &[u8]) -> bool {
    let restarts = Segments::of(bytes).any(|(marker, every)| marker == RESTART_INTERVAL && every != [0, 0]);
    let scan = Segments::of(bytes).find(|(marker, _)| *marker == SCAN);
    restarts || scan.and_then(|(_, scan)| scan.last()).is_some_and(|bits| bits & 0x0f != 0)
}
