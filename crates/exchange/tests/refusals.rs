//! Files that aren't plain networks are refused by the tensor or the node that doesn't fit.

use minibatch::activation::{Identity, Relu};
use minibatch::cost::Mse;
use minibatch::{Network, Registry};
use minibatch_exchange::{Error, Format, Options, Orientation, export, import};

/// The bytes of a safetensors file with these tensors of f32, and a header that names them.
fn safetensors(tensors: &[(&str, &[usize], &[f32])]) -> Vec<u8> {
    let (mut entries, mut data) = (Vec::new(), Vec::new());
    for (name, shape, numbers) in tensors {
        let start = data.len();
        data.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
        entries.push(format!(
            "\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[{start},{}]}}",
            data.len()
        ));
    }
    with_header(&format!("{{{}}}", entries.join(",")), &data)
}

fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend(data);
    bytes
}

/// Options that tell the activations.
fn told() -> Options {
    let named = |label: &str| Registry::default().activation(label);
    Options { activation: named("relu"), output_activation: named("identity"), ..Options::default() }
}

fn refused(bytes: &[u8], options: &Options) -> String {
    let error: Error = import(Format::Safetensors, bytes, options).unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text:?}");
    text
}

/// PyTorch's names, of a network 3-2-1.
fn plain() -> [(&'static str, &'static [usize], &'static [f32]); 4] {
    [
        ("0.weight", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        ("0.bias", &[2], &[0.5, -0.5]),
        ("2.weight", &[1, 2], &[7.0, -0.0]),
        ("2.bias", &[1], &[8.0]),
    ]
}

#[test]
fn both_orientations_are_recognised() {
    let imported = import(Format::Safetensors, &safetensors(&plain()), &told()).unwrap();
    let network = &imported.networks["main"];
    assert_eq!((network.sizes(), network.layers()[0].weight(1, 0)), (vec![3, 2, 1], 4.0));
    assert_eq!(imported.notes.len(), 1, "the cost is assumed: {:?}", imported.notes);
    // −0 becomes +0.
    assert_eq!(network.layers()[1].weight(0, 1).to_bits(), 0);

    // Keras has these weights so. Names count for nothing where the shapes tell.
    let keras: [(&str, &[usize], &[f32]); 4] = [
        ("dense/kernel", &[3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]),
        ("dense/bias", &[2], &[0.5, -0.5]),
        ("dense_1/kernel", &[2, 1], &[7.0, 0.0]),
        ("dense_1/bias", &[1], &[8.0]),
    ];
    let turned = import(Format::Safetensors, &safetensors(&keras), &told()).unwrap();
    assert_eq!(turned.networks["main"].weight_hash(), network.weight_hash());
    let names = keras.map(|(name, shape, numbers)| {
        (["layer.0.weight", "layer.0.bias", "layer.1.weight", "layer.1.bias"], name, shape, numbers)
    });
    let renamed: Vec<(&str, &[usize], &[f32])> =
        (0..4).map(|i| (names[i].0[i], names[i].2, names[i].3)).collect();
    let turned = import(Format::Safetensors, &safetensors(&renamed), &told()).unwrap();
    assert_eq!(turned.networks["main"].weight_hash(), network.weight_hash());
}

#[test]
fn square_layers_are_read_as_their_names_suggest_or_as_told() {
    let square: [(&str, &[usize], &[f32]); 2] =
        [("0.weight", &[2, 2], &[1.0, 2.0, 3.0, 4.0]), ("0.bias", &[2], &[0.0, 0.0])];
    let weight = |options: &Options| {
        let imported = import(Format::Safetensors, &safetensors(&square), options).unwrap();
        imported.networks["main"].layers()[0].weight(0, 1)
    };
    assert_eq!(weight(&told()), 2.0);
    assert_eq!(weight(&Options { orientation: Some(Orientation::InOut), ..told() }), 3.0);
}

#[test]
fn layers_are_in_the_order_of_their_numbers() {
    let name = |l: usize, what: &str| format!("net.{l}.{what}");
    let names: Vec<[String; 2]> = (0..12).map(|l| [name(l, "weight"), name(l, "bias")]).collect();
    let biases: Vec<f32> = (0..12).map(|l| l as f32).collect();
    let tensors: Vec<(&str, &[usize], &[f32])> = names
        .iter()
        .zip(biases.chunks(1))
        .flat_map(|([weight, bias], l)| [(&**weight, &[1, 1][..], &[1.0f32][..]), (&**bias, &[1][..], l)])
        .collect();
    let imported = import(Format::Safetensors, &safetensors(&tensors), &told()).unwrap();
    let found: Vec<f32> = imported.networks["main"].layers().iter().map(|layer| layer.biases()[0]).collect();
    assert_eq!(found, biases);
}

#[test]
fn tensors_that_do_not_fit_are_named() {
    let without = |name: &str| -> Vec<u8> {
        safetensors(&plain().into_iter().filter(|(other, ..)| *other != name).collect::<Vec<_>>())
    };
    let with = |name: &str, shape: &'static [usize], numbers: &'static [f32]| -> Vec<u8> {
        let replaced = plain().map(|one| if one.0 == name { (one.0, shape, numbers) } else { one });
        safetensors(&replaced)
    };
    for (bytes, expected) in [
        (
            without("2.bias"),
            "tensor '2.weight': expected a tensor of biases beside it, found none; zeros stand for a layer without biases",
        ),
        (without("0.weight"), "tensor '0.bias': expected a tensor of weights beside it, found none"),
        (
            with("2.weight", &[1, 3], &[1.0, 2.0, 3.0]),
            "tensor '2.weight': expected shape [1, 2], for the 2 outputs of layer 1 and the 1 numbers of '2.bias', found [1, 3]",
        ),
        (
            with("0.bias", &[3], &[1.0, 2.0, 3.0]),
            "tensor '0.weight': expected shape [3, 3], for the 3 numbers of '0.bias', found [2, 3]",
        ),
        (
            with("0.bias", &[2], &[1.0, f32::NAN]),
            "tensor '0.bias': expected finite numbers, found NaN at index 1",
        ),
        (
            with("2.weight", &[1, 2], &[1.0, f32::NEG_INFINITY]),
            "tensor '2.weight': expected finite numbers, found -inf at index 1",
        ),
        (
            with("2.weight", &[1, 2, 1], &[1.0, 2.0]),
            "tensor '2.weight': expected weights of a fully connected layer, in two dimensions, found shape [1, 2, 1]",
        ),
        (safetensors(&[]), "the file: expected tensors of weights and biases, found none"),
        (
            safetensors(&[("embedding", &[1], &[1.0])]),
            "tensor 'embedding': expected weights and biases of fully connected layers (names that end with weight, kernel or bias, \
             or coefs_0, intercepts_0 …), found another name, of shape [1]; leave it out of the file",
        ),
    ] {
        assert_eq!(refused(&bytes, &told()), expected);
    }
    let whole = safetensors(&plain());
    let said = refused(&whole, &Options::default());
    let expected = "the file: expected activations, found none, as weights alone don't tell them; tell them with --activation and \
                    --output-activation";
    assert_eq!(said, expected);
    let said = refused(&whole, &Options { layers: Some(vec![3, 4, 1]), ..told() });
    assert_eq!(said, "the file: expected a network 3-4-1, as --layers says, found 3-2-1");
}

#[test]
fn hostile_headers_are_refused() {
    let tensor = |shape: &str, offsets: &str| {
        format!("{{\"0.weight\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}")
    };
    for header in [
        tensor("[4294967295, 4294967295]", "[0, 8]"),
        tensor("[18446744073709551615, 18446744073709551615]", "[0, 8]"),
        tensor("[1, 2]", "[0, 18446744073709551615]"),
        tensor("[1, 2]", "[8, 0]"),
        // Two tensors in the same bytes.
        "{\"0.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},\
         \"0.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}"
            .to_owned(),
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
    ] {
        let said = refused(&with_header(&header, &[0; 8]), &told());
        assert!(said.starts_with("the header: expected that of a safetensors file, found "), "{said}");
    }
    let mut long = with_header("{}", &[]);
    long[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    refused(&long, &told());
    refused(&[], &told());
    for format in Format::ALL {
        for bytes in [&b""[..], b"x", b"{}", b"PK\x05\x06", &[0xff; 64]] {
            assert!(import(format, bytes, &told()).is_err(), "{format:?}: {bytes:?}");
        }
    }
    let deep = format!("{{\"version\":1,\"producer\":{}", "[".repeat(100_000));
    assert!(import(Format::Json, deep.as_bytes(), &told()).is_err());
}

/// Every file that is cut, or in which a byte is another, is refused or read as a network.
#[test]
fn damaged_files_do_no_harm() {
    let network = Network::builder(2).layer_with(2, Relu).layer_with(1, Identity).cost(Mse).build().unwrap();
    for format in Format::ALL {
        let whole = export(format, &[("main", &network)]).unwrap().bytes;
        for end in 0..whole.len() {
            let _ = import(format, &whole[..end], &told());
        }
        for at in 0..whole.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                if let Ok(imported) = import(format, &bytes, &Options::default()) {
                    let numbers = imported.networks.values().flat_map(Network::layers);
                    assert!(
                        numbers.flat_map(minibatch::Layer::biases).all(|x| x.is_finite()),
                        "{format:?}, byte {at}"
                    );
                }
            }
        }
    }
}

#[test]
fn networks_that_cannot_be_used_are_not_written() {
    let mut network = Network::builder(2).layer(1).build().unwrap();
    network.layers_mut()[0].set_weight(0, 1, f32::NAN);
    for format in Format::ALL {
        let error = export(format, &[("main", &network)]).unwrap_err().to_string();
        let expected = "layer 1: weights and biases: expected finite numbers, found NaN; nothing can be predicted with it";
        assert_eq!(error, expected);
        assert!(export(format, &[]).is_err());
    }
}
