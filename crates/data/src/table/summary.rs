//! A table's columns at a glance: their kinds, ranges, missing values and distributions.

use std::io::Read;
use std::path::Path;

use super::options::TableOptions;
use super::read::{Form, Hint, OnMissing, Wanted, read, read_commas};
use super::{Table, number};
use crate::error::Error;

/// A column at a glance.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ColumnSummary {
    /// The name in the header; without a header the number of the column, from 1.
    pub name: String,
    /// Cells without a value.
    pub missing: usize,
    /// The content of the other cells.
    pub content: Content,
}

/// The content of a column.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// All cells are numbers.
    Numbers {
        /// The least number.
        least: f32,
        /// The greatest number.
        greatest: f32,
        /// The mean.
        mean: f64,
        /// The middle number by size; of an even count the lower one of the two.
        median: f32,
        /// The square root of the mean square distance from the mean.
        deviation: f64,
        /// The count of different numbers.
        distinct: usize,
        /// Cells in equal parts of the range from the least number to the greatest.
        histogram: Vec<usize>,
    },
    /// Some cells are other texts.
    Texts {
        /// The different texts with the number of their cells, the most frequent first, of equally frequent ones in the order of
        /// [`Column::texts`](super::Column::texts).
        counts: Vec<(String, usize)>,
    },
    /// No cell has a value.
    Nothing,
}

impl Table {
    /// Reads a table from `reader` to look at it: all columns, of any kind, none of them a target. A cell without a value is NaN. Of the
    /// options those about the form of the text count. Errors call the table `path`.
    ///
    /// ```
    /// use minibatch_data::{Content, Table, TableOptions};
    /// use std::path::Path;
    ///
    /// let text = "size,colour\n1,red\n2,\n4,red\n";
    /// let table = Table::look(Path::new("things.csv"), text.as_bytes(), &TableOptions::default())?;
    /// let columns = table.summary(3);
    /// assert!(matches!(columns[0].content, Content::Numbers { least: 1.0, greatest: 4.0, .. }));
    /// assert_eq!(columns[1].content, Content::Texts { counts: vec![("red".to_owned(), 2)] });
    /// assert_eq!(columns[1].missing, 1);
    /// # Ok::<(), minibatch_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Table`] with the line and column that can't be used.
    pub fn look(path: &Path, reader: impl Read, options: &TableOptions) -> Result<Table, Error> {
        let TableOptions { delimiter, decimal_comma, header, .. } = *options;
        let form = Form { delimiter, decimal_comma, header, is_decided: false };
        Ok(without_targets(read(path, reader, form, |names| Ok(all_of(names)))?))
    }

    /// As [`Table::look`], for text as [`Table::from_commas`] takes it.
    ///
    /// # Errors
    /// As [`Table::look`].
    pub fn look_at_commas(path: &Path, reader: impl Read) -> Result<Table, Error> {
        Ok(without_targets(read_commas(path, reader, false, |names| Ok(all_of(names)))?))
    }

    /// The columns at a glance, with histograms of so many parts.
    ///
    /// # Panics
    /// If `parts` is 0.
    #[must_use]
    pub fn summary(&self, parts: usize) -> Vec<ColumnSummary> {
        assert!(parts > 0, "a histogram has a part");
        let column = |(index, column): (usize, &super::Column)| ColumnSummary {
            name: column.name.clone(),
            missing: column.missing,
            content: self.content(index, parts),
        };
        self.columns.iter().enumerate().map(column).collect()
    }

    fn content(&self, index: usize, parts: usize) -> Content {
        let cells = self.cells(index).filter(|cell| !cell.is_nan());
        let Some(texts) = &self.columns[index].texts else { return of_numbers(cells.collect(), parts) };
        let numbers: Option<Vec<f32>> =
            texts.iter().map(|text| number(text.text.as_bytes(), self.has_decimal_comma)).collect();
        if let Some(numbers) = numbers {
            return of_numbers(cells.map(|cell| numbers[cell as usize]).collect(), parts);
        }
        let mut counts: Vec<(String, usize)> = texts.iter().map(|text| (text.text.clone(), 0)).collect();
        cells.for_each(|cell| counts[cell as usize].1 += 1);
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Content::Texts { counts }
    }
}

/// All columns. Those of targets may have any number of texts, and no cell of them is refused.
fn all_of(names: &[String]) -> Vec<Wanted> {
    let column = |index| Wanted { index, is_target: true, hint: Hint::Look, missing: OnMissing::Keep };
    (0..names.len()).map(column).collect()
}

fn without_targets(mut table: Table) -> Table {
    table.columns.iter_mut().for_each(|column| column.is_target = false);
    table
}

fn of_numbers(mut numbers: Vec<f32>, parts: usize) -> Content {
    numbers.sort_by(f32::total_cmp);
    let (Some(&least), Some(&greatest)) = (numbers.first(), numbers.last()) else { return Content::Nothing };
    let n = numbers.len() as f64;
    let mean = numbers.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let deviation = (numbers.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n).sqrt();
    let (low, span) = (f64::from(least), f64::from(greatest) - f64::from(least));
    let mut histogram = vec![0; parts];
    for &x in &numbers {
        let place = if span > 0.0 { (f64::from(x) - low) / span * parts as f64 } else { 0.0 };
        histogram[(place as usize).min(parts - 1)] += 1;
    }
    Content::Numbers {
        least,
        greatest,
        mean,
        median: numbers[(numbers.len() - 1) / 2],
        deviation,
        distinct: numbers.chunk_by(|a, b| a == b).count(),
        histogram,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(text: &str) -> Vec<ColumnSummary> {
        Table::look(Path::new("t.csv"), text.as_bytes(), &TableOptions::default()).unwrap().summary(4)
    }

    #[test]
    fn numbers_few_and_many_are_summed_up_alike() {
        let few = summary("x,y\n1,a\n1,b\nNA,b\n5,\n");
        assert_eq!((few[0].missing, few[1].missing), (1, 1));
        let Content::Numbers { least, greatest, mean, median, deviation, distinct, histogram } =
            &few[0].content
        else {
            panic!("{few:?}")
        };
        assert_eq!((*least, *greatest, *median, *distinct), (1.0, 5.0, 1.0, 2));
        assert!((mean - 7.0 / 3.0).abs() < 1e-12 && (deviation - (32.0f64 / 9.0).sqrt()).abs() < 1e-12);
        assert_eq!(*histogram, [2, 0, 0, 1]);
        let counts = vec![("b".to_owned(), 2), ("a".to_owned(), 1)];
        assert_eq!(few[1].content, Content::Texts { counts });

        let many: String = (0..1000).map(|i| format!("{i},text {i}\n")).collect();
        let many = summary(&format!("x,y\n{many}"));
        let Content::Numbers { distinct: 1000, median: 499.0, histogram, .. } = &many[0].content else {
            panic!("{:?}", many[0])
        };
        assert_eq!(*histogram, [250; 4]);
        // Free text, which training refuses, is looked at.
        assert!(matches!(&many[1].content, Content::Texts { counts } if counts.len() == 1000));
    }

    #[test]
    fn a_column_of_one_number_or_none_has_a_summary() {
        let columns = summary("x,y\n3,\n3,NA\n");
        assert!(matches!(columns[0].content, Content::Numbers { distinct: 1, deviation: 0.0, .. }));
        assert_eq!((&columns[1].content, columns[1].missing), (&Content::Nothing, 2));
    }
}
