use std::path::PathBuf;

use crate::PthErrorKind;
use crate::testing::*;

/// The names in a checkpoint of `value`, whose storages 0 to 3 have two floats each.
fn names(value: &[u8]) -> Result<Vec<String>, PthErrorKind> {
    let storages: Vec<_> = ["0", "1", "2", "3"].map(|key| (key, floats(&[1.0, 2.0]))).into();
    Ok(read(zip_file(value, &storages))?.into_iter().map(|tensor| tensor.name).collect())
}

/// The file that [`attack`] would create.
fn trace() -> PathBuf {
    std::env::temp_dir().join(format!("pickle-was-executed-by-{}", std::process::id()))
}

/// `os.system("touch …")`, as a hostile pickle would have it called.
fn attack() -> Vec<u8> {
    call(global("posix", "system"), &[text(&format!("touch {}", trace().display()))])
}

#[test]
fn the_state_dict_is_found_where_training_code_puts_it() {
    let model = || dict(&[("a", vector("0", 2)), ("b", vector("1", 2))]);
    let adam = || {
        dict(&[(
            "state",
            [b"}".to_vec(), int(0), dict(&[("exp_avg", vector("2", 2))]), b"s".to_vec()].concat(),
        )])
    };
    let ordered = {
        let pairs =
            [[text("a"), vector("0", 2), b"\x86".to_vec()].concat(), tuple(&[text("b"), vector("1", 2)])];
        call(global("collections", "OrderedDict"), &[[b"](", pairs.concat().as_slice(), b"e"].concat()])
    };
    let cases = [
        ("bare", model()),
        ("model", dict(&[("optimizer", adam()), ("model", model()), ("epoch", int(3))])),
        (
            "state_dict before model",
            dict(&[("model", dict(&[("x", vector("3", 2))])), ("state_dict", model())]),
        ),
        ("twice wrapped", dict(&[("model", dict(&[("state_dict", model())]))])),
        ("beside a tensor", dict(&[("rng", vector("2", 2)), ("net", model())])),
        ("unusual name", dict(&[("optimizer", adam()), ("mine", model())])),
        ("model is a name", dict(&[("model", text("unet")), ("weights", model())])),
        ("attributes", [model(), dict(&[("_metadata", attack())]), b"b".to_vec()].concat()),
        ("of Python 2", ordered),
    ];
    for (name, value) in cases {
        assert_eq!(names(&value).unwrap_or_else(|error| panic!("{name}: {error}")), ["a", "b"], "{name}");
    }
}

#[test]
fn anything_may_stand_beside_the_state_dict() {
    let numpy = call(
        global("numpy.core.multiarray", "scalar"),
        &[call(global("numpy", "dtype"), &[text("f8"), int(0), int(1)]), b"C\x02\x00\x01".to_vec()],
    );
    let namespace =
        [call(global("argparse", "Namespace"), &[]), dict(&[("lr", int(1))]), b"b".to_vec()].concat();
    let subclass = [global("my", "Dict"), b")\x81".to_vec(), text("k"), text("v"), b"s".to_vec()].concat();
    let numbers = [
        b"(".to_vec(),
        int(7),
        long(1 << 100),
        b"G\0\0\0\0\0\0\0\0F1.5\nI01\nL5L\nK\x01M\x01\x02NNl".to_vec(),
    ]
    .concat();
    let set = [b"\x8f(".to_vec(), int(1), b"\x90".to_vec()].concat();
    let value = dict(&[
        ("best", numpy),
        ("args", namespace),
        ("attack", attack()),
        ("subclass", subclass),
        ("numbers", numbers),
        ("set", set),
        ("instance", b"(I1\nimodule\nClass\n".to_vec()),
        ("object", [b"(".to_vec(), global("m", "C"), int(1), b"o".to_vec()].concat()),
        ("state_dict", dict(&[("weight", vector("0", 2))])),
    ]);
    assert_eq!(names(&value).unwrap(), ["weight"]);
}

