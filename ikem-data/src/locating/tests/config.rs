use super::*;

#[test]
fn each_setting_out_of_range_is_named() {
    type Spoil = fn(&mut SceneConfig);
    let cases: [(&str, Spoil); 31] = [
        ("blank", |c| c.blank = -0.1),
        ("whole", |c| c.whole = 1.1),
        ("tight", |c| c.tight = f64::NAN),
        ("cut", |c| c.cut = 2.0),
        ("mirror", |c| c.mirror = -1.0),
        ("tilt", |c| c.tilt = 46.0),
        ("tilt", |c| c.tilt = f64::NAN),
        ("wide_tilt", |c| c.wide_tilt = 1.5),
        ("widest_tilt", |c| c.widest_tilt = -1.0),
        ("turned", |c| c.turned = 3.0),
        ("collimator", |c| c.collimator = 2.0),
        ("letters", |c| c.letters = 2.0),
        ("ruler", |c| c.ruler = -2.0),
        ("lines", |c| c.lines = 2.0),
        ("implants", |c| c.implants = 2.0),
        ("screen", |c| c.screen = 2.0),
        ("gamma", |c| c.gamma = 2.0),
        ("powers", |c| c.powers = [0.0, 1.0]),
        ("powers", |c| c.powers = [2.0, 1.0]),
        ("powers", |c| c.powers = [1.0, 11.0]),
        ("squeeze", |c| c.squeeze = 2.0),
        ("illumination", |c| c.illumination = 2.0),
        ("noise", |c| c.noise = 2.0),
        ("deviation", |c| c.deviation = 1.1),
        ("blur", |c| c.blur = 2.0),
        ("negative", |c| c.negative = 2.0),
        ("fills.black", |c| c.fills.black = -1.0),
        ("fills.mirrored", |c| c.fills.mirrored = f64::NAN),
        ("fills.edge", |c| c.fills.edge = -1.0),
        ("fills.other", |c| c.fills.other = f64::INFINITY),
        ("fills", |c| {
            c.fills = serde_json::from_str(
                r#"{"black": 0, "mirrored": 0, "edge": 0, "white": 0, "grey": 0, "noise": 0, "other": 0}"#,
            )
            .unwrap();
        }),
    ];
    SceneConfig::default().check().unwrap();
    SceneConfig::plain().check().unwrap();
    for (name, spoil) in cases {
        let mut config = LocatingConfig::training(64, 4, 2, 1);
        spoil(&mut config.scenes);
        assert_eq!(config.check().expect_err(name).field, name);
    }
}

#[test]
fn each_batch_setting_out_of_range_is_named() {
    type Spoil = fn(&mut LocatingConfig);
    let cases: [(&str, Spoil); 6] = [
        ("stride", |c| c.stride = 0),
        ("size", |c| c.size = 16),
        ("size", |c| c.size = 8192),
        ("size", |c| c.size = 66),
        ("batch_size", |c| c.batch_size = 0),
        ("samples_per_epoch", |c| c.samples_per_epoch = Some(0)),
    ];
    for (name, spoil) in cases {
        let mut config = LocatingConfig::training(64, 4, 2, 1);
        config.check().unwrap();
        spoil(&mut config);
        assert_eq!(config.check().expect_err(name).field, name);
    }
}

#[test]
fn json_may_omit_defaults() {
    let scenes: SceneConfig =
        serde_json::from_str(r#"{"blank": 0.2, "fills": {"white": 0.3}, "powers": [0.5, 2]}"#).unwrap();
    let fills = crate::Fills { white: 0.3, ..Default::default() };
    assert_eq!(scenes, SceneConfig { blank: 0.2, fills, powers: [0.5, 2.0], ..Default::default() });
    let unknown = serde_json::from_str::<SceneConfig>(r#"{"blanc": 0.2}"#).unwrap_err().to_string();
    assert!(unknown.contains("unknown field `blanc`"), "{unknown}");
    let config = LocatingConfig::training(256, 4, 32, 9);
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<LocatingConfig>(&json).unwrap(), config);
}
