//! An exported network comes back to the bit, with all that belongs to it.

use minibatch::activation::{Identity, Relu, Sigmoid, Softmax};
use minibatch::cost::{CategoricalCrossEntropy, Mse};
use minibatch::data::{
    Dataset, InputProfile, Missing, Preparation, Row, Scale, Table, TableOptions, TargetKind,
};
use minibatch::{Network, Registry, activation};
use minibatch_exchange::{Format, Options, export, import};
use std::sync::Arc;

/// A network of three layers whose hidden ones have this activation.
fn network(activation: &Arc<dyn minibatch::Activation>) -> Network {
    Network::builder(5)
        .layer_named(4, Arc::clone(activation))
        .layer_named(4, Arc::clone(activation))
        .layer_with(3, Softmax)
        .cost(CategoricalCrossEntropy)
        .seed(3)
        .build()
        .unwrap()
}

/// Checks that `network` comes back from each format.
fn comes_back(network: &Network) {
    for format in Format::ALL {
        let exported = export(format, &[("main", network)]).unwrap();
        let again = export(format, &[("main", network)]).unwrap();
        assert_eq!(exported.bytes, again.bytes, "{format:?}: equal networks make equal files");
        let imported = import(format, &exported.bytes, &Options::default()).unwrap();
        assert!(imported.notes.is_empty(), "{format:?}: {:?}", imported.notes);
        is_same(&imported.networks["main"], network);
    }
}

fn is_same(found: &Network, expected: &Network) {
    let labels = |network: &Network| -> Vec<String> {
        network.layers().iter().map(|layer| layer.activation().label()).collect()
    };
    assert_eq!(found.sizes(), expected.sizes());
    assert_eq!(labels(found), labels(expected));
    assert_eq!(found.cost().label(), expected.cost().label());
    assert_eq!(found.weight_hash(), expected.weight_hash());
    assert_eq!(found.class_names(), expected.class_names());
    assert_eq!(found.preparation(), expected.preparation());
    assert_eq!(found.profile(), expected.profile());
}

#[test]
fn every_activation_comes_back_from_every_format() {
    let registry = Registry::default();
    for activation in activation::built_in().into_iter().filter(|one| !one.is_row_wise()) {
        comes_back(&network(&activation));
    }
    for label in ["leaky-relu(0.3)", "elu(1.7)"] {
        comes_back(&network(&registry.activation(label).unwrap()));
    }
}

#[test]
fn names_of_classes_and_the_kind_of_inputs_come_back() {
    let mut network = network(&registry_activation("relu"));
    network.set_class_names(["a", "b\n", "ü"].map(str::to_owned).to_vec()).unwrap();
    let profile = InputProfile::of_rows(1, &[5], |_| Row::Bytes(&[0, 1, 2, 3, 255]));
    network.set_profile(profile).unwrap();
    comes_back(&network);
    let other = InputProfile::of_rows(1, &[4], |_| Row::Bytes(&[0, 1, 2, 3]));
    assert!(network.set_profile(other).is_err());
}

fn registry_activation(label: &str) -> Arc<dyn minibatch::Activation> {
    Registry::default().activation(label).unwrap()
}

/// A table with all kinds of columns.
const TABLE: &str =
    "size,colour,weight,shape,price\n1.5,red,10,a,1\n2,white,,b,2\n3,pink,11.7,a,4\n2.2,red,9.1,a,0.7\n";

/// The preparation of that table. `target` is its target.
fn preparation(target: &str, scale: Scale) -> Preparation {
    let options = TableOptions {
        targets: vec![target.to_owned()],
        missing: Missing::Median,
        ..TableOptions::default()
    };
    let table = Table::from_reader("table".as_ref(), TABLE.as_bytes(), &options).unwrap();
    Preparation::learn(&table, TargetKind::Look, &[0, 1, 2, 3], scale).unwrap().0
}

#[test]
fn preparations_come_back() {
    for scale in Scale::ALL {
        let prepared = preparation("price", scale);
        let mut values = Network::builder(prepared.inputs())
            .layer_with(3, Relu)
            .layer_with(1, Identity)
            .cost(Mse)
            .build()
            .unwrap();
        values.set_preparation(prepared).unwrap();
        comes_back(&values);
        let prepared = preparation("shape", scale);
        let mut classes =
            Network::builder(prepared.inputs()).layer_with(1, Sigmoid).cost(Mse).build().unwrap();
        classes.set_preparation(prepared).unwrap();
        comes_back(&classes);
    }
}

