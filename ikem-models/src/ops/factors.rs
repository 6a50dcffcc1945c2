use ikem_core::GaussianFactors;
use ikem_kernels::Gaussian;

/// The factors of a Gaussian as the kernels take them.
pub(super) fn view(factors: &GaussianFactors) -> Gaussian<'_> {
    Gaussian { columns: &factors.columns, rows: &factors.rows }
}
