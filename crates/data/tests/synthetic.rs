//! The drawn digits: their bytes never change, and they look like digits.

use minibatch_data::synthetic::{MAX_IMAGES, generate, write};
use minibatch_data::{Dataset, Row, Targets, locate};

fn pixels(data: &Dataset, index: usize) -> &[u8] {
    match data.input(index) {
        Row::Bytes(pixels) => pixels,
        Row::Floats(_) => panic!("synthetic images are bytes"),
    }
}

fn labels(data: &Dataset) -> &[u32] {
    match data.targets() {
        Targets::Classes { labels, .. } => labels,
        other => panic!("expected classes, found {other:?}"),
    }
}

/// Runs that were recorded with these images can be repeated only while this holds.
#[test]
fn golden() {
    let set = generate(1000, 200, 42).unwrap();
    assert_eq!(
        (set.train.fingerprint(), set.test.fingerprint()),
        (2623347911433430963, 10986335629992702538)
    );
    assert_eq!(labels(&set.train)[..10], [5, 4, 6, 8, 1, 3, 0, 9, 2, 7]);
}

#[test]
fn fewer_images_are_the_first_of_more() {
    let (few, more) = (generate(25, 5, 3).unwrap(), generate(60, 50, 3).unwrap());
    let first: Vec<u32> = (0..25).collect();
    assert_eq!(few.train.fingerprint(), more.train.subset(&first).unwrap().fingerprint());
    assert_eq!(few.test.fingerprint(), more.test.subset(&first[..5]).unwrap().fingerprint());
}

#[test]
fn sets_and_seeds_share_no_image() {
    let (a, b) = (generate(100, 100, 1).unwrap(), generate(100, 100, 2).unwrap());
    let mut images: Vec<&[u8]> = [&a.train, &a.test, &b.train, &b.test]
        .iter()
        .flat_map(|set| (0..100).map(|i| pixels(set, i)))
        .collect();
    images.sort_unstable();
    images.dedup();
    assert_eq!(images.len(), 400);
}

#[test]
fn images_are_mostly_black_with_ink_on_every_one() {
    let data = generate(500, 1, 5).unwrap().train;
    for ten in labels(&data).chunks(10) {
        let mut digits = ten.to_vec();
        digits.sort_unstable();
        assert_eq!(digits, (0..10).collect::<Vec<u32>>());
    }
    let mut black = 0;
    for i in 0..data.len() {
        let image = pixels(&data, i);
        let ink = image.iter().filter(|&&pixel| pixel > 100).count();
        assert!((10..400).contains(&ink), "image {i} has {ink} bright pixels");
        black += image.iter().filter(|&&pixel| pixel == 0).count();
    }
    let share = black as f64 / (500.0 * 784.0);
    assert!((0.75..0.87).contains(&share), "{share}");
}

/// The digits have MNIST's form: the longer side of the ink takes 20 pixels or a little less, the centre of mass is in the middle.
#[test]
fn digits_are_fitted_and_centred() {
    let data = generate(500, 1, 6).unwrap().train;
    for index in 0..data.len() {
        let image = pixels(&data, index);
        let inked = || (0..784).filter(|&i| image[i] > 0);
        let extent = |along: fn(usize) -> usize| {
            inked().map(along).max().unwrap() - inked().map(along).min().unwrap() + 1
        };
        let longer = extent(|i| i % 28).max(extent(|i| i / 28));
        assert!((17..=22).contains(&longer), "image {index} is {longer} pixels long");
        let mass: f64 = image.iter().map(|&pixel| f64::from(pixel)).sum();
        for along in [|i: usize| i % 28, |i: usize| i / 28] {
            let moment: f64 = inked().map(|i| along(i) as f64 * f64::from(image[i])).sum();
            let centre = moment / mass;
            // Ink where strokes cross counts once, their length twice.
            assert!((11.5..16.5).contains(&centre), "image {index} has its centre of mass at {centre}");
        }
    }
}

/// Labels belong to their images. The nearest class mean, the weakest of classifiers, is right far more often
/// than the one time in ten of chance, and not so often that the task is trivial.
#[test]
fn images_show_their_labels() {
    let set = generate(2000, 1000, 9).unwrap();
    let mut means = vec![[0_f32; 784]; 10];
    for (i, &label) in labels(&set.train).iter().enumerate() {
        for (mean, &pixel) in means[label as usize].iter_mut().zip(pixels(&set.train, i)) {
            *mean += f32::from(pixel) / 200.0;
        }
    }
    let distance = |mean: &[f32; 784], image: &[u8]| -> f32 {
        mean.iter().zip(image).map(|(mean, &pixel)| (mean - f32::from(pixel)).powi(2)).sum()
    };
    let correct = (0..1000).filter(|&i| {
        let image = pixels(&set.test, i);
        let nearest =
            (0..10).min_by(|&a, &b| distance(&means[a], image).total_cmp(&distance(&means[b], image)));
        nearest == Some(labels(&set.test)[i] as usize)
    });
    let correct = correct.count();
    assert!((550..850).contains(&correct), "{correct} of 1000");
}

#[test]
fn written_files_are_a_set_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let set_folder = folder.path().join("new/synthetic");
    let files = write(&set_folder, 30, 20, 7).unwrap();
    assert_eq!(locate(&set_folder).unwrap(), files);
    assert_eq!(std::fs::read_dir(&set_folder).unwrap().count(), 4, "a partial file is left");
    let (written, drawn) = (files.map().unwrap(), generate(30, 20, 7).unwrap());
    assert_eq!(written.train.fingerprint(), drawn.train.fingerprint());
    assert_eq!(written.test.fingerprint(), drawn.test.fingerprint());
}

#[test]
fn what_cannot_be_drawn_or_written_is_said() {
    for (train, test) in [(0, 1), (1, 0), (MAX_IMAGES + 1, 1)] {
        let error = generate(train, test, 1).unwrap_err().to_string();
        assert!(error.starts_with("synthetic images: expected 1 to 5000000, found "), "{error}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let file = file.path();
    let error = write(file, 1, 1, 1).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: cannot create the folder: ", file.display())), "{error}");

    // A folder stands where the second file should go. The error names it, and nothing partial stays behind.
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("train-labels-idx1-ubyte");
    std::fs::create_dir_all(taken.join("not empty")).unwrap();
    let error = write(folder.path(), 1, 1, 1).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: cannot write: ", taken.display())), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