#[test]
fn committees_come_back_under_their_names() {
    let [one, two] = ["relu", "tanh"].map(|label| network(&registry_activation(label)));
    for format in Format::ALL {
        let exported = export(format, &[("first", &one), ("second", &two)]).unwrap();
        let imported = import(format, &exported.bytes, &Options::default()).unwrap();
        assert_eq!(imported.networks.keys().collect::<Vec<_>>(), ["first", "second"]);
        is_same(&imported.networks["first"], &one);
        is_same(&imported.networks["second"], &two);
    }
    let other = Network::builder(4).layer_with(3, Softmax).cost(CategoricalCrossEntropy).build().unwrap();
    let error = export(Format::Npz, &[("first", &one), ("other", &other)]).unwrap_err().to_string();
    let expected = "network 'other': expected the inputs and outputs of 'first', as a member of one committee, found others";
    assert_eq!(error, expected);
}

/// The text of a file is part of its format.
#[test]
fn json_is_as_documented() {
    let mut network = Network::builder(2).layer_with(1, Sigmoid).build().unwrap();
    network.layers_mut()[0].set_weights(minibatch::Mat::row_major(&[0.1, -2.5], 1, 2)).unwrap();
    network.layers_mut()[0].biases_mut()[0] = 1e-7;
    network.set_class_names(["no", "yes"].map(str::to_owned).to_vec()).unwrap();
    let exported = export(Format::Json, &[("main", &network)]).unwrap();
    let expected = concat!(
        r#"{"version":1,"producer":"minibatch "#,
        env!("CARGO_PKG_VERSION"),
        r#"","networks":[{"name":"main","sizes":[2,1],"activations":["sigmoid"],"cost":"quadratic","class_names":["no","yes"],"#,
        r#""weights":[[[0.1,-2.5]]],"biases":[[1e-7]]}]}"#,
        "\n"
    );
    assert_eq!(String::from_utf8(exported.bytes).unwrap(), expected);
    let prepared = preparation("price", Scale::Standard);
    let text = serde_json::to_value(&prepared).unwrap();
    assert_eq!(text["columns"][0]["name"], "size");
    assert_eq!(text["columns"][0]["kind"]["Numbers"]["scaler"]["draws_in"], false);
    assert_eq!(text["columns"][1]["kind"]["Categories"]["categories"].as_array().unwrap().len(), 3);
    assert_eq!(text["targets"]["Values"][0]["name"], "price");
}

#[test]
fn an_imported_network_is_trained_on() {
    let network = network(&registry_activation("relu"));
    let bytes = export(Format::Safetensors, &[("main", &network)]).unwrap().bytes;
    let imported =
        import(Format::Safetensors, &bytes, &Options::default()).unwrap().networks.remove("main").unwrap();
    let data =
        Dataset::from_classes([0.0f32, 1.0, 0.5, 0.2, 0.9].repeat(12), &[5], [0, 1, 2].repeat(4)).unwrap();
    let hash = |network: Network| {
        let settings = minibatch::Settings {
            epochs: 2,
            batch_size: 4,
            learning_rate: 0.1,
            ..minibatch::Settings::default()
        };
        let mut trainer = minibatch::Trainer::new(None, &data, network, settings).unwrap();
        trainer.fit(None, &mut ()).unwrap();
        trainer.network().weight_hash()
    };
    assert_eq!(hash(imported), hash(network));
}

/// Files of an earlier version are read by this one. `UPDATE_SNAPSHOTS=1` writes them anew.
#[test]
fn files_that_were_written_before_are_read() {
    let prepared = preparation("price", Scale::Robust);
    let mut network = Network::builder(prepared.inputs())
        .layer_named(3, registry_activation("gelu"))
        .layer_with(1, Identity)
        .cost(Mse)
        .seed(4)
        .build()
        .unwrap();
    network.set_preparation(prepared).unwrap();
    for format in Format::ALL {
        let name = format!("tests/fixtures/own.{}", format.name());
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&path, export(format, &[("main", &network)]).unwrap().bytes).unwrap();
        }
        let imported = import(format, &std::fs::read(&path).unwrap(), &Options::default()).unwrap();
        is_same(&imported.networks["main"], &network);
    }
}

/// A file that names its activations isn't told others, but outputs without one get the one that is told.
#[test]
fn activations_are_told_as_they_are() {
    let network = Network::builder(5).layer_with(4, Relu).layer_with(3, Identity).cost(Mse).build().unwrap();
    let told = |activation: &str, output: &str| Options {
        activation: Some(registry_activation(activation)),
        output_activation: Some(registry_activation(output)),
        cost: Registry::default().cost("categorical-cross-entropy"),
        ..Options::default()
    };
    for format in Format::ALL {
        let bytes = export(format, &[("main", &network)]).unwrap().bytes;
        let imported = import(format, &bytes, &told("relu", "softmax")).unwrap();
        let found = &imported.networks["main"];
        assert_eq!(
            (found.layers()[1].activation().name(), found.weight_hash()),
            ("softmax", network.weight_hash())
        );
        let error = import(format, &bytes, &told("tanh", "softmax")).unwrap_err().to_string();
        assert_eq!(error, "layer 1: expected tanh, as --activation says, found relu");
    }
}
