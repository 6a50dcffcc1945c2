//! Checkpoints as ONNX models, for programs in other languages.

use std::path::Path;

use candle_core::Device;

use super::Checkpoint;
use crate::error::{BuildError, CheckpointFault, Result};
use crate::network::Network;
use crate::onnx::{Graph, GraphInputs, model};

impl Checkpoint {
    /// One forward pass of the network as an ONNX model (opset 17), with all weights.
    ///
    /// | | name | shape | |
    /// |---|---|---|---|
    /// | input | `image` | (B, 3, H, W) | the prepared film: grey values in −1…1, three times |
    /// | input | `hints` | (B, K, H, W) | a Gaussian of height 1 around each corrected point, zeros for the others |
    /// | input | `previous` | (B, K, H, W) | the `heatmaps` of the previous pass; zeros in the first one |
    /// | output | `logits` | (B, K, H/4, W/4) | |
    /// | output | `heatmaps` | (B, K, H, W) | the sigmoid of the logits, resized bilinearly with aligned corners |
    /// | output | `auxiliary` | (B, K, H/4, W/4) | the logits of the auxiliary head, of HRNet+OCR-IKEM |
    ///
    /// The grid (H × W), the keypoints and the standard deviation of the Gaussians are those of the config, which is
    /// the metadata entry `ikem.config`, as JSON. A network without hints has the input `image` alone. Not in the model:
    /// preparation, the locator, decoding, and the error covariance, by which a [`Session`](crate::Session) also moves
    /// points.
    ///
    /// # Errors
    /// Tensors that do not fit the config; a config out of range.
    pub fn to_onnx(&self) -> Result<Vec<u8>> {
        let network = Network::trainable(&self.config, self.tensors.clone(), &Device::Cpu)?;
        let graph = graph_of(&network)?;
        let config = serde_json::to_string(&self.config)
            .map_err(|error| BuildError::Fault(CheckpointFault::Write(error.into())).of_memory())?;
        Ok(model(&graph, &self.config.network.kind().to_string(), &config))
    }

    /// Writes the file of [`to_onnx`](Self::to_onnx). An existing file is replaced as a whole or, when anything fails,
    /// not at all.
    ///
    /// # Errors
    /// As [`to_onnx`](Self::to_onnx); when the disk fails.
    pub fn write_onnx(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        ikem_files::write_synced(path, &self.to_onnx()?).map_err(|error| CheckpointFault::Io(error).at(path))
    }
}

fn graph_of(network: &Network) -> candle_core::Result<Graph> {
    let config = network.config();
    let (height, width) = (config.size.height, config.size.width);
    let mut graph = Graph::default();
    let image =
        graph.input("image", &[3, height, width], "the prepared film: grey values in -1 to 1, three times");
    let maps = config.network.has_hints().then(|| {
        let mut maps = |name, doc| graph.input(name, &[config.keypoints(), height, width], doc);
        [
            maps("hints", "a Gaussian of height 1 around each corrected point, zeros for the others"),
            maps("previous", "the heatmaps of the previous pass; zeros in the first one"),
        ]
    });
    let (logits, auxiliary) = network.export(&mut graph, &GraphInputs { image, maps })?;
    graph.output(&logits, "logits", "one map a keypoint, at a quarter of the grid");
    let resized = graph.resize(&logits, (height, width))?;
    let heatmaps = graph.sigmoid(&resized);
    graph.output(&heatmaps, "heatmaps", "the sigmoid of the logits on the grid");
    if let Some(auxiliary) = auxiliary {
        graph.output(&auxiliary, "auxiliary", "the logits of the auxiliary head");
    }
    Ok(graph)
}
