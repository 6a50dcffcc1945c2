//! Checkpoints of other layouts, written by PyTorch: `fixtures/make_layouts.py`.
#![allow(missing_docs, clippy::expect_used, clippy::panic)]

use std::io::Read;
use std::path::{Path, PathBuf};

use ikem_models::{
    Checkpoint, HrnetOcrConfig, Import, ImportOptions, Layout, NetworkConfig, NetworkKind, Precision,
    UnetConfig,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/layouts")
}

/// The import of a fixture.
fn import(name: &str, options: &ImportOptions) -> Import {
    let (_scratch, path) = unpacked(name, "checkpoint.pth");
    Checkpoint::import(path, options).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A fixture as a file of this name.
fn unpacked(name: &str, file: &str) -> (tempfile::TempDir, PathBuf) {
    let packed = std::fs::File::open(folder().join(format!("{name}.pth.gz"))).expect("the fixture");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).expect("the fixture");
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join(file);
    std::fs::write(&path, bytes).expect("the file");
    (scratch, path)
}

#[test]
fn files_of_pytorch_are_read_whatever_they_are_called() {
    for file in ["a.ckpt", "a.bin", "a.pth.tar", "a.safetensors", "a"] {
        let (_scratch, path) = unpacked("ikem-unet", file);
        let checkpoint = Checkpoint::read(path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(checkpoint.config.keypoints(), 3, "{file}");
    }
}

/// The values that the fixture's tensor `name` has.
fn values(name: &str, count: usize) -> Vec<f32> {
    let phase: usize = name.bytes().enumerate().map(|(place, byte)| (place + 1) * usize::from(byte)).sum();
    (0..count).map(|i| ((i + phase) % 251) as f32 / 256.0 - 0.4).collect()
}

fn tensor(checkpoint: &Checkpoint, name: &str) -> Vec<f32> {
    checkpoint.tensors[name].flatten_all().and_then(|t| t.to_vec1()).expect("a tensor")
}

fn hrnet() -> HrnetOcrConfig {
    HrnetOcrConfig { stem_width: 2, width: 1, ocr_width: 4, gate_width: Some(8), ..HrnetOcrConfig::default() }
}

#[test]
fn the_published_ikem_checkpoints_are_read_by_name() {
    let unet = UnetConfig { width: 2, gate_width: Some(8), ..UnetConfig::default() };
    for (name, network) in
        [("ikem-unet", NetworkConfig::Unet(unet)), ("ikem-hrnet-ocr", NetworkConfig::HrnetOcr(hrnet()))]
    {
        let options = ImportOptions { network: Some(network.kind()), ..ImportOptions::new(Layout::Ikem) };
        let Import { checkpoint, used, unused, fresh, .. } = import(name, &options);
        assert_eq!(checkpoint.config.network, network);
        assert_eq!(checkpoint.config.keypoints(), 3);
        assert_eq!((used.len(), unused, fresh), (checkpoint.tensors.len(), vec![], vec![]), "{name}");
        for (name, found) in &checkpoint.tensors {
            assert_eq!(tensor(&checkpoint, name), values(name, found.elem_count()), "{name}");
        }
    }
}

#[test]
fn the_miccai_model_is_read_by_its_own_names() {
    let json = std::fs::read_to_string(folder().join("layouts.json")).expect("the table");
    let table: serde_json::Value = serde_json::from_str(&json).expect("the table");
    let Import { checkpoint, used, unused, fresh, .. } =
        import("miccai", &ImportOptions::new(Layout::Miccai));
    assert_eq!(checkpoint.config.network, NetworkConfig::HrnetOcr(hrnet()));
    assert_eq!((used.len(), unused, fresh), (1600, vec![], vec![]));
    for (theirs, entry) in table["miccai"].as_object().expect("the table") {
        let ours = tensor(&checkpoint, entry["ikem"].as_str().expect("a name"));
        let mut expected = values(theirs, ours.len());
        if theirs == "hintmap_encoder.0.weight" {
            // Each of the 16 rows: three hints, then three previous heatmaps.
            expected.chunks_mut(6).for_each(|row| row.rotate_left(3));
        }
        assert_eq!(ours, expected, "{theirs}");
    }
}

#[test]
fn imagenets_weights_begin_the_backbone_and_the_heads_begin_anew() {
    let Import { checkpoint, used, unused, fresh, .. } =
        import("imagenet", &ImportOptions::new(Layout::Imagenet));
    assert_eq!(checkpoint.config.network.kind(), NetworkKind::HrnetOcr);
    assert_eq!(checkpoint.config.keypoints(), 68);
    assert_eq!(
        tensor(&checkpoint, "hint_fusion_layer.last_encoder.0.weight"),
        values("conv2.weight", 2 * 2 * 9)
    );
    let name = "stage4.2.fuse_layers.3.0.2.0.weight";
    assert_eq!(tensor(&checkpoint, &format!("hrnet.{name}")), values(name, 8 * 9));
    assert_eq!(used.len() + fresh.len(), checkpoint.tensors.len());
    assert!(used.iter().all(|name| name.starts_with("hrnet.")
        || name.contains("e_encoder.")
        || name.contains("last_encoder.")));
    assert_eq!(unused.len(), 6, "{unused:?}");
    let heads =
        ["hint_fusion_layer.", "iggnet.", "conv3x3_ocr.", "ocr_distri_head.", "cls_head.", "aux_head."];
    assert!(fresh.iter().all(|name| heads.iter().any(|head| name.starts_with(head))));
    let heads = fresh.iter().filter(|name| name.starts_with("cls_head."));
    assert_eq!(heads.count(), 2);
    let weight = tensor(&checkpoint, "cls_head.weight");
    assert!(weight.iter().any(|value| *value != 0.0));
}

#[test]
fn an_import_is_written_in_half_the_size_and_read_again() {
    let Import { checkpoint, .. } = import("ikem-unet", &ImportOptions::new(Layout::Ikem));
    let scratch = tempfile::tempdir().expect("a folder");
    let [single, half] = [Precision::Single, Precision::Half].map(|precision| {
        let path = scratch.path().join(format!("{precision:?}.safetensors"));
        checkpoint.write(&path, precision).expect("written");
        path
    });
    let size = |path: &Path| std::fs::metadata(path).expect("written").len();
    assert!(size(&half) < size(&single) * 3 / 4);
    let read = Checkpoint::read(&half).expect("read");
    assert_eq!(read.config, checkpoint.config);
    for (name, found) in &checkpoint.tensors {
        for (value, halved) in values(name, found.elem_count()).into_iter().zip(tensor(&read, name)) {
            assert!((value - halved).abs() <= 5e-4 * value.abs(), "{name}: {value} became {halved}");
        }
    }
}
