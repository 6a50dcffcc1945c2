//! Files on disk: spacing and size.

use dicom_core::{VR, dicom_value};
use dicom_dictionary_std::tags;
use dicom_object::Tag;
use ikem_core::{GrayImage, Resampling, Size, Spacing, SpacingPlane, resample};
use ikem_data::{Limits, image_size, load_image, load_radiograph, load_resized};

use crate::film::{DicomFilm, EXPLICIT, STEPS, jpeg};

#[test]
fn spacing_is_read_in_millimetres() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.dcm");
    let patient = dicom_value!(Strs, ["0.2", "0.1"]);
    let detector = dicom_value!(Strs, ["0.25", "0.125"]);
    let film = || DicomFilm::new(2, 3, 8).bytes(&STEPS);
    let with = |tag: Tag, vr: VR, text: &str| film().with(tag, vr, text);
    let repeated = || {
        film().with(tags::PIXEL_SPACING, VR::DS, detector.clone()).with(
            tags::IMAGER_PIXEL_SPACING,
            VR::DS,
            detector.clone(),
        )
    };
    let spacing = |x, y, plane| Some(Spacing { x, y, plane });
    let (on_patient, on_film, on_detector) =
        (SpacingPlane::Patient, SpacingPlane::Film, SpacingPlane::Detector);
    for (picture, expected) in [
        (film(), None),
        (film().with(tags::PIXEL_SPACING, VR::DS, patient.clone()), spacing(0.1, 0.2, on_patient)),
        (
            film().with(tags::IMAGER_PIXEL_SPACING, VR::DS, detector.clone()),
            spacing(0.125, 0.25, on_detector),
        ),
        (
            film().with(tags::PIXEL_SPACING, VR::DS, patient).with(
                tags::IMAGER_PIXEL_SPACING,
                VR::DS,
                detector.clone(),
            ),
            spacing(0.1, 0.2, on_patient),
        ),
        // Equal to the detector's, without a calibration type: uncalibrated.
        (repeated(), spacing(0.125, 0.25, on_detector)),
        (
            repeated().with(tags::PIXEL_SPACING_CALIBRATION_TYPE, VR::CS, "FIDUCIAL"),
            spacing(0.125, 0.25, on_patient),
        ),
        (with(tags::NOMINAL_SCANNED_PIXEL_SPACING, VR::DS, "0.3\\0.4"), spacing(0.4, 0.3, on_film)),
        // Variants in real files: a decimal comma, one value, three values, another representation.
        (with(tags::PIXEL_SPACING, VR::DS, "0,2\\0,1"), spacing(0.1, 0.2, on_patient)),
        (with(tags::PIXEL_SPACING, VR::DS, "0.1"), spacing(0.1, 0.1, on_patient)),
        (with(tags::PIXEL_SPACING, VR::DS, "0.2\\0.1\\1"), spacing(0.1, 0.2, on_patient)),
        (with(tags::PIXEL_SPACING, VR::UT, "0.2\\0.1 "), spacing(0.1, 0.2, on_patient)),
        (
            film().with(tags::PIXEL_SPACING, VR::FD, dicom_value!(F64, [0.2, 0.1])),
            spacing(0.1, 0.2, on_patient),
        ),
        (with(tags::PIXEL_SPACING, VR::DS, "0\\0.1"), None),
        (with(tags::PIXEL_SPACING, VR::DS, "wide"), None),
        // An empty value counts as missing.
        (
            with(tags::PIXEL_SPACING, VR::DS, "").with(tags::IMAGER_PIXEL_SPACING, VR::DS, "0.5\\0.5"),
            spacing(0.5, 0.5, on_detector),
        ),
    ] {
        std::fs::write(&path, picture.file(EXPLICIT)).unwrap();
        let radiograph = load_radiograph(&path, &Limits::default()).unwrap();
        assert_eq!(radiograph.spacing, expected);
        assert_eq!(radiograph.image, GrayImage::from_u8(Size::new(3, 2), &STEPS).unwrap());
    }
    // Pixels twice as high as wide.
    std::fs::write(&path, with(tags::PIXEL_ASPECT_RATIO, VR::IS, "2\\1").file(EXPLICIT)).unwrap();
    assert_eq!(load_radiograph(&path, &Limits::default()).unwrap().spacing, Spacing::of_ratio(1.0, 2.0));
    std::fs::write(&path, jpeg(8, 8)).unwrap();
    assert_eq!(load_radiograph(&path, &Limits::default()).unwrap().spacing, None);
}

#[test]
fn the_size_is_read_from_the_elements_before_the_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.dcm");
    let pixels: Vec<u16> = (0..300 * 400).map(|i| (i % 4096) as u16).collect();
    let file = DicomFilm::new(400, 300, 16).words(&pixels).file(EXPLICIT);
    let limits = Limits::default();
    std::fs::write(&path, &file[..file.len() - 2 * 300 * 400]).unwrap();
    assert_eq!(image_size(&path, &limits).unwrap(), Size::new(300, 400));
    let message = load_image(&path, &limits).unwrap_err().to_string();
    assert!(message.contains("its pixel data is truncated to 0 of 240000 bytes"), "{message}");
    // The elements before them may be long.
    let long =
        DicomFilm::new(400, 300, 16).with(Tag(0x0009, 0x1010), VR::OB, vec![7_u8; 200_000]).words(&pixels);
    std::fs::write(&path, long.file(EXPLICIT)).unwrap();
    assert_eq!(image_size(&path, &limits).unwrap(), Size::new(300, 400));
    // Resizing while loading equals resizing afterwards.
    let image = load_image(&path, &limits).unwrap();
    let target = Size::new(30, 50);
    let (resized, size) = load_resized(&path, target, Resampling::Area, &limits).unwrap();
    assert_eq!((resized, size), (resample(&image, target, Resampling::Area).unwrap(), image.size()));
}
