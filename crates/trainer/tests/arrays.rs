//! The feature `ndarray`: arrays in and out, in every order in memory. No number may end up in another place.

use minibatch::{Dataset, Mat, Matrix, Network, Pool, Row};
use ndarray::{Array2, ArrayView2, ShapeBuilder, s};

/// Element (i, j) is 100·i + j.
fn numbers(rows: usize, cols: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, cols), |(i, j)| (100 * i + j) as f32)
}

/// The same elements, column after column in memory.
fn in_fortran_s_order(array: &Array2<f32>) -> Array2<f32> {
    let mut columns = Array2::zeros(array.dim().f());
    columns.assign(array);
    assert!(!columns.is_standard_layout());
    columns
}

/// Calls `check` with views of every kind of stride.
fn each_view(check: impl Fn(&str, ArrayView2<'_, f32>)) {
    let rows = numbers(7, 37);
    let columns = in_fortran_s_order(&rows);
    let one = numbers(1, 1);
    check("row-major", rows.view());
    check("column-major", columns.view());
    check("transposed", rows.t());
    check("transposed column-major", columns.t());
    check("every other row", rows.slice(s![..;2, ..]));
    check("every third column", columns.slice(s![.., 1..;3]));
    check("a window", rows.slice(s![2..5, 3..20]));
    check("a column", rows.slice(s![.., 4..5]));
    check("a row", columns.slice(s![3..4, ..]));
    check("rows from below", rows.slice(s![..;-1, ..]));
    check("columns from the right", rows.slice(s![.., ..;-2]));
    check("the last column, from below", columns.slice(s![..;-3, 36..]));
    check("one number", one.view());
    check("a row, repeated", rows.slice(s![0..1, ..]).broadcast((5, 37)).expect("a shape"));
    check("no rows", rows.slice(s![3..3, ..]));
    check("no columns", columns.slice(s![.., 5..5]));
}

#[test]
fn views_and_copies_have_every_number_in_its_place() {
    each_view(|what, array| {
        let copy = Matrix::from(array);
        assert_eq!((copy.rows(), copy.cols()), array.dim(), "{what}");
        assert!(array.indexed_iter().all(|((i, j), &x)| copy.row(i)[j] == x), "{what}");
        assert_eq!(ArrayView2::from(&copy), array, "{what}, back");
        assert_eq!(Array2::from(copy.view().transposed()), array.t(), "{what}, back and transposed");
        let backwards =
            array.dim().0 > 1 && array.strides()[0] < 0 || array.dim().1 > 1 && array.strides()[1] < 0;
        match Mat::try_from(array) {
            Ok(mat) => {
                assert!(!backwards || array.is_empty(), "{what}");
                assert_eq!((mat.rows(), mat.cols()), array.dim(), "{what}");
                assert!(array.indexed_iter().all(|((i, j), &x)| mat.get(i, j) == x), "{what}");
                assert_eq!(ArrayView2::try_from(mat).expect("plain strides"), array, "{what}, and back");
            }
            Err(_) => assert!(backwards, "{what}"),
        }
    });
    let layer = &Network::builder(20).layer(40).build().expect("a network").layers()[0].weights();
    assert_eq!(ArrayView2::from(layer).dim(), (40, 20));
}

#[test]
fn datasets_have_the_rows_of_their_arrays() {
    each_view(|what, array| {
        let labels = (0..array.nrows()).map(|i| i as u32 % 3).collect();
        let Ok(data) = Dataset::from_class_array(array, labels) else {
            assert!(array.is_empty(), "{what}");
            return;
        };
        assert_eq!((data.len(), data.input_len()), array.dim(), "{what}");
        let bytes = array.mapv(|x| (x as usize % 251) as u8);
        let values = array.slice(s![.., ..1]);
        let of_bytes = Dataset::from_value_array(bytes.view(), values).expect("a dataset");
        for (i, row) in array.rows().into_iter().enumerate() {
            assert_eq!(data.input(i), Row::Floats(&row.to_vec()), "{what}");
            assert_eq!(of_bytes.input(i), Row::Bytes(&bytes.row(i).to_vec()), "{what}");
        }
        let minibatch::data::Targets::Values { data, width: 1 } = of_bytes.targets() else {
            panic!("{what}")
        };
        assert_eq!(*data, values.column(0).to_vec(), "{what}");
    });
    let (x, y) = (numbers(4, 2), numbers(3, 1));
    assert!(Dataset::from_class_array(x.view(), vec![0, 1, 0]).is_err(), "a label too few");
    assert!(Dataset::from_value_array(x.view(), y.view()).is_err(), "a value too few");
}

#[test]
fn outputs_are_those_of_the_same_rows() {
    let pool = Pool::detect().expect("a pool");
    each_view(|what, array| {
        if array.ncols() == 0 {
            return;
        }
        let scaled = array.mapv(|x| x / 1000.0);
        let network = Network::builder(array.ncols()).layer(9).layer(4).seed(2).build().expect("a network");
        let rows: Vec<f32> = scaled.iter().copied().collect();
        let expected = network.predict_rows(&pool, &rows).expect("outputs");
        // `mapv` keeps the order in memory, so the same views are looked at.
        let outputs = network.predict_array(&pool, scaled.view()).expect("outputs");
        assert_eq!(outputs.dim(), (array.nrows(), 4), "{what}");
        assert_eq!(outputs.iter().copied().collect::<Vec<_>>(), expected, "{what}");
    });
    let network = Network::builder(3).layer(2).build().expect("a network");
    let error = network.predict_array(&pool, numbers(2, 4).view()).expect_err("4 inputs").to_string();
    assert!(error.contains("4 inputs"), "{error}");
}
