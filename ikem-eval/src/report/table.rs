use super::{Case, MeasuredAngles, Report};

impl Report {
    /// The report as CSV with one row per image: name, size, MRE by click (model and manual), clicks to each target,
    /// shift, and the challenge's angles of the labels, the first and the last prediction. Unknown values are empty.
    pub(super) fn to_csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.header())?;
        for case in &self.cases {
            writer.write_record(case.record())?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }

    fn header(&self) -> Vec<String> {
        let by_click =
            |kind: &str| (0..=self.protocol.clicks).map(|click| format!("{kind}_mre_{click}")).collect();
        let angles = |kind: &str| (1..=3).map(|angle| format!("{kind}_angle_{angle}")).collect();
        let parts: [Vec<String>; 8] = [
            ["image", "width", "height"].map(str::to_owned).into(),
            by_click("model"),
            by_click("manual"),
            self.figures.effort.fr.keys().map(|target| format!("clicks_to_{target}")).collect(),
            vec!["shift".to_owned()],
            angles("label"),
            angles("first"),
            angles("last"),
        ];
        parts.concat()
    }
}

impl Case {
    fn record(&self) -> Vec<String> {
        let mut cells = vec![self.image.clone(), self.size.width.to_string(), self.size.height.to_string()];
        cells.extend(self.model_mre.iter().chain(&self.manual_mre).map(|mre| format!("{mre:.4}")));
        cells
            .extend(self.clicks_to.values().map(|clicks| clicks.map_or_else(String::new, |n| n.to_string())));
        cells.push(self.shift.map_or_else(String::new, |shift| shift.to_string()));
        for angles in [&self.label_angles, &self.first_angles, &self.last_angles] {
            let degrees = |angles: &MeasuredAngles| angles.matlab.map(|degrees| format!("{degrees:.4}"));
            cells.extend(angles.as_ref().map_or_else(Default::default, degrees));
        }
        cells
    }
}

/// Names and angles.
pub(super) fn angles_csv<'a>(
    angles: impl IntoIterator<Item = (&'a str, Option<[f64; 3]>)>,
) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["name", "angle_1", "angle_2", "angle_3"])?;
    for (name, angles) in angles {
        let cells =
            angles.map_or_else(Default::default, |angles| angles.map(|degrees| format!("{degrees:.4}")));
        writer.write_record(std::iter::once(name).chain(cells.iter().map(String::as_str)))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}
