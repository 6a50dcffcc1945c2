use ikem_examples::say;
use ikem_models::{ModelConfig, NetworkSummary};

/// Prints the layers and the totals of one image.
pub(crate) fn print(summary: &NetworkSummary, config: &ModelConfig) {
    let names = summary.layers.iter().map(|layer| layer.name.len());
    let width = names.max().unwrap_or_default();
    say!("{:width$}  {:>18}  {:>10}  {:>14}", "layer", "output", "parameters", "mult-adds");
    for layer in &summary.layers {
        let extents: Vec<String> = layer.output.iter().map(usize::to_string).collect();
        let (output, parameters, mult_adds) = (extents.join(" x "), layer.parameters, layer.mult_adds);
        say!("{:width$}  {output:>18}  {parameters:>10}  {mult_adds:>14}", layer.name);
    }
    let size = config.size;
    say!();
    say!(
        "network: {}, {} keypoints, {} x {}",
        config.network.kind(),
        config.keypoints(),
        size.width,
        size.height
    );
    say!("parameters: {}", summary.parameters());
    say!("mult-adds of one image (convolutions and matrix products): {}", summary.mult_adds());
}
