//! Run-length decoding (RLE, PS3.5, G).

/// The number of segment offsets in the header.
const SEGMENTS: usize = 15;
/// How many bytes a segment may be too long: some writers add a byte or a run at its end.
const EXCESS: usize = 256;

/// Decodes a frame of `area` pixels with `samples` samples of `bytes` bytes: one plane per sample, each little-endian.
pub(super) fn unpack(data: &[u8], area: usize, samples: usize, bytes: usize) -> Result<Vec<u8>, String> {
    let word = |index: usize| -> Option<usize> {
        let bytes = data.get(4 * index..4 * index + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let segments = word(0).filter(|_| data.len() > 4 * SEGMENTS).ok_or("its RLE data is truncated")?;
    if segments != samples * bytes {
        return Err(format!("its RLE data has {segments} segments"));
    }
    let mut planes = vec![0; area * segments];
    for (index, segment) in (1..=segments).enumerate() {
        let end = if segment == segments { Some(data.len()) } else { word(segment + 1) };
        let range = word(segment).zip(end).and_then(|(start, end)| data.get(start..end));
        let packed = range.ok_or_else(|| format!("segment {segment} of its RLE data is out of bounds"))?;
        let length = unpacked_length(packed);
        if !(area..=area + EXCESS).contains(&length) {
            return Err(format!("segment {segment} of its RLE data has {length} bytes"));
        }
        // The first segment of a sample holds its high bytes.
        let plane = planes.get_mut(index / bytes * bytes * area..).unwrap_or_default();
        fill(packed, plane.iter_mut().skip(bytes - 1 - index % bytes).step_by(bytes).take(area));
    }
    Ok(planes)
}

/// A literal run or a repeated byte.
enum Piece<'a> {
    Bytes(&'a [u8]),
    Run(u8, usize),
}

fn pieces(packed: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = packed;
    std::iter::from_fn(move || {
        loop {
            let (&control, tail) = rest.split_first()?;
            match control {
                0..=127 => {
                    let (bytes, tail) = tail.split_at((usize::from(control) + 1).min(tail.len()));
                    rest = tail;
                    return Some(Piece::Bytes(bytes));
                }
                128 => rest = tail,
                129..=255 => {
                    let (&byte, tail) = tail.split_first()?;
                    rest = tail;
                    return Some(Piece::Run(byte, 257 - usize::from(control)));
                }
            }
        }
    })
}

fn unpacked_length(packed: &[u8]) -> usize {
    let length = |piece| match piece {
        Piece::Bytes(bytes) => bytes.len(),
        Piece::Run(_, length) => length,
    };
    pieces(packed).map(length).sum()
}

fn fill<'a>(packed: &[u8], mut places: impl Iterator<Item = &'a mut u8>) {
    for piece in pieces(packed) {
        match piece {
            Piece::Bytes(bytes) => bytes.iter().zip(&mut places).for_each(|(byte, to)| *to = *byte),
            Piece::Run(byte, length) => (&mut places).take(length).for_each(|to| *to = byte),
        }
    }
}
