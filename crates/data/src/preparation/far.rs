//! Columns of numbers that lie far from those that a preparation was learned from.

use super::{InputKind, Preparation, Scale};

/// A column whose numbers lie far from those of the training rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Far {
    /// The name of the column.
    pub column: String,
    /// The part of the rows' mean by which it is off, in words: `40 standard deviations above that of the training rows`.
    pub distance: String,
}

impl Preparation {
    /// The columns of numbers whose mean over `rows` of [`inputs`](Self::inputs) lies far from the training rows: a unit may be another.
    /// Numbers that aren't scaled aren't judged.
    ///
    /// ```
    /// use minibatch_data::{Preparation, Scale, Table, TableOptions, TargetKind};
    ///
    /// let options = TableOptions { targets: vec!["ripe".to_owned()], ..TableOptions::default() };
    /// let metres = "width,ripe\n0.1,yes\n0.3,no\n0.2,yes\n0.2,no\n";
    /// let table = Table::from_reader("plums".as_ref(), metres.as_bytes(), &options)?;
    /// let (preparation, _) = Preparation::learn(&table, TargetKind::Look, &[0, 1, 2, 3], Scale::Standard)?;
    /// assert!(preparation.far(preparation.rows(&table).inputs.chunks(1)).is_empty());
    ///
    /// let centimetres = preparation.read_inputs("more".as_ref(), "width\n10\n30\n".as_bytes())?;
    /// let far = preparation.far(preparation.rows(&centimetres).inputs.chunks(1));
    /// assert_eq!(far[0].column, "width");
    /// assert_eq!(far[0].distance, "280 standard deviations above that of the training rows");
    /// # Ok::<(), minibatch_data::Error>(())
    /// ```
    #[must_use]
    pub fn far<'a>(&self, rows: impl IntoIterator<Item = &'a [f32]>) -> Vec<Far> {
        let (mut sums, mut count) = (vec![0.0; self.inputs()], 0);
        for row in rows {
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
            count += 1;
        }
        let (mut at, mut far) = (0, Vec::new());
        for column in &self.columns {
            if let InputKind::Numbers { .. } = column.kind {
                let mean = sums[at] / f64::from(count.max(1));
                far.extend(self.distance(mean).map(|distance| Far { column: column.name.clone(), distance }));
            }
            at += column.kind.inputs();
        }
        far
    }

    /// The distance of a mean of scaled numbers from the training rows in words, if it is large.
    fn distance(&self, mean: f64) -> Option<String> {
        /// Standard deviations that the mean of new rows is hardly ever off.
        const FAR: f64 = 6.0;
        /// A number that is drawn in so far was 11 quartile distances off.
        const DRAWN_IN: f64 = 2.9;
        let side = if mean > 0.0 { "above" } else { "below" };
        match self.scale {
            Scale::Standard if mean.abs() > FAR => {
                Some(format!("{:.0} standard deviations {side} that of the training rows", mean.abs()))
            }
            Scale::Robust if mean.abs() > DRAWN_IN => Some(format!(
                "more than 11 distances of the quartiles {side} the median of the training rows"
            )),
            Scale::MinMax if !(-1.0..=2.0).contains(&mean) => {
                Some(format!("{side} the range of the training rows by more than the range is wide"))
            }
            _ => None,
        }
    }
}