#[test]
fn in_the_state_dict_everything_is_a_tensor() {
    let with = |value: Vec<u8>| names(&dict(&[("a", vector("0", 2)), ("b.weight", value)]));
    let cases = [
        (attack(), r#"state dict entry "b.weight" is an object made by "posix.system", expected a tensor"#),
        (int(3), r#"state dict entry "b.weight" is the integer 3, expected a tensor"#),
        (b"N".to_vec(), r#"state dict entry "b.weight" is None, expected a tensor"#),
        (
            global("torch", "float32"),
            r#"state dict entry "b.weight" is the class or function "torch.float32""#,
        ),
        (dict(&[]), r#"state dict entry "b.weight" is an empty dict"#),
    ];
    for (value, expected) in cases {
        let message = with(value).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
    assert!(!trace().exists(), "the pickle was executed");
}

#[test]
fn counters_of_batches_are_dropped_and_nothing_else() {
    let value = dict(&[
        ("bn.num_batches_tracked", int(5)),
        ("num_batches_tracked", vector("0", 2)),
        ("bn.num_batches_tracked.weight", vector("1", 2)),
    ]);
    assert_eq!(names(&value).unwrap(), ["bn.num_batches_tracked.weight"]);
}

#[test]
fn prefixes_of_wrappers_go_if_all_names_have_them() {
    for (found, expected) in [
        (["_orig_mod.a.w", "_orig_mod.b"], ["a.w", "b"]),
        (["model._orig_mod.module.a", "model._orig_mod.module.b"], ["a", "b"]),
        (["net.a", "network.b"], ["net.a", "network.b"]),
        (["a", "a.b"], ["a", "a.b"]),
        (["model.a", "loss.b"], ["model.a", "loss.b"]),
    ] {
        let value = dict(&[(found[0], vector("0", 2)), (found[1], vector("1", 2))]);
        assert_eq!(names(&value).unwrap(), expected);
    }
    assert_eq!(names(&dict(&[("module.a", vector("0", 2))])).unwrap(), ["module.a"], "it may be its own");
}

#[test]
fn the_prefix_of_data_parallel_goes_if_all_have_it() {
    let value = dict(&[("module.a", vector("0", 2)), ("module.module.b", vector("1", 2))]);
    assert_eq!(names(&value).unwrap(), ["a", "module.b"]);
    let value = dict(&[("module.a", vector("0", 2)), ("b", vector("1", 2))]);
    assert_eq!(names(&value).unwrap(), ["module.a", "b"]);
}

#[test]
fn what_holds_no_state_dict_is_described() {
    let module = || call(global("unet", "UNet"), &[]);
    let cases = [
        (dict(&[]), "holds an empty dict without tensors, expected a state dict"),
        (dict(&[("epoch", int(3))]), r#"holds a dict without tensors ("epoch": the integer 3), expected"#),
        (
            dict(&[("model", module())]),
            r#"holds a dict without tensors ("model": an object made by "unet.UNet")"#,
        ),
        (dict(&[("model", dict(&[]))]), "holds an empty dict without tensors under model, expected"),
        (attack(), r#"holds an object made by "posix.system", expected a state dict"#),
        (
            vector("0", 2),
            r#"holds an object made by "torch._utils._rebuild_tensor_v2", expected a state dict"#,
        ),
        (
            [b"}".to_vec(), int(1), vector("0", 2), b"s".to_vec()].concat(),
            "holds a dict of tensors with the integer 1 among its keys",
        ),
        (
            dict(&[("a", vector("0", 2)), ("a", vector("1", 2))]),
            r#"tensor "a": is there twice, expected once"#,
        ),
        (
            [b"}q\x00".to_vec(), text("model"), b"h\x00s".to_vec()].concat(),
            "holds dicts in dicts, more than 4 deep",
        ),
    ];
    for (value, expected) in cases {
        let message = names(&value).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn wrong_tensors_are_named() {
    let rebuild = |args: &[Vec<u8>]| call(global("torch._utils", "_rebuild_tensor_v2"), args);
    let view = |offset, shape: &[i128], strides: &[i128]| {
        tensor(storage("FloatStorage", "0", 2), offset, shape, strides)
    };
    let reference = |id: &[Vec<u8>]| tensor([tuple(id), b"Q".to_vec()].concat(), 0, &[2], &[1]);
    let cases = [
        ("beyond", view(1, &[2], &[1]), "does not fit its storage of 2 elements"),
        ("negative", view(0, &[-2], &[1]), "not all non-negative integers"),
        ("immense", view(0, &[1 << 40, 1 << 40], &[0, 0]), "more elements than can be counted"),
        ("beyond u64", view(1 << 100, &[2], &[1]), "not all non-negative integers"),
        ("ranks", view(0, &[2], &[]), "1 dimensions and 0 strides"),
        ("too few", rebuild(&[int(1)]), "1 arguments of torch._utils._rebuild_tensor_v2, expected 4 or more"),
        ("no storage", tensor(int(1), 0, &[2], &[1]), "the integer 1, expected a storage"),
        ("no reference", reference(&[text("module"), int(1)]), "that is no storage"),
        ("not torch's", tensor(storage("nn.Storage", "0", 2), 0, &[2], &[1]), "that is no storage"),
        ("key", tensor(storage("FloatStorage", &"0".repeat(99), 2), 0, &[2], &[1]), "expected a short text"),
        (
            "length",
            tensor(storage("FloatStorage", "0", -1), 0, &[2], &[1]),
            "the integer -1 as a storage's length",
        ),
        (
            "bytes",
            tensor(storage("FloatStorage", "0", (1 << 63) - 1), 0, &[2], &[1]),
            "more bytes than can be counted",
        ),
    ];
    for (name, value, expected) in cases {
        let message = names(&dict(&[("good", vector("0", 2)), (name, value)])).unwrap_err().to_string();
        assert!(message.starts_with(&format!("tensor {name:?}: ")), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}
