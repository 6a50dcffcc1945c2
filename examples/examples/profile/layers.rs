use ikem_models::{ModelConfig, NetworkSummary};

/// Prints the layers and the totals of one image.
pub fn print(summary: &NetworkSummary, config: &ModelConfig) {
    let names = summary.layers.iter().map(|layer| layer.name.len());
    let width = names.max().unwrap_or_default();
    println!("{:width$}  {:>18}  {:>10}  {:>14}", "layer", "output", "parameters", "mult-adds");
    for layer in &summary.layers {
        let extents: Vec<String> = layer.output.iter().map(usize::to_string).collect();
        let (output, parameters, mult_adds) = (extents.join(" x "), layer.parameters, layer.mult_adds);
        println!("{:width$}  {output:>18}  {parameters:>10}  {mult_adds:>14}", layer.name);
    }
    let size = config.size;
    println!();
    println!(
        "network: {}, {} keypoints, {} x {}",
        config.network.kind(),
        config.keypoints(),
        size.width,
        size.height
    );
    println!("parameters: {}", summary.parameters());
    println!("mult-adds of one image (convolutions and matrix products): {}", summary.mult_adds());
}
