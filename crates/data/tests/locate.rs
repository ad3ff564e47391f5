//! The four files of a set are found under all their names, or missed with a useful message.

mod common;

use common::{Folder, idx};
use minibatch_data::{Error, locate, locate_with_prefix};

const DASHED: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

fn message(folder: &Folder) -> String {
    let error = locate(&folder.path()).unwrap_err();
    assert!(matches!(error, Error::NotInFolder { .. } | Error::UnclearInFolder { .. }), "{error:?}");
    error.to_string().replace(&folder.path().display().to_string(), "DIR")
}

#[test]
fn all_spellings_are_found() {
    let spellings = [
        DASHED,
        [
            "train-images.idx3-ubyte",
            "train-labels.idx1-ubyte",
            "t10k-images.idx3-ubyte",
            "t10k-labels.idx1-ubyte",
        ],
        [
            "train-images-idx2-float",
            "train-labels-idx2-float",
            "test-images.idx2-float",
            "t10k-labels-idx1-double",
        ],
        [
            "train-images-idx12-ubyte",
            "train-labels-idx2-int",
            "test-images-idx3-ubyte",
            "test-labels-idx2-int",
        ],
    ];
    for names in spellings {
        let folder = Folder::new();
        // Neighbours that aren't files of the set.
        for other in [
            "README.md",
            "xtrain-images-idx3-ubyte",
            "train-images-idx-ubyte",
            "train-images-idx3-ubyte.part",
        ] {
            folder.file(other, b"");
        }
        let paths = names.map(|name| folder.file(name, b""));
        let found = locate(&folder.path()).unwrap();
        assert_eq!([found.train_images, found.train_labels, found.test_images, found.test_labels], paths);
    }
}

#[test]
fn the_dashed_name_goes_before_its_dotted_twin() {
    let folder = Folder::new();
    DASHED.iter().for_each(|name| drop(folder.file(name, b"")));
    folder.file("t10k-labels.idx1-ubyte", b"");
    assert_eq!(locate(&folder.path()).unwrap().test_labels, folder.path().join(DASHED[3]));
    folder.file("t10k-labels-idx1-float", b"");
    assert_eq!(
        message(&folder),
        "DIR: expected t10k-labels-idxN-TYPE or t10k-labels.idxN-TYPE, \
         found both t10k-labels-idx1-float and t10k-labels-idx1-ubyte; keep one of them in the folder"
    );
}

#[test]
fn what_is_missing_is_said() {
    let folder = Folder::new();
    let expected = "DIR: expected train-images-idxN-TYPE or train-images.idxN-TYPE";
    let help = "`cargo xtask fetch-mnist` fetches MNIST, and `--dataset synthetic` needs no files";
    assert_eq!(message(&folder), format!("{expected}, found an empty folder; {help}"));
    folder.file("b.png", b"");
    folder.file("a.png", b"");
    assert_eq!(message(&folder), format!("{expected}, found a.png, b.png; {help}"));
    (0..20).for_each(|i| drop(folder.file(&format!("c{i:02}"), b"")));
    assert!(
        message(&folder)
            .contains("found a.png, b.png, c00, c01, c02, c03, c04, c05, c06, c07, c08, c09 and 10 more;")
    );
    // A packed file is one of the set, and a folder isn't.
    folder.file("train-images-idx3-ubyte.gz", b"");
    std::fs::create_dir(folder.path().join("train-labels-idx1-ubyte")).unwrap();
    assert!(
        message(&folder)
            .starts_with("DIR: expected train-labels-idxN-TYPE or train-labels.idxN-TYPE, found a.png, ")
    );
    // One prefix is taken, and of two none.
    let folder = Folder::new();
    DASHED.iter().for_each(|name| drop(folder.file(&format!("qmnist-{name}"), b"")));
    assert_eq!(
        locate(&folder.path()).unwrap().test_labels,
        folder.path().join("qmnist-t10k-labels-idx1-ubyte")
    );
    DASHED.iter().for_each(|name| drop(folder.file(&format!("emnist-digits-{name}"), b"")));
    assert_eq!(
        message(&folder),
        format!("{expected}, found the sets emnist-digits, qmnist; take one with --prefix emnist-digits")
    );
    let digits = locate_with_prefix(&folder.path(), Some("emnist-digits")).unwrap();
    assert_eq!(digits.train_images, folder.path().join("emnist-digits-train-images-idx3-ubyte"));
    let error = locate(&folder.path().join("none")).unwrap_err().to_string();
    assert!(error.contains("none: cannot list the folder: "), "{error}");
}

/// A folder with the four files given.
fn set(files: [Vec<u8>; 4]) -> Folder {
    let folder = Folder::new();
    DASHED.iter().zip(files).for_each(|(name, bytes)| drop(folder.file(name, &bytes)));
    folder
}

#[test]
fn both_sets_open_with_the_same_classes() {
    let images = idx(0x08, &[2, 2], &[1, 2, 3, 4]);
    let folder = set([images.clone(), idx(0x08, &[2], &[4, 2]), images, idx(0x08, &[2], &[6, 0])]);
    let files = locate(&folder.path()).unwrap();
    for set in [files.map().unwrap(), files.read().unwrap()] {
        assert_eq!((set.train.classes(), set.test.classes()), (Some(7), Some(7)));
    }
}

#[test]
fn sets_that_differ_in_kind_are_refused() {
    let images = idx(0x08, &[1, 2], &[1, 2]);
    let labels = idx(0x08, &[1], &[1]);
    let files = |test_images: &[u8], test_labels: &[u8]| {
        let folder = set([images.clone(), labels.clone(), test_images.to_vec(), test_labels.to_vec()]);
        let error = locate(&folder.path()).unwrap().read().unwrap_err();
        error.to_string().replace(&folder.path().display().to_string(), "DIR")
    };
    assert_eq!(
        files(&idx(0x08, &[1, 3], &[1, 2, 3]), &labels),
        "DIR/t10k-images-idx3-ubyte: expected examples of shape [2] as in DIR/train-images-idx3-ubyte, found [3]; \
         take both files from the same set"
    );
    assert_eq!(
        files(&images, &idx(0x0D, &[1, 1], &[0; 4])),
        "DIR/t10k-labels-idx1-ubyte: expected classes as in DIR/train-labels-idx1-ubyte, \
         found 1 value per example; take both files from the same set"
    );
}
