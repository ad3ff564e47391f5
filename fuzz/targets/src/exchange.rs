//! Files of other programs: what is imported is a network that can be used, saved and exported again; all else is refused in one line.

use minibatch::{Network, Registry};
use minibatch_exchange::{Format, Options, Orientation, export, import};

/// The target of safetensors files.
pub fn safetensors(bytes: &[u8]) -> bool {
    imported(Format::Safetensors, bytes)
}

/// The target of NumPy's archives with weights.
pub fn npz(bytes: &[u8]) -> bool {
    imported(Format::Npz, bytes)
}

/// The target of networks as JSON.
pub fn json(bytes: &[u8]) -> bool {
    imported(Format::Json, bytes)
}

/// The target of ONNX graphs.
pub fn onnx(bytes: &[u8]) -> bool {
    imported(Format::Onnx, bytes)
}

/// The first byte says what is told, bit by bit:
///
/// | bit | 0 | 1 |
/// |---|---|---|
/// | 0 | nothing of the activations | relu and identity |
/// | 1, 2 | nothing of the orientation | that of bit 2 |
fn imported(format: Format, bytes: &[u8]) -> bool {
    let Some((&choice, file)) = bytes.split_first() else { return false };
    let told = |label: &str| Registry::default().activation(label).filter(|_| choice & 1 == 1);
    let way = if choice & 4 == 0 { Orientation::OutIn } else { Orientation::InOut };
    let options = Options {
        activation: told("relu"),
        output_activation: told("identity"),
        orientation: (choice & 2 != 0).then_some(way),
        ..Options::default()
    };
    let imported = match import(format, file, &options) {
        Ok(imported) => imported,
        Err(error) => {
            let line = error.to_string();
            assert!(!line.is_empty() && !line.contains('\n'), "an error is one line: {line:?}");
            return false;
        }
    };
    assert!(!imported.networks.is_empty());
    for network in imported.networks.values() {
        is_whole(network, file, format);
    }
    let named: Vec<(&str, &Network)> =
        imported.networks.iter().map(|(name, network)| (&**name, network)).collect();
    // Members of a committee may not fit one another.
    for format in Format::ALL {
        let Ok(exported) = export(format, &named) else { continue };
        let again = import(format, &exported.bytes, &Options::default()).expect("an own file is read");
        let hashes = |networks: &std::collections::BTreeMap<String, Network>| {
            networks.iter().map(|(name, network)| (name.clone(), network.weight_hash())).collect::<Vec<_>>()
        };
        assert_eq!(hashes(&again.networks), hashes(&imported.networks), "{format:?}");
    }
    true
}

/// Checks that a network's numbers are finite, none of them −0, no more than the file can hold, and that it is saved and loaded.
fn is_whole(network: &Network, file: &[u8], format: Format) {
    // Arrays may be packed, and one bias may stand for all.
    if format != Format::Npz {
        assert!(network.parameters() <= 2 * file.len(), "{} of {}", network.parameters(), file.len());
    }
    for layer in network.layers() {
        let weights = layer.weights();
        let numbers = (0..weights.rows()).flat_map(|j| weights.row(j)).chain(layer.biases());
        for x in numbers {
            assert!(x.is_finite() && x.to_bits() != (-0.0_f32).to_bits(), "{x}");
        }
    }
    let mut bytes = Vec::new();
    network.encode_into(&mut bytes).expect("its numbers are finite");
    let loaded = Network::decode(&bytes).expect("it was just written");
    assert_eq!(loaded.weight_hash(), network.weight_hash());
}
