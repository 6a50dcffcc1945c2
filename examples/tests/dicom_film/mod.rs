//! A DICOM file in explicit little endian, as small as can be, whose pixels have a spacing.

use ikem_core::Size;

/// A film of 8 bits a pixel. `spacing` is the value of the element `tag`: down and across, in millimetres, of even length.
pub(super) fn dicom_film(size: Size, pixels: &[u8], tag: (u16, u16), spacing: &[u8]) -> Vec<u8> {
    let element = |group: u16, element: u16, kind: &str, value: &[u8]| {
        let mut bytes = [group.to_le_bytes(), element.to_le_bytes()].concat();
        bytes.extend(kind.as_bytes());
        if kind.starts_with('O') {
            bytes.extend([0; 2]);
            bytes.extend((value.len() as u32).to_le_bytes());
        } else {
            bytes.extend((value.len() as u16).to_le_bytes());
        }
        bytes.extend(value);
        bytes
    };
    let short = |tag: u16, value: usize| element(0x28, tag, "US", &(value as u16).to_le_bytes());
    let about = [
        element(2, 1, "OB", &[0, 1]),
        element(2, 2, "UI", b"1.2.840.10008.5.1.4.1.1.7\0"),
        element(2, 3, "UI", b"1.2.3.4\0"),
        element(2, 0x10, "UI", b"1.2.840.10008.1.2.1\0"),
        element(2, 0x12, "UI", b"1.2.3\0"),
    ]
    .concat();
    [
        vec![0; 128],
        b"DICM".to_vec(),
        element(2, 0, "UL", &(about.len() as u32).to_le_bytes()),
        about,
        element(tag.0, tag.1, "DS", spacing),
        short(2, 1),
        element(0x28, 4, "CS", b"MONOCHROME2 "),
        short(0x10, size.height),
        short(0x11, size.width),
        short(0x100, 8),
        short(0x101, 8),
        short(0x102, 7),
        short(0x103, 0),
        element(0x7fe0, 0x10, "OW", pixels),
    ]
    .concat()
}
