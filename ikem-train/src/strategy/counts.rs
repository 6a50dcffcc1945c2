use ikem_core::Draw;

/// A number of hints up to `most`: p(i) ∝ 2⁻ⁱ, except p(0) = p(1) / 2.
pub(super) fn hint_count(most: usize, draw: &mut Draw) -> usize {
    let weight = |i: usize| 0.5_f64.powi(i.max(1) as i32 + i32::from(i == 0));
    let mut rest = draw.unit() * (0..=most).map(weight).sum::<f64>();
    for i in 0..most {
        rest -= weight(i);
        if rest < 0.0 {
            return i;
        }
    }
    most
}
